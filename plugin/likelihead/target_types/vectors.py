"""Answers that are vectors under a constraint: shares that sum to 1, zeros with a single 1, directions in space."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from likelihead.target_types.numbers import LINE_SCORES
from likelihead.target_types.target_type import Mask, TargetType, Values, whole_rows

log = logging.getLogger("likelihead.data")

#: How far the shares of a row may sum from 1, and a unit vector's length lie from it.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Shares(TargetType):
    """Shares that sum to 1 in each row.

    Attributes:
        open_ends: whether a share of exactly 0 is excluded, or has density 0 or infinity.
    """

    open_ends: bool = True

    name: ClassVar[str] = "shares"
    scores: ClassVar[tuple[str, ...]] = LINE_SCORES
    is_checked_by_row: ClassVar[bool] = True

    @property
    def words(self) -> str:
        """Where y may lie, for a reader."""
        return "shares above 0 that sum to 1 in each row"

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Shares below 0, rows whose sum is not 1, and shares of exactly 0 where they are excluded."""
        wrong_sum = np.abs(values.sum(axis=1) - 1.0) > TOLERANCE
        reasons = {
            "below 0": values < 0,
            f"with a sum that is not 1 within {TOLERANCE:g}": whole_rows(wrong_sum, values),
        }
        return {**reasons, "exactly 0": values.astype(np.float32) == 0} if self.open_ends else reasons

    def squeeze_distances(self, values: Values) -> list[float]:
        """1/n, which moves a row y to (y(n − 1) + 1/K)/n."""
        return [1.0 / len(values)] * values.shape[1]

    def squeezed(self, values: Values, on_edge: Mask, distances: Values) -> Values:
        """`values` with the rows that hold a 0 moved towards equal shares."""
        moved = values * (1.0 - distances) + distances / values.shape[1]
        return np.where(on_edge.any(axis=1, keepdims=True), moved, values)

    def converted(self, values: Values, names: Sequence[str]) -> Values:
        """Each row divided by its sum; the number of rows in which that changes anything is logged."""
        total = values.sum(axis=1, keepdims=True)
        off = np.abs(total - 1.0) > 1e-6
        if off.any():
            text = "%s: %d of %d rows of shares were divided by their sum, which was not exactly 1"
            log.info(text, ", ".join(names), int(off.sum()), len(values))
        return values / total


@dataclass(frozen=True)
class OneHot(TargetType):
    """One of K classes, written as zeros and a single 1."""

    name: ClassVar[str] = "one_hot"
    is_checked_by_row: ClassVar[bool] = True

    @property
    def words(self) -> str:
        """Where y may lie, for a reader."""
        return "vectors of zeros with a single 1"

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Rows that are not zeros with a single 1."""
        single = ((values == 0) | (values == 1)).all(axis=1) & (values.sum(axis=1) == 1)
        return {"not zeros with a single 1": whole_rows(~single, values)}


@dataclass(frozen=True)
class UnitVector(TargetType):
    """A direction in space, as a vector of length 1."""

    name: ClassVar[str] = "unit_vector"
    is_checked_by_row: ClassVar[bool] = True

    @property
    def words(self) -> str:
        """Where y may lie, for a reader."""
        return "vectors of length 1"

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Rows whose length is not 1."""
        length = np.sqrt((values**2).sum(axis=1))
        return {f"not of length 1 within {TOLERANCE:g}": whole_rows(np.abs(length - 1) > TOLERANCE, values)}
