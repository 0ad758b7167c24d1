"""likelihead compare: families, architectures or finished runs on the same rows, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from likelihead.commands import command_line, overrides
from likelihead.commands.directory_claim import claim
from likelihead.commands.quoting import assignment
from likelihead.commands.run_directory import output_directory
from likelihead.commands.sweep import attempt, reported
from likelihead.commands.trials import Trial, exit_after_failures, trial_of
from likelihead.commands.user_errors import reports_errors
from likelihead.errors import LikelihoodError

if TYPE_CHECKING:
    from likelihead.training.fit import Outcome

#: In the directory of the comparison.
TABLE = "comparison.csv"
#: The groups of which several choices can be compared.
COMPARABLE = ("distribution", "architecture")
AUTO = "distribution=auto"


def train_family(config: DictConfig) -> float:
    """The task that Hydra runs for each choice; what stops it is written to error.txt in the run's directory."""
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
    """`likelihead compare distribution=a,b,c …`, `architecture=a,b`, `distribution=auto`, or `runs=[a,b]`."""
    typed = command_line.typed_words("compare")
    if any(word.startswith("runs=") for word in typed) and not any(word.startswith("-") for word in typed):
        from likelihead.commands.finished_runs import compare_finished

        with reports_errors():
            compare_finished(typed)
        return
    words = command_line.checked("train", "compare", _with_families(typed))
    words = [word for word in words if word not in command_line.SWEEP]
    if any(word.startswith("-") for word in words):
        command_line.start(train_family, "train", words)
        return
    with reports_errors():
        choices = _choices(words)
        directory = _directory(words)
    names = ["-".join(chosen.values()) for chosen in choices]
    subdirectory = "-".join(f"${{hydra:runtime.choices.{name}}}" for name in choices[0])
    places = [assignment("hydra.sweep.dir", str(directory)), f"hydra.sweep.subdir={subdirectory}"]

    def trials() -> list[Trial]:
        return [trial_of(directory / name, chosen) for name, chosen in zip(names, choices, strict=True)]

    with claim(["-m", *words, *places]) as claimed, reported(lambda: _report(trials(), directory)):
        command_line.start(train_family, "train", claimed)


def _with_families(typed: Sequence[str]) -> list[str]:
    """The words, with the families that `distribution=auto` stands for."""
    if AUTO not in typed:
        return list(typed)
    first = command_line.checked("train", "compare", [word for word in typed if word != AUTO])
    if any(word.startswith("-") for word in first):
        return [word for word in typed if word != AUTO]
    with reports_errors():
        from likelihead.commands.family_search import finalists

        config = overrides.composed(first, "train")
        if config is None:
            raise LikelihoodError("distribution=auto needs data that Hydra can compose: name them without it first")
        _check_data(config)
        chosen = finalists(config)
    return [f"distribution={','.join(chosen)}" if word == AUTO else word for word in typed]


def _choices(words: Sequence[str]) -> list[dict[str, str]]:
    """The choices to compare, by group: every combination of those of which there are several.

    Raises:
        LikelihoodError: no list of choices, one that is named twice, or a list of something else.
    """
    listed: dict[str, list[str]] = {}
    for override in overrides.parsed(words):
        if override.key_or_group in COMPARABLE:
            listed[override.key_or_group] = [str(value) for value in overrides.values(override)]
            if isinstance(override.value(), list):
                given = str(override.input_line)
                plain = given.replace("[", "").replace("]", "")
                raise LikelihoodError(f"{given}: write the list without brackets, {plain}")
        elif override.is_sweep_override():
            raise LikelihoodError(
                f"{override.input_line}: compare takes a list of distributions only, or of architectures, because "
                "other runs would share a directory; give one value, or sweep with likelihead train -m"
            )
    for group, names in listed.items():
        if len(set(names)) < len(names):
            what = "a family" if group == "distribution" else "one"
            raise LikelihoodError(f"{group}={','.join(names)} names {what} twice")
    several = {group: names for group, names in listed.items() if len(names) > 1}
    if not several and AUTO in command_line.typed_words("compare"):
        several = {"distribution": listed["distribution"]}
    if not several:
        raise LikelihoodError(
            "compare needs several families: likelihead compare distribution=normal,laplace,student_t"
        )
    return [dict(zip(several, combination, strict=True)) for combination in product(*several.values())]


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
    """Print the table and write it to comparison.csv; exits with status 1 where a choice could not be trained."""
    if not all(trial.failure for trial in trials):
        from likelihead.commands import comparison_table
        from likelihead.commands.compared_runs import read_run

        comparison_table.report([read_run(trial) for trial in trials], list(trials[0].chosen), directory / TABLE)
    exit_after_failures(trials, "families", SystemExit(1))
