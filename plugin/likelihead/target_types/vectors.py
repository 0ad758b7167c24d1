"""Targets that are constrained vectors: shares that sum to 1, counts of classes, one-hot vectors, unit vectors."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from likelihead.target_types.numbers import NUMERIC_FIGURES, NUMERIC_SCORES
from likelihead.target_types.target_type import Mask, TargetType, Values, rows_to_cells

log = logging.getLogger("likelihead.data")

#: The largest deviation from 1 of the sum of shares, and of the length of a unit vector.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Shares(TargetType):
    """Shares that sum to 1 in each row.

    Attributes:
        open_ends: whether shares of exactly 0 are excluded, or have density 0 or infinity.
    """

    open_ends: bool = True

    name: ClassVar[str] = "shares"
    scores: ClassVar[tuple[str, ...]] = NUMERIC_SCORES
    figures: ClassVar[tuple[str, ...]] = NUMERIC_FIGURES
    is_checked_by_row: ClassVar[bool] = True

    @property
    def support_text(self) -> str:
        """The values that y may take, in words."""
        return "shares above 0 that sum to 1 in each row"

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Shares below 0, rows whose sum is not 1, and shares of exactly 0 where they are excluded."""
        wrong_sum = np.abs(values.sum(axis=1) - 1.0) > TOLERANCE
        reasons = {
            "below 0": values < 0,
            f"with a sum that is not 1 within {TOLERANCE:g}": rows_to_cells(wrong_sum, values),
        }
        return {**reasons, "exactly 0": values.astype(np.float32) == 0} if self.open_ends else reasons

    def squeeze_distances(self, values: Values) -> list[float]:
        """1/n: a row y moves to (y(n − 1) + 1/K)/n."""
        return [1.0 / len(values)] * values.shape[1]

    def squeezed(self, values: Values, on_boundary: Mask, distances: Values) -> Values:
        """`values` with the rows that contain a 0 moved towards equal shares."""
        moved = values * (1.0 - distances) + distances / values.shape[1]
        return np.where(on_boundary.any(axis=1, keepdims=True), moved, values)

    def converted(self, values: Values, names: Sequence[str]) -> Values:
        """Each row divided by its sum; the number of rows that this changes is logged."""
        total = values.sum(axis=1, keepdims=True)
        off = np.abs(total - 1.0) > 1e-6
        if off.any():
            text = "%s: %d of %d rows of shares were divided by their sum, which was not exactly 1"
            log.info(text, ", ".join(names), int(off.sum()), len(values))
        return values / total


@dataclass(frozen=True)
class ClassCounts(TargetType):
    """How often each of K classes occurs in the trials of a row, which sum to its number of trials."""

    name: ClassVar[str] = "class_counts"
    scores: ClassVar[tuple[str, ...]] = NUMERIC_SCORES
    figures: ClassVar[tuple[str, ...]] = NUMERIC_FIGURES
    is_count: ClassVar[bool] = True

    @property
    def support_text(self) -> str:
        """The values that y may take, in words."""
        return "whole numbers 0, 1, 2, … of each class, which sum to the number of trials"

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Counts that are negative or not whole."""
        return {"below 0": values < 0, "not a whole number": values != np.floor(values)}

    def trials(self, y: Tensor) -> Tensor:
        """The number of trials (n,) of rows y (n, K): all that were counted."""
        return y.sum(-1)


@dataclass(frozen=True)
class OneHot(TargetType):
    """One of K classes, as a one-hot vector."""

    name: ClassVar[str] = "one_hot"
    is_checked_by_row: ClassVar[bool] = True

    @property
    def support_text(self) -> str:
        """The values that y may take, in words."""
        return "vectors of zeros with a single 1"

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Rows that are not zeros with a single 1."""
        single = ((values == 0) | (values == 1)).all(axis=1) & (values.sum(axis=1) == 1)
        return {"not zeros with a single 1": rows_to_cells(~single, values)}


@dataclass(frozen=True)
class UnitVector(TargetType):
    """A direction in space, as a vector of length 1."""

    name: ClassVar[str] = "unit_vector"
    figures: ClassVar[tuple[str, ...]] = ("circle", "sphere")
    is_checked_by_row: ClassVar[bool] = True

    @property
    def support_text(self) -> str:
        """The values that y may take, in words."""
        return "vectors of length 1"

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Rows whose length is not 1."""
        length = np.sqrt((values**2).sum(axis=1))
        return {f"not of length 1 within {TOLERANCE:g}": rows_to_cells(np.abs(length - 1) > TOLERANCE, values)}
