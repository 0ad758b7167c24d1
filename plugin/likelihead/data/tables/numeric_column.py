"""The encoder of an input column of numbers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from likelihead.errors import LikelihoodError
from likelihead.target_types.cells import describe_cells, numbers

log = logging.getLogger("likelihead.data")

#: Cells further than this many training ranges beyond the training rows are reported.
FAR = 10.0

#: Columns of x, (n, columns).
Block = NDArray[np.float32]


class Term(NamedTuple):
    """What a column of x says in the table's own units: x = (value - mean) / scale.

    Attributes:
        name: of the column of x.
        mean, scale: 0 and 1 where x is the value itself.
        reference: for a level of a category, the name of its first level, which may be its own; else None.
    """

    name: str
    mean: float = 0.0
    scale: float = 1.0
    reference: str | None = None


@dataclass(frozen=True)
class NumericColumn:
    """A column of numbers, standardised, with the mean in place of empty cells.

    If the training rows have empty cells, a second column of x is 1 where a cell is empty.

    Attributes:
        name: the column of the table.
        mean, scale: mean and standard deviation of the training cells.
        indicator: whether the training rows have empty cells.
        lowest, highest: the range of the training cells; None where it does not matter.
    """

    name: str
    mean: float
    scale: float
    indicator: bool
    lowest: float | None = None
    highest: float | None = None

    @classmethod
    def fit(cls, series: pd.Series) -> NumericColumn:
        """Take mean, standard deviation and range from the training cells; the scale of a constant column is 1."""
        name, values = str(series.name), finite_numbers(series)
        known = values[~np.isnan(values)]
        if not len(known):
            raise LikelihoodError(f"input column {name!r} is empty in all training rows: leave it out")
        lowest, highest = float(known.min()), float(known.max())
        mean = float(known.mean())
        scale = float(np.sqrt(np.mean((known - mean) ** 2)))
        if not np.isfinite(scale):
            raise LikelihoodError(f"input column {name!r} holds numbers too large to square: rescale it")
        if scale <= 1e-12 * max(abs(lowest), abs(highest)):
            mean, scale = float(known[0]), 1.0
        return cls(name, mean, scale, len(known) < len(values), lowest, highest)

    @property
    def names(self) -> list[str]:
        return [self.name, f"{self.name} (missing)"] if self.indicator else [self.name]

    @property
    def terms(self) -> list[Term]:
        """The columns of x in the table's own units."""
        return [Term(self.name, self.mean, self.scale), *map(Term, self.names[1:])]

    def encode(self, series: pd.Series, ignore_unseen: bool) -> Block:
        values = finite_numbers(series)
        missing = np.isnan(values)
        block = np.empty((len(values), len(self.names)), dtype=np.float32)
        with np.errstate(over="ignore"):
            block[:, 0] = np.where(missing, 0.0, (values - self.mean) / self.scale)
        overflow = ~np.isfinite(block[:, 0])
        if overflow.any():
            raise LikelihoodError(
                f"input column {self.name!r} has cells too far from the training rows for float32 "
                f"({describe_cells(series, overflow)}): correct them or leave the column out"
            )
        self._report_far(series, values)
        if self.indicator:
            block[:, 1] = missing
        return block

    def decode(self, block: Block) -> pd.Series:
        """The numbers (n,) of columns of x, NaN where the indicator says that the cell was empty."""
        values = pd.Series(block[:, 0].astype(np.float64) * self.scale + self.mean, name=self.name)
        return values.mask(block[:, 1] > 0.5) if self.indicator else values

    def _report_far(self, series: pd.Series, values: NDArray[np.float64]) -> None:
        if self.lowest is None or self.highest is None:
            return
        margin = FAR * (self.highest - self.lowest)
        far = (values < self.lowest - margin) | (values > self.highest + margin)
        if far.any():
            log.warning(
                "input column %r: %d of %d cells lie more than %g training ranges outside that of the training rows, "
                "%g to %g (%s)",
                self.name,
                int(far.sum()),
                len(values),
                FAR,
                self.lowest,
                self.highest,
                describe_cells(series, far),
            )

    def state(self) -> dict[str, Any]:
        return {"type": "number", **asdict(self)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> NumericColumn:
        return cls(**{key: value for key, value in state.items() if key != "type"})


def finite_numbers(series: pd.Series) -> NDArray[np.float64]:
    """An input column (n,) as float64, NaN where a cell is empty.

    Raises:
        LikelihoodError: a cell is not a number, or infinite.
    """
    name = str(series.name)
    values = numbers(series, "input column", f"correct them, or leave the column out with data.ignore=[{name}]")
    infinite = np.isinf(values)
    if infinite.any():
        raise LikelihoodError(
            f"input column {name!r}: {int(infinite.sum())} of {len(values)} cells are infinite "
            f"({describe_cells(series, infinite)}): correct them, leave the cells empty, or leave the column out "
            f"with data.ignore=[{name}]"
        )
    return values
