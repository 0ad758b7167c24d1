"""likelihead compare: several families on the same rows, side by side."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from likelihead.commands import command_line, overrides
from likelihead.commands.directory_claim import claim
from likelihead.commands.quoting import assignment
from likelihead.commands.run_directory import CONFIG, output_directory
from likelihead.commands.user_errors import fail, report, reports_errors, sentence_of
from likelihead.errors import LikelihoodError
from likelihead.files import write_text

#: In the directory of a run that failed: why.
ERROR = "error.txt"
#: In the directory of the comparison.
TABLE = "comparison.csv"


@dataclass(frozen=True)
class Entry:
    """One family's NLLs on the test rows (the training rows where none are held out), or why it has none."""

    distribution: str
    part: str = ""
    nll: float | None = None
    marginal: float | None = None
    validation: float | None = None
    is_discrete: bool | None = None
    directory: str = ""
    failure: str = ""


def train_family(config: DictConfig) -> None:
    """The task that Hydra runs for each family; what stops it is written to error.txt in the run's directory."""
    from likelihead.commands.train import run

    error_file = output_directory() / ERROR
    error_file.unlink(missing_ok=True)
    try:
        _check_data(config)
        run(config)
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        write_text(error_file, sentence + "\n")


def _check_data(config: DictConfig) -> None:
    if config.data.get("kind") == "synthetic" and config.data.name is None:
        raise LikelihoodError(
            "each family would train on a synthetic set of a different kind: choose one set for all, such as "
            "data=diabetes, data=table data.path=… data.target=…, or data.name=…"
        )


def main() -> None:
    """`likelihead compare distribution=a,b,c …`."""
    words = [word for word in command_line.checked("train", "compare") if word not in command_line.SWEEP]
    if any(word.startswith("-") for word in words):
        command_line.start(train_family, "train", words)
        return
    with reports_errors():
        families = _families(words)
        directory = _directory(words)
    places = [assignment("hydra.sweep.dir", str(directory)), "hydra.sweep.subdir=${hydra:runtime.choices.distribution}"]
    with claim(["-m", *words, *places]) as claimed:
        command_line.start(train_family, "train", claimed)
        _report([_entry(directory, name) for name in families], directory)


def _families(words: Sequence[str]) -> list[str]:
    """The distributions to compare.

    Raises:
        LikelihoodError: no list of distributions, one that is named twice, or a list of something else.
    """
    families: list[str] = []
    for override in overrides.parsed(words):
        if override.key_or_group == "distribution":
            families = [str(value) for value in overrides.values(override)]
        elif override.is_sweep_override():
            raise LikelihoodError(
                f"{override.input_line}: compare takes a list of distributions only, because the runs of a family "
                f"would share a directory; give one value, or sweep with likelihead train -m"
            )
    if len(families) < 2:
        raise LikelihoodError(
            "compare needs several families: likelihead compare distribution=normal,laplace,student_t"
        )
    if len(set(families)) < len(families):
        raise LikelihoodError(f"distribution={','.join(families)} names a family twice")
    return families


def _directory(words: Sequence[str]) -> Path:
    """The directory of the comparison.

    Raises:
        LikelihoodError: the directory already holds one.
    """
    given = [override.value() for override in overrides.parsed(words) if override.key_or_group == "hydra.sweep.dir"]
    directory = Path(str(given[-1]) if given else datetime.now().strftime("outputs/%Y-%m-%d/%H-%M-%S.%f-compare"))
    if (directory / TABLE).exists():
        raise LikelihoodError(f"{str(directory)!r} already holds a comparison: choose another directory")
    return directory


def _entry(directory: Path, name: str) -> Entry:
    """The result of one family, from the files of its run."""
    run = directory / name
    if (run / ERROR).is_file():
        return Entry(name, failure=(run / ERROR).read_text(encoding="utf-8").strip())
    if not (run / "metrics.json").is_file():
        return Entry(name, failure="the run ended without a result")
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    part = "test" if metrics["test"]["n"] else "train"
    return Entry(
        name, part, metrics[part]["nll"], metrics["marginal"]["nll"], metrics["validation"]["nll"],
        _is_discrete(run), str(run.absolute()),
    )  # fmt: skip


def _is_discrete(run: Path) -> bool:
    """Whether the family of a run gives probabilities rather than densities."""
    from likelihead.families.family import Family
    from likelihead.families.signature import Signature, resolve

    mapping: Any = OmegaConf.to_container(OmegaConf.load(run / CONFIG).distribution, resolve=True)
    is_sized = Signature.of(resolve(mapping["family"])).is_sized
    # Any size will do: the support is discrete for all of them or for none.
    return Family.of(mapping, event_size=3 if is_sized else None).is_discrete


def _report(entries: Sequence[Entry], directory: Path) -> None:
    """Print the table and write it to comparison.csv; exits with status 1 where a family could not be trained."""
    failed = [entry for entry in entries if entry.failure]
    if len(failed) == len(entries):
        reasons = [entry.failure for entry in failed]
        if len(set(reasons)) > 1:
            reasons = [f"{entry.distribution}: {entry.failure}" for entry in failed]
        else:
            reasons = reasons[:1]
        fail(f"none of the families could be trained: {'; '.join(reasons)}")
    entries = sorted(entries, key=lambda entry: math.inf if entry.nll is None else entry.nll)
    write_text(directory / TABLE, _csv(entries))
    _print(entries, directory)
    if failed:
        names = ", ".join(entry.distribution for entry in failed)
        report(f"{len(failed)} of {len(entries)} families could not be trained: {names}")
        raise SystemExit(1)


def _print(entries: Sequence[Entry], directory: Path) -> None:
    from rich.console import Console

    from likelihead.commands.summary import table

    part = next(entry.part for entry in entries if entry.part)
    columns = ["distribution", f"{part} NLL", "marginal NLL", "validation NLL"]
    rows: list[list[Any]] = [[entry.distribution, entry.nll, entry.marginal, entry.validation] for entry in entries]
    console = Console(highlight=False)
    console.print()
    console.print("NLL per row in nats, the best first", style="bold")
    console.print(table(columns, rows))
    for line in _remarks(entries):
        console.print(line, soft_wrap=True, markup=False)
    console.print(f"\nFiles: {directory.absolute()}", soft_wrap=True, markup=False)


def _remarks(entries: Sequence[Entry]) -> list[str]:
    lines = [f"\n{entry.distribution}: {entry.failure}" for entry in entries if entry.failure]
    if len({entry.is_discrete for entry in entries if entry.is_discrete is not None}) > 1:
        lines.append(
            "\nNote: some of these families give probabilities and others densities, so that their NLLs are on "
            "different scales: a density may lie above 1, and its NLL depends on the unit of y. Compare "
            "only probabilities with probabilities and densities with densities."
        )
    return lines


def _csv(entries: Sequence[Entry]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["distribution", "part", "nll", "marginal_nll", "validation_nll", "discrete", "directory", "failure"]
    )
    for entry in entries:
        nlls = [entry.nll, entry.marginal, entry.validation]
        writer.writerow([entry.distribution, entry.part, *nlls, entry.is_discrete, entry.directory, entry.failure])
    return text.getvalue()
