"""likelihead compare: several families on the same rows, side by side."""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from likelihead.commands import command_line as words
from likelihead.commands.telling import fail, telling
from likelihead.configs import conf_directory
from likelihead.errors import LikelihoodError


@dataclass(frozen=True)
class Entry:
    """One family's figures on the test rows (the training rows where none are held out), or why it has none."""

    distribution: str
    part: str
    nll: float | None
    marginal: float | None
    validation: float | None
    is_discrete: bool | None
    directory: str
    failure: str = ""


#: What the runs of this process found.
_found: list[Entry] = []


@hydra.main(version_base="1.3", config_path=str(conf_directory()), config_name="train")
@telling
def application(config: DictConfig) -> float:
    """The task that Hydra runs for each family: its validation NLL, or NaN where it cannot take these targets."""
    from likelihead.commands.train import run

    name = HydraConfig.get().runtime.choices["distribution"]
    if config.data.get("kind") == "synthetic" and config.data.name is None:
        raise LikelihoodError(
            "each family would train on a synthetic set of its own kind: choose one set for all, such as "
            "data=diabetes, data=table data.path=… data.target=…, or data.name=…"
        )
    try:
        outcome = run(config)
    except LikelihoodError as error:
        _found.append(Entry(name, "", None, None, None, None, "", str(error)))
        return math.nan
    if outcome is None:
        return math.nan
    part = "test" if outcome.metrics["test"]["n"] else "train"
    figures = outcome.metrics
    _found.append(
        Entry(
            name, part, figures[part]["nll"], figures["marginal"]["nll"], figures["validation"]["nll"],
            outcome.is_discrete, str(outcome.directory),
        )
    )  # fmt: skip
    return outcome.objective


def main() -> None:
    """`likelihead compare distribution=a,b,c …`."""
    given = [word for word in sys.argv[1:] if word not in ("-m", "--multirun")]
    given = given[1:] if given[:1] == ["compare"] else given
    sys.argv = [sys.argv[0], *given]
    if any(word.startswith("-") for word in given):
        words.run(application, "train", "compare")
        return
    try:
        directory = _directory(given)
    except LikelihoodError as error:
        fail(str(error))
    _found.clear()
    sweep = (f"hydra.sweep.dir={directory}", "hydra.sweep.subdir=${hydra:runtime.choices.distribution}")
    words.run(application, "train", "compare", ("-m", *sweep))
    _report(sorted(_found, key=lambda entry: math.inf if entry.nll is None else entry.nll), directory)


def _directory(given: Sequence[str]) -> Path:
    """Where the runs go.

    Raises:
        LikelihoodError: no list of distributions, a list of something else, or a directory that is taken.
    """
    listed = dict(word.split("=", 1) for word in given if "=" in word)
    families = [name for name in listed.get("distribution", "").split(",") if name]
    if len(families) < 2:
        raise LikelihoodError(
            "compare needs several families: likelihead compare distribution=normal,laplace,student_t"
        )
    if len(set(families)) < len(families):
        raise LikelihoodError(f"distribution={listed['distribution']} names a family twice")
    directory = Path(listed.get("hydra.sweep.dir", datetime.now().strftime("outputs/%Y-%m-%d/%H-%M-%S.%f-compare")))
    if (directory / "comparison.csv").exists():
        raise LikelihoodError(f"{str(directory)!r} already holds a comparison: choose another directory")
    return directory


def _report(found: Sequence[Entry], directory: Path) -> None:
    from rich.console import Console

    from likelihead.commands.summary import table
    from likelihead.files import write_text

    if not found:
        return
    write_text(directory / "comparison.csv", _csv(found))
    part = next((entry.part for entry in found if entry.part), "test")
    columns = ["distribution", f"{part} NLL", "marginal NLL", "validation NLL"]
    rows: list[list[Any]] = [[entry.distribution, entry.nll, entry.marginal, entry.validation] for entry in found]
    console = Console(highlight=False)
    console.print()
    console.print("NLL per row in nats, the best first", style="bold")
    console.print(table(columns, rows))
    for line in _remarks(found):
        console.print(line, soft_wrap=True, markup=False)
    console.print(f"\nFiles: {directory.absolute()}", soft_wrap=True, markup=False)


def _remarks(found: Sequence[Entry]) -> list[str]:
    lines = [f"\n{entry.distribution}: {entry.failure}" for entry in found if entry.failure]
    if len({entry.is_discrete for entry in found if entry.is_discrete is not None}) > 1:
        lines.append(
            "\nNote: some of these families give probabilities and others densities, so that their NLLs are on "
            "different scales: a density may lie above 1, and its NLL depends on the unit of y. Compare them within "
            "each sort only."
        )
    return lines


def _csv(found: Sequence[Entry]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["distribution", "part", "nll", "marginal_nll", "validation_nll", "discrete", "directory", "failure"]
    )
    for entry in found:
        figures = [entry.nll, entry.marginal, entry.validation]
        writer.writerow([entry.distribution, entry.part, *figures, entry.is_discrete, entry.directory, entry.failure])
    return text.getvalue()
