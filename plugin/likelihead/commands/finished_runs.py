"""likelihead compare runs=[RUN1,RUN2] or runs=[SWEEP]: runs that are there already, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from likelihead.commands import comparison_table
from likelihead.commands.compared_runs import read_run
from likelihead.commands.run_directory import CONFIG
from likelihead.commands.trials import ERROR, Trial, trial_of
from likelihead.errors import LikelihoodError, suggest
from likelihead.training.checkpoint import check_single_run

KEYS = ("runs", "output")


def compare_finished(words: Sequence[str]) -> None:
    """Print the runs that `runs=[…]` names, and write them to `output` if it is given.

    Raises:
        LikelihoodError: another key, fewer than two runs, a directory without a run, or an output that is one of the
            files of a run.
    """
    given = _given(words)
    named = [Path(name.strip(" '\"")) for name in given["runs"].strip("[]").split(",") if name.strip()]
    directories = _runs_in(named[0]) if len(named) == 1 else named
    if len(directories) < 2:
        raise LikelihoodError(
            "compare needs several runs: likelihead compare runs=[RUN1,RUN2], or the folder of a sweep, runs=[SWEEP]"
        )
    trials = [_trial(directory) for directory in directories]
    output = Path(given["output"]) if given.get("output") else None
    if output is not None and output.suffix != ".csv":
        raise LikelihoodError(f"output={output}: the name must end in .csv")
    if output is not None and output.exists() and not _is_comparison(output):
        raise LikelihoodError(f"output={output} exists and is no comparison: choose another name")
    comparison_table.report([read_run(trial) for trial in trials], ["run", "distribution"], output)


def _runs_in(directory: Path) -> list[Path]:
    """The run in a directory, or those of a sweep or a comparison; itself where it holds none."""
    if (directory / CONFIG).is_file():
        return [directory]
    runs = {file.parent for name in (CONFIG, ERROR) for file in directory.glob(f"*/{name}")}
    return sorted(runs, key=lambda run: (len(run.name), run.name)) or [directory]


def _given(words: Sequence[str]) -> dict[str, str]:
    given = {}
    # What Hydra logs, and whether a report is written, does not matter where nothing is trained.
    for word in (word for word in words if not word.startswith(("hydra/", "report="))):
        key, equals, value = word.partition("=")
        if not equals or key not in KEYS:
            raise LikelihoodError(f"{word}: beside runs=[…] only output=FILE.csv can be given: {suggest(key, KEYS)}")
        given[key] = value
    return given


def _trial(directory: Path) -> Trial:
    from omegaconf import OmegaConf

    from likelihead.commands.stored_config import load_stored

    if not (directory / CONFIG).is_file() and not (directory / ERROR).is_file():
        check_single_run(directory)
        raise LikelihoodError(f"{str(directory)!r} is not the directory of a run: it has no {CONFIG}")
    if not (directory / CONFIG).is_file():
        return trial_of(directory, {"run": str(directory), "distribution": ""})
    family = OmegaConf.select(load_stored(directory / CONFIG), "choices.distribution") or ""
    return trial_of(directory, {"run": str(directory), "distribution": str(family)})


def _is_comparison(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as file:
        return "nll,marginal_nll" in file.readline()
