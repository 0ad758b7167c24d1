"""Processor time of alternatives that take turns in one process, and the ratio of their medians."""

from __future__ import annotations

import contextlib
import gc
import io
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        benchmark, case: what was measured.
        against: what it is compared with.
        value: the ratio, or the figure in `unit`.
        goal: the largest value asked for; None where there is none.
        unit: of the value; a ratio has none.
        error: the standard error of the value; None where it was not estimated.
    """

    benchmark: str
    case: str
    against: str
    value: float
    goal: float | None = None
    unit: str = ""
    error: float | None = None

    def values(self) -> dict[str, Any]:
        """The row by name, for JSON, which has no infinite numbers: None stands for those."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in self._asdict().items()
        }

    def line(self) -> str:
        """The row as a line of the table."""
        goal = "" if self.goal is None else f"{self.goal:6.2f}"
        error = "" if self.error is None else f"±{self.error:.3f}"
        return (
            f"{self.benchmark:10} {self.case:44} {self.against:32} {self.value:9.3f} {error:>7} {goal:>6} {self.unit}"
        )


def seconds(function: Callable[[], object], calls: int) -> float:
    """The processor time of one call, of `calls` in a row."""
    start = time.process_time()
    for _ in range(calls):
        function()
    return (time.process_time() - start) / calls


def child_seconds(*words: str, status: int = 0, **variables: str) -> float:
    """The processor time, user and system, of `python <words>` in a process of its own.

    Args:
        words: the arguments of the interpreter.
        status: the exit status that the process must have.
        variables: further environment variables.

    Raises:
        RuntimeError: another exit status.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    path = os.pathsep.join([str(ROOT / "plugin"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, **variables}
    ended = subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True)
    if ended.returncode != status:
        raise RuntimeError(f"python {' '.join(words)} exited with {ended.returncode}:\n{ended.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def in_turns(functions: dict[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """The median of what each function returns; they take turns, so that a slow spell hits them all."""
    values: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            values[name].append(function())
    return {name: statistics.median(found) for name, found in values.items()}


def run_command(words: Sequence[str]) -> None:
    """Run `likelihead <words>` in this process, with nothing printed.

    Raises:
        RuntimeError: the command failed, with what it printed.
    """
    from likelihead.commands import main

    seen, printed = sys.argv, io.StringIO()
    sys.argv = ["likelihead", *words, "hydra/job_logging=none", "hydra/hydra_logging=none"]
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            main()
    except SystemExit as ended:
        if ended.code:
            raise RuntimeError(f"likelihead {' '.join(words)} failed:\n{printed.getvalue()}") from ended
    finally:
        sys.argv = seen


def interleaved(functions: dict[str, Callable[[], object]], repeats: int, calls: int = 1) -> dict[str, float]:
    """The median processor time of a call of each function; they take turns, so that a slow spell hits them all."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for function in functions.values():
        seconds(function, max(1, calls // 4))
    gc.collect()
    gc.disable()
    try:
        for _ in range(repeats):
            for name, function in functions.items():
                times[name].append(seconds(function, calls))
    finally:
        gc.enable()
    return {name: statistics.median(values) for name, values in times.items()}
