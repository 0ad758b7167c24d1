"""The encoder of an input column of dates or times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from likelihead.data.tables.dates import dates, days
from likelihead.data.tables.numeric_column import Block, NumericColumn, Term

#: The cycles, with their length in days.
PERIODS = {"year": 365.2425, "week": 7.0, "day": 1.0}


@dataclass(frozen=True)
class DateColumn:
    """A column of dates or times, as a trend and the sine and cosine of its position in the year, week and day.

    A cycle is left out if the training rows cover less than two of its periods, or only one of its phases; so is the
    week if all dates are the first of a month. In an empty cell the trend is the training mean, and sine and cosine
    are 0.

    Attributes:
        name: the column of the table.
        layout: the format of its text; None for a column whose type is a date.
        first: the first training date, in days since 1970.
        trend: the encoder of the days since then.
        cycles: the cycles in use, of `year`, `week` and `day`.
    """

    name: str
    layout: str | None
    first: float
    trend: NumericColumn
    cycles: list[str]

    @classmethod
    def fit(cls, series: pd.Series, layout: str | None) -> DateColumn:
        """Take the first date, the trend and the cycles from the training cells."""
        times = dates(series, layout)
        elapsed = days(times)
        first = float(np.nanmin(elapsed)) if times.notna().any() else 0.0
        trend = NumericColumn.fit(pd.Series(elapsed - first, name=series.name))
        # a date is expected to lie beyond those of the training rows, so its distance is not reported
        trend = NumericColumn(trend.name, trend.mean, trend.scale, trend.indicator)
        known = times.dropna()
        cycles = [cycle for cycle in PERIODS if _is_covered(known, cycle)]
        return cls(str(series.name), layout, first, trend, cycles)

    @property
    def names(self) -> list[str]:
        cycles = [f"{self.name} ({function} of {cycle})" for cycle in self.cycles for function in ("sine", "cosine")]
        missing = [f"{self.name} (missing)"] if self.trend.indicator else []
        return [f"{self.name} (trend)", *missing, *cycles]

    @property
    def terms(self) -> list[Term]:
        """The columns of x; the trend is that of a day."""
        first, *others = self.names
        return [Term(first, self.trend.mean, self.trend.scale), *map(Term, others)]

    def encode(self, series: pd.Series, ignore_unseen: bool) -> Block:
        times = dates(series, self.layout)
        elapsed = pd.Series(days(times) - self.first, name=self.name, index=series.index)
        blocks = [self.trend.encode(elapsed, ignore_unseen)]
        for cycle in self.cycles:
            angle = 2.0 * np.pi * _phase(times, cycle)
            waves = np.stack([np.sin(angle), np.cos(angle)], axis=1)
            blocks.append(np.nan_to_num(waves, nan=0.0).astype(np.float32))
        return np.concatenate(blocks, axis=1)

    def decode(self, block: Block) -> pd.Series:
        """The dates (n,) of columns of x, to the second; NaT where the indicator says that the cell was empty."""
        elapsed = self.trend.decode(block) + self.first
        return pd.to_datetime(elapsed, unit="D").dt.round("s").rename(self.name)

    def state(self) -> dict[str, Any]:
        return {"type": "date", **asdict(self)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> DateColumn:
        trend = NumericColumn.from_state(state["trend"])
        return cls(state["name"], state["layout"], state["first"], trend, list(state["cycles"]))


def _phase(times: pd.Series, cycle: str) -> NDArray[np.float64]:
    """The position in the cycle, (n,) from 0 to 1; NaN for NaT."""
    hours = times.dt.hour + times.dt.minute / 60.0 + times.dt.second / 3600.0
    since_start = {
        "year": times.dt.day_of_year - 1.0 + hours / 24.0,
        "week": times.dt.day_of_week + hours / 24.0,
        "day": hours / 24.0,
    }
    phase: NDArray[np.float64] = (since_start[cycle] / PERIODS[cycle]).to_numpy(dtype=np.float64, na_value=np.nan)
    return phase


def _is_covered(times: pd.Series, cycle: str) -> bool:
    elapsed = days(times)
    if not len(elapsed) or elapsed.max() - elapsed.min() < 2.0 * PERIODS[cycle]:
        return False
    if cycle == "week" and (times.dt.day == 1).all():
        return False
    phase = _phase(times, cycle)
    return bool((phase != phase[0]).any())
