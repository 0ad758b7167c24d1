"""Several runs side by side, for compare and for sweeps: read from their files, printed, and written as a table."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from likelihead.commands.run_directory import CONFIG
from likelihead.commands.stored_config import known_distribution, load_stored, reads_run
from likelihead.commands.user_errors import fail
from likelihead.commands.user_errors import report as report_error
from likelihead.errors import one_line, printable
from likelihead.files import write_text

#: In the directory of a run that failed: why.
ERROR = "error.txt"
MEASURES = ["part", "nll", "marginal_nll", "validation_nll", "discrete", "directory", "failure"]


@dataclass(frozen=True)
class Trial:
    """One run's NLLs on the test rows (the training rows where none are held out), or why it has none.

    Attributes:
        chosen: what distinguishes the run from the others, by name.
        is_discrete: whether the family gives probabilities rather than densities; of joint targets of both sorts, the
            names of those with probabilities.
        data: the name of the data set, if it depends on the family.
    """

    chosen: Mapping[str, str]
    part: str = ""
    nll: float | None = None
    marginal: float | None = None
    validation: float | None = None
    is_discrete: bool | str | None = None
    directory: str = ""
    failure: str = ""
    data: str = ""

    @property
    def name(self) -> str:
        """The run in words."""
        return ", ".join(self.chosen.values())

    @property
    def objective(self) -> float:
        """What a sweep minimises: the validation NLL, or `nll` without validation rows."""
        known = [nll for nll in (self.validation, self.nll) if nll is not None]
        return known[0] if known else math.inf


def trial_of(run: Path, chosen: Mapping[str, str]) -> Trial:
    """The result of one run, from its files."""
    with reads_run(run):
        if (run / ERROR).is_file():
            return Trial(chosen, failure=one_line((run / ERROR).read_text(encoding="utf-8")))
        if not (run / "metrics.json").is_file():
            return Trial(chosen, failure="the run ended without a result")
        return _result_of(run, chosen)


def _result_of(run: Path, chosen: Mapping[str, str]) -> Trial:
    from likelihead.families.joint import joint_families

    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    part = "test" if metrics["test"]["n"] else "train"
    nll, marginal, validation = (_number(metrics[name]["nll"]) for name in (part, "marginal", "validation"))
    config = load_stored(run / CONFIG)
    mapping = known_distribution(config)
    is_discrete = None if mapping is None else _is_discrete(mapping)
    own_set = "" if mapping is None or joint_families(mapping) else _own_set(mapping, config)
    return Trial(chosen, part, nll, marginal, validation, is_discrete, str(run.absolute()), data=own_set)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _is_discrete(mapping: Mapping[str, Any]) -> bool | str:
    """Whether the family of a run gives probabilities rather than densities: see `Trial`."""
    from likelihead.families.family import probe_family
    from likelihead.families.joint import joint_families

    families = joint_families(mapping) or {"": mapping}
    discrete = sorted(name for name, family in families.items() if probe_family(family).is_discrete)
    return ", ".join(discrete) if 0 < len(discrete) < len(families) else bool(discrete)


def _own_set(mapping: Mapping[str, Any], config: DictConfig) -> str:
    """The synthetic set that belongs to the family of a run; empty for data that do not depend on it."""
    from likelihead.data.sources.synthetic import default_name

    if config.data.get("kind") != "synthetic" or config.data.get("name") is not None:
        return ""
    return default_name(mapping)


def report(
    trials: Sequence[Trial], file: Path, order: Callable[[Trial], float], columns: Sequence[str], title: str
) -> None:
    """Write the trials to a CSV file and print them, the best first; `columns` are the names in `chosen`."""
    trials = sorted(trials, key=order)
    write_text(file, _csv(trials, columns))
    _print(trials, file.parent, columns, title)


def _print(trials: Sequence[Trial], directory: Path, columns: Sequence[str], title: str) -> None:
    from rich.console import Console

    from likelihead.commands.summary import table

    part = next((trial.part for trial in trials if trial.part), "test")
    names = [*columns, f"{part} NLL", "marginal NLL", "validation NLL"]
    rows: list[list[Any]] = [
        [*(trial.chosen.get(name, "") for name in columns), trial.nll, trial.marginal, trial.validation]
        for trial in trials
    ]
    places = [Path(trial.directory).name if trial.directory else "" for trial in trials]
    if places != [trial.name for trial in trials] and any(places):
        names, rows = [*names, "directory"], [[*row, place] for row, place in zip(rows, places, strict=True)]
    console = Console(highlight=False)
    console.print()
    console.print(title, style="bold")
    console.print(table(names, rows), soft_wrap=True)
    for line in notes(trials):
        console.print(printable(line), soft_wrap=True, markup=False)
    console.print(f"\nFiles: {directory.absolute()}", soft_wrap=True, markup=False)


def notes(trials: Sequence[Trial]) -> list[str]:
    """Why trials failed, and where their NLLs cannot be compared."""
    lines = [f"\n{trial.name}: {trial.failure}" for trial in trials if trial.failure]
    if len({trial.is_discrete for trial in trials if trial.is_discrete is not None}) > 1:
        lines.append(
            "\nNote: some of these families give probabilities and others densities, so that their NLLs are on "
            "different scales: a density may lie above 1, and its NLL depends on the unit of y. Compare "
            "only probabilities with probabilities and densities with densities."
        )
    sets = sorted({trial.data for trial in trials if trial.data})
    if len(sets) > 1:
        lines.append(
            f"\nNote: these runs were trained on different synthetic data ({', '.join(sets)}), each on that of its "
            "family, so that their NLLs cannot be compared: choose one data set for all, such as data=diabetes."
        )
    return lines


def exit_after_failures(trials: Sequence[Trial], noun: str, end: SystemExit) -> None:
    """Exit with one sentence where a trial failed, with `end` where others did not; those are reported before."""
    failed = [trial for trial in trials if trial.failure]
    if failed and len(failed) == len(trials):
        reasons = sorted({trial.failure for trial in failed})
        if len(reasons) > 1:
            reasons = [f"{trial.name}: {trial.failure}" for trial in failed]
        fail(f"none of the {noun} could be trained: {'; '.join(reasons)}")
    if failed:
        names = ", ".join(trial.name for trial in failed)
        report_error(f"{len(failed)} of {len(trials)} {noun} could not be trained: {names}")
        raise end


def _csv(trials: Sequence[Trial], columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*columns, *MEASURES])
    for trial in trials:
        nlls = [trial.nll, trial.marginal, trial.validation]
        chosen = [trial.chosen.get(name, "") for name in columns]
        writer.writerow([*chosen, trial.part, *nlls, trial.is_discrete, trial.directory, trial.failure])
    return text.getvalue()
