"""Runs side by side on the rows that none of them was trained on: read from their files, and scored row by row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from likelihead.commands.run_directory import BEST, CONFIG
from likelihead.commands.stored_config import reads_run
from likelihead.commands.trials import Trial
from likelihead.errors import LikelihoodError

if TYPE_CHECKING:
    import pandas as pd

    from likelihead.evaluation.paired import RowScores


@dataclass(frozen=True)
class ComparedRun:
    """A run of a comparison.

    Attributes:
        trial: the run and its NLLs.
        rows: the scores of each test row; None if they cannot be computed again.
        targets: the target cells of these rows, which show whether two runs were tested on the same.
        seconds: the time from the start of the run to its scores; None if it is unknown.
        remark: why there are no scores of rows.
        difference: by how many nats per row the run is worse than the best one that it can be compared with, and the
            standard error of that.
    """

    trial: Trial
    rows: RowScores | None = None
    targets: pd.DataFrame | None = None
    seconds: float | None = None
    remark: str = ""
    difference: tuple[float, float] | None = None

    def mean(self, score: str) -> float | None:
        """The mean of a score over the test rows; None where it is unknown."""
        return None if self.rows is None else self.rows.mean(score)

    @property
    def measures(self) -> dict[str, float | None]:
        """What is known of the run besides its trial."""
        difference, error = self.difference or (None, None)
        means = {score: self.mean(score) for score in ("integer_nll", "crps", "coverage_0.9")}
        return {"difference": difference, "standard_error": error, **means, "seconds": self.seconds}

    def is_comparable(self, other: ComparedRun, score: str) -> bool:
        """Whether two runs were tested on the same rows, and the score means the same for both."""
        same_measure = score == "integer_nll" or self.trial.is_discrete == other.trial.is_discrete
        return same_measure and self.has_targets_of(other)

    def has_targets_of(self, other: ComparedRun) -> bool:
        """Whether two runs are known to have been tested on the same targets."""
        return self.targets is not None and other.targets is not None and self.targets.equals(other.targets)


def read_run(trial: Trial) -> ComparedRun:
    """Score a finished run on its test rows again, row by row."""
    if trial.failure:
        return ComparedRun(trial)
    run = Path(trial.directory)
    seconds = _seconds(run)
    try:
        with reads_run(run):
            return ComparedRun(trial, *_scored(run), seconds)
    except LikelihoodError as error:
        return ComparedRun(trial, seconds=seconds, remark=str(error))


def _scored(run: Path) -> tuple[RowScores, pd.DataFrame]:
    from likelihead.commands.saved_model import rows_of
    from likelihead.data import encode_table
    from likelihead.evaluation.paired import score_rows
    from likelihead.training.checkpoint import load

    module = load(run)
    if "table" not in module.extra:
        raise LikelihoodError(f"the run in {str(run)!r} was not trained on a table")
    frame, encoder, _ = rows_of(module, run / BEST, None)
    return score_rows(module, encode_table(frame, encoder)), frame[encoder.target.names].reset_index(drop=True)


def _seconds(run: Path) -> float | None:
    """The time between the writing of the config and that of the scores."""
    start, end = ((run / name).stat().st_mtime for name in (CONFIG, "metrics.json"))
    return end - start if end > start else None


def order(runs: Sequence[ComparedRun]) -> tuple[list[ComparedRun], str]:
    """The runs, the best first, each with its difference to the best of those it can be compared with; and the score.

    The score is the NLL. Only where some families give probabilities and others densities, and every target is a whole
    number, it is `integer_nll`, what both say of whole numbers.
    """
    measures = {run.trial.is_discrete for run in runs if run.trial.is_discrete is not None}
    scored = [run for run in runs if run.rows]
    on_integers = len(measures) > 1 and all(
        run.mean("integer_nll") is not None and run.has_targets_of(scored[0]) for run in scored
    )
    score = "integer_nll" if on_integers else "nll"

    def value(run: ComparedRun) -> float:
        found = run.trial.nll if score == "nll" else run.mean(score)
        return math.inf if found is None else found

    ordered = sorted(runs, key=value)
    return [replace(run, difference=_difference(run, ordered, score)) for run in ordered], score


def _difference(run: ComparedRun, ordered: Sequence[ComparedRun], score: str) -> tuple[float, float] | None:
    """That of a run to the first of those with which it can be compared; None for this first one."""
    best = next((other for other in ordered if other.is_comparable(run, score)), run)
    return None if run is best or run.rows is None or best.rows is None else run.rows.difference(best.rows, score)
