"""The table at the end of a sweep: one row for each run, the best first."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf

from likelihead.commands import overrides
from likelihead.commands.ranks import is_copy
from likelihead.commands.run_directory import CONFIG
from likelihead.commands.trials import ERROR, exit_after_failures, report, trial_of
from likelihead.commands.user_errors import Interruption, Refusal, sentence_of
from likelihead.errors import one_line
from likelihead.files import write_text

if TYPE_CHECKING:
    from likelihead.training.fit import Outcome

#: In the directory of the sweep.
TABLE = "sweep.csv"


def attempt(task: Callable[[DictConfig], Outcome | None], config: DictConfig, directory: Path) -> float:
    """Run one trial; what stops it is written to error.txt in its directory, and the other trials go on.

    Returns:
        What a sweep minimises; infinity for a trial that failed.
    """
    error_file = directory / ERROR
    error_file.unlink(missing_ok=True)
    try:
        outcome = task(config)
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            traceback.print_exc()
            sentence = f"{type(error).__name__}: {one_line(error)}"
        write_text(error_file, sentence + "\n")
        return math.inf
    return math.inf if outcome is None else outcome.objective


@contextmanager
def reported(report: Callable[[], None]) -> Iterator[None]:
    """Report the trials after the block, and also those that are finished when a signal stops it."""
    try:
        yield
    except Interruption:
        with suppress(SystemExit):
            report()
        raise
    report()


def report_sweep(words: Sequence[str], has_table: bool = True) -> None:
    """Print the runs of the sweep that a command line started, and write them to sweep.csv; nothing for one run.

    Exits with status 1 where a run failed; of that one nothing stays unless it was trained.

    Args:
        words: the command line.
        has_table: whether there is a table; the failures are reported in any case.
    """
    given = [override.value() for override in overrides.parsed(words) if override.key_or_group == "hydra.sweep.dir"]
    if not given or is_copy():
        return
    directory = Path(str(given[-1]))
    runs = sorted((file.parent.parent for file in directory.rglob(f".hydra/{CONFIG}")), key=_number)
    chosen = _distinguishing([_overrides(run) for run in runs])
    trials = [trial_of(run, words) for run, words in zip(runs, chosen, strict=True)]
    if has_table and not all(trial.failure for trial in trials):
        columns = list(dict.fromkeys(name for words in chosen for name in words))
        title = "NLL per row in nats, the lowest validation NLL first"
        report(trials, directory / TABLE, lambda trial: trial.objective, columns, title)
    exit_after_failures(trials, "runs", Refusal(1))


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
