"""likelihead compare: several families on the same rows, side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from likelihead.commands import command_line, overrides
from likelihead.commands.directory_claim import claim
from likelihead.commands.quoting import assignment
from likelihead.commands.run_directory import output_directory
from likelihead.commands.sweep import attempt, reported
from likelihead.commands.trials import Trial, exit_after_failures, trial_of
from likelihead.commands.trials import report as report_trials
from likelihead.commands.user_errors import reports_errors
from likelihead.errors import LikelihoodError

if TYPE_CHECKING:
    from likelihead.training.fit import Outcome

#: In the directory of the comparison.
TABLE = "comparison.csv"


def train_family(config: DictConfig) -> float:
    """The task that Hydra runs for each family; what stops it is written to error.txt in the run's directory."""
    return attempt(_train, config, output_directory())


def _train(config: DictConfig) -> Outcome | None:
    from likelihead.commands.train import run

    _check_data(config)
    return run(config)


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
    with (
        claim(["-m", *words, *places]) as claimed,
        reported(lambda: _report([trial_of(directory / name, {"distribution": name}) for name in families], directory)),
    ):
        command_line.start(train_family, "train", claimed)


def _families(words: Sequence[str]) -> list[str]:
    """The distributions to compare.

    Raises:
        LikelihoodError: no list of distributions, one that is named twice, or a list of something else.
    """
    families: list[str] = []
    for override in overrides.parsed(words):
        if override.key_or_group == "distribution":
            families = [str(value) for value in overrides.values(override)]
            if isinstance(override.value(), list):
                given = str(override.input_line)
                plain = given.replace("[", "").replace("]", "")
                raise LikelihoodError(f"{given}: write the list without brackets, {plain}")
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


def _report(trials: Sequence[Trial], directory: Path) -> None:
    """Print the table and write it to comparison.csv; exits with status 1 where a family could not be trained."""
    if not all(trial.failure for trial in trials):
        report_trials(trials, directory / TABLE, _by_nll, ["distribution"], "NLL per row in nats, the best first")
    exit_after_failures(trials, "families", SystemExit(1))


def _by_nll(trial: Trial) -> float:
    return math.inf if trial.nll is None else trial.nll
