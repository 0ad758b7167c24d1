"""The registry of fast log-densities, and what they have in common."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
#: The value (N,), and its derivative by each parameter on the link's scale.
Result = tuple[Tensor, list[Tensor]]
#: Positive parameters above this and counts above COUNTS make terms of which float32 loses the fifth decimal.
LARGE = math.log(60.0)
COUNTS = 100.0


class Parameters(list[Tensor]):
    """The parameters of a family in the order of its formula, each (N, ...) on the link's scale, or () if learned.

    Args:
        values: the parameters.
        bounds: of each the lowest and highest anchor, and its largest unit.
        ends: the lowest and highest raw output.
    """

    def __init__(
        self, values: Iterable[Tensor], bounds: Sequence[tuple[float, float, float]], ends: tuple[float, float]
    ) -> None:
        super().__init__(values)
        self._bounds, self._ends = bounds, ends

    def lowest(self, place: int) -> float:
        """A lower bound of a parameter."""
        low, _, unit = self._bounds[place]
        return low + unit * min(self._ends[0], 0.0)

    def highest(self, place: int) -> float:
        """An upper bound of a parameter."""
        _, high, unit = self._bounds[place]
        return high + unit * max(self._ends[1], 0.0)


class OfTargets:
    """A function of the targets alone, remembered for the last ones: all rows at once are the same in each step.

    >>> of_y = OfTargets(torch.log)
    >>> y = torch.ones(3)
    >>> of_y(y) is of_y(y)
    True
    """

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        self.function = function
        self._last: tuple[Any, int, Any] = (lambda: None, 0, None)

    def __call__(self, y: Tensor) -> Any:
        """The value at y, which must not be changed."""
        if y.is_inference():
            return self.function(y)
        last, version, value = self._last
        if last() is not y or version != y._version:
            value = self.function(y)
            self._last = weakref.ref(y), y._version, value
        return value


#: log y, log y!, and the largest of the targets.
log_of = OfTargets(torch.log)
log_factorial = OfTargets(lambda y: torch.lgamma(y + 1.0))
largest_of = OfTargets(lambda y: float(y.amax()))
#: From targets y and parameters to the result, or to the value alone where autograd's own derivatives are as exact
#: and cheaper; None where the distribution itself has to be used.
Formula = Callable[[Tensor, Parameters], Result | Tensor | None]
#: By the dotted name of the class and its parameters in the order of the formula.
FORMULAS: dict[tuple[str, ...], Formula] = {}
#: Those whose targets are whole numbers that index: int64.
LABELLED: set[Formula] = set()
#: Those that give the value alone.
DIFFERENTIATED: set[Formula] = set()


def formula(
    family: str, *parameters: str, labels: bool = False, by_autograd: bool = False
) -> Callable[[Formula], Formula]:
    """Register the formula of a family, `likelihead.distributions.Normal`, with predicted or learned `parameters`.

    Args:
        family: the dotted name of the class.
        parameters: in the order in which the formula takes them.
        labels: whether targets are whole numbers that index.
        by_autograd: whether the formula gives the value alone, which autograd differentiates.
    """

    def register(function: Formula) -> Formula:
        FORMULAS[(family, *parameters)] = function
        if labels:
            LABELLED.add(function)
        if by_autograd:
            DIFFERENTIATED.add(function)
        return function

    return register
