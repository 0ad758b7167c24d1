"""Processor time of alternatives that take turns in one process, and the ratio of their medians."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        benchmark, case: what was measured.
        against: what it is compared with.
        value: the ratio, or the figure in `unit`.
        goal: the largest value asked for; None where there is none.
        unit: of the value; a ratio has none.
    """

    benchmark: str
    case: str
    against: str
    value: float
    goal: float | None = None
    unit: str = ""


def seconds(function: Callable[[], object], calls: int) -> float:
    """The processor time of one call, of `calls` in a row."""
    start = time.process_time()
    for _ in range(calls):
        function()
    return (time.process_time() - start) / calls


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
