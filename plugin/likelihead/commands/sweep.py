"""The table at the end of a sweep: one row for each run, the best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from omegaconf import OmegaConf

from likelihead.commands import overrides
from likelihead.commands.run_directory import CONFIG, is_copy
from likelihead.commands.trials import report, trial_of

#: In the directory of the sweep.
TABLE = "sweep.csv"


def report_sweep(words: Sequence[str]) -> None:
    """Print the runs of the sweep that a command line started, and write them to sweep.csv; nothing for one run."""
    given = [override.value() for override in overrides.parsed(words) if override.key_or_group == "hydra.sweep.dir"]
    if not given or is_copy() or not (Path(str(given[-1])) / "multirun.yaml").is_file():
        return
    directory = Path(str(given[-1]))
    runs = sorted((file.parent for file in directory.rglob(CONFIG) if file.parent.name != ".hydra"), key=_number)
    if not runs:
        return
    chosen = _distinguishing([_overrides(run) for run in runs])
    trials = [trial_of(run, words) for run, words in zip(runs, chosen, strict=True)]
    columns = list(dict.fromkeys(name for words in chosen for name in words))
    title = "NLL per row in nats, the lowest validation NLL first"
    report(trials, directory / TABLE, lambda trial: trial.objective, columns, title)


def _number(run: Path) -> tuple[int, str]:
    """Hydra numbers the runs of a sweep from 0."""
    return int(run.name) if run.name.isdigit() else -1, str(run)


def _overrides(run: Path) -> dict[str, str]:
    """The words that started a run, by key."""
    file = run / ".hydra" / "overrides.yaml"
    words = [str(word).lstrip("+").partition("=") for word in OmegaConf.load(file)] if file.is_file() else []
    return {key: value for key, _, value in words}


def _distinguishing(runs: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The words of each run that are not the same in all of them.

    >>> _distinguishing([{"seed": "1", "distribution": "normal"}, {"seed": "2", "distribution": "normal"}])
    [{'seed': '1'}, {'seed': '2'}]
    """
    names = [name for name in dict.fromkeys(name for run in runs for name in run)]
    differing = [name for name in names if len({run.get(name) for run in runs}) > 1]
    return [{name: run.get(name, "") for name in differing} for run in runs]
