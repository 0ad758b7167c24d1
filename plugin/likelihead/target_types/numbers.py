"""Targets that are numbers: real, positive, proportion, count."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from likelihead.errors import TargetError
from likelihead.target_types.target_type import Mask, TargetType, Values

log = logging.getLogger("likelihead.data")

#: float32 rounds whole numbers above this.
LARGEST_EXACT = 2**24
#: The scores of numbers.
NUMERIC_SCORES = (
    "nll",
    "crps",
    "squared_error",
    "absolute_error",
    "pinball_0.05",
    "pinball_0.95",
    "interval_score_0.9",
    "coverage_0.9",
    "width_0.9",
    "energy",
)
#: The figures of numbers.
NUMERIC_FIGURES = ("densities", "fan", "contours", "pit", "pit_reliability", "coverage", "residuals", "worm")


@dataclass(frozen=True)
class Number(TargetType):
    """Numbers between two bounds.

    Attributes:
        lower, upper: the bounds of the support.
        open_lower, open_upper: whether the bound itself is excluded, or has density 0 or infinity.
    """

    lower: float = -math.inf
    upper: float = math.inf
    open_lower: bool = False
    open_upper: bool = False

    scores: ClassVar[tuple[str, ...]] = NUMERIC_SCORES
    figures: ClassVar[tuple[str, ...]] = NUMERIC_FIGURES

    @property
    def support_text(self) -> str:
        """The values that y may take, in words."""
        if math.isinf(self.lower) and math.isinf(self.upper):
            return "any real number"
        if math.isinf(self.upper):
            return f"numbers {'above' if self.open_lower else 'not below'} {self.lower:g}"
        if math.isinf(self.lower):
            return f"numbers {'below' if self.open_upper else 'not above'} {self.upper:g}"
        ends = " (both ends excluded)" if self.open_lower and self.open_upper else ""
        return f"numbers between {self.lower:g} and {self.upper:g}{ends}"

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Cells beyond a bound, on an excluded bound, or too large for float32."""
        reasons = {f"below {self.lower:g}": values < self.lower, f"above {self.upper:g}": values > self.upper}
        with np.errstate(over="ignore"):
            single = values.astype(np.float32)  # training sees float32, in which 1 - 1e-9 is 1
        if self.open_lower:
            reasons[f"exactly {self.lower:g}"] = single == self.lower
        if self.open_upper:
            reasons[f"exactly {self.upper:g}"] = single == self.upper
        reasons["too large for float32"] = np.isinf(single)
        return reasons

    def squeezed(self, values: Values, on_boundary: Mask, distances: Values) -> Values:
        """`values` with the cells on a bound moved inside the support by the distance of their column."""
        single = values.astype(np.float32)
        values = np.where(on_boundary & (single == self.lower), self.lower + distances, values)
        return np.where(on_boundary & (single == self.upper), self.upper - distances, values)

    def converted(self, values: Values, names: Sequence[str]) -> Values:
        """The values themselves.

        Raises:
            TargetError: the values vary too little for the resolution of float32.
        """
        errors = np.abs(values - values.astype(np.float32)).max(axis=0)
        for name, error, deviation, mean in zip(names, errors, values.std(axis=0), values.mean(axis=0), strict=True):
            if error > 1e-2 * deviation > 0:
                raise TargetError(
                    f"target column {name!r} varies by {deviation:.3g} around {mean:.6g}, which float32 cannot "
                    "resolve: subtract a constant from it"
                )
        return values


@dataclass(frozen=True)
class Real(Number):
    """Any real number.

    >>> Real("Normal").support_text
    'any real number'
    """

    name: ClassVar[str] = "real"


@dataclass(frozen=True)
class Positive(Number):
    """Numbers on one side of a bound, such as magnitudes above 0."""

    name: ClassVar[str] = "positive"

    def squeeze_distances(self, values: Values) -> list[float]:
        """Half the smallest distance from the bound that occurs in each column of `values` (n, D)."""
        bound, sign = (self.lower, 1.0) if np.isfinite(self.lower) else (self.upper, -1.0)
        distances = [sign * (column - bound) for column in values.T]
        return [float(inside[inside > 0].min()) / 2.0 if (inside > 0).any() else 1.0 for inside in distances]


@dataclass(frozen=True)
class Proportion(Number):
    """Numbers in a finite interval, such as shares of a whole."""

    name: ClassVar[str] = "proportion"

    def squeeze_distances(self, values: Values) -> list[float]:
        """1/(2n) of the width: 0 and 1 move to (y(n − 1) + 1/2)/n, as in Smithson & Verkuilen (2006)."""
        return [(self.upper - self.lower) / (2.0 * len(values))] * values.shape[1]


@dataclass(frozen=True)
class Count(Number):
    """Whole numbers.

    >>> Count("Poisson", lower=0.0).support_text
    'whole numbers 0, 1, 2, …'
    """

    name: ClassVar[str] = "count"
    is_count: ClassVar[bool] = True

    @property
    def support_text(self) -> str:
        """The values that y may take, in words."""
        if math.isinf(self.lower) and math.isinf(self.upper):
            return "any whole number"
        if math.isinf(self.upper):
            start = int(self.lower)
            return f"whole numbers {start}, {start + 1}, {start + 2}, …"
        return f"whole {super().support_text}"

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Cells that are beyond a bound or not whole."""
        reasons = {f"below {self.lower:g}": values < self.lower, f"above {self.upper:g}": values > self.upper}
        return {**reasons, "not a whole number": values != np.floor(values)}

    def converted(self, values: Values, names: Sequence[str]) -> Values:
        """The values themselves; the number that float32 rounds is logged."""
        rounded = int((np.abs(values) > LARGEST_EXACT).any(axis=1).sum())
        if rounded:
            log.info("%s: %d counts above 2**24 are rounded to float32", ", ".join(names), rounded)
        return values
