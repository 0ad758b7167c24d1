"""The statistics of predicted distributions that a table of predictions holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from likelihead import inference
from likelihead.errors import LikelihoodError, suggest
from likelihead.evaluation.events import Event
from likelihead.evaluation.quantiles import UNCALIBRATED, Quantiles
from likelihead.laws.law import law
from likelihead.target_types.detect import class_of
from likelihead.target_types.target_type import OutputColumns, TargetColumns, TargetType

#: The point predictions.
POINTS: dict[str, Callable[[Any], Tensor]] = {
    "mean": inference.mean,
    "mode": inference.mode,
    "median": inference.median,
}


@dataclass(frozen=True)
class Statistics:
    """The statistics to predict for each row.

    What a family does not have (such as the mean of classes) is left out of the points and quantiles of a table, but
    an error where it was asked for by `point`, `intervals` or `probability`.

    Attributes:
        quantiles: levels in (0, 1), for the columns `q0.05`, ….
        point: `mean`, `mode` or `median` for that column alone; None for all three.
        intervals: the masses in (0, 1) of central intervals, for the columns `lower0.9`, `upper0.9`, ….
        probability: events such as `y>10`, for the columns `P(y>10)`, …: see `Event`.
        samples: the number of samples, for the columns `sample1`, `sample2`, ….
        seed: the seed of the samples.

    Raises:
        LikelihoodError: a level or mass outside (0, 1), an unknown point, or a negative number of samples.

    >>> Statistics(intervals=[90])
    Traceback (most recent call last):
    likelihead.errors.LikelihoodError: intervals contains 90; each mass must lie between 0 and 1, such as [0.5,0.9]
    """

    quantiles: Sequence[float] = (0.05, 0.5, 0.95)
    point: str | None = None
    intervals: Sequence[float] = ()
    probability: Sequence[str] = ()
    samples: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "quantiles", _levels("quantiles", self.quantiles, "level", "[0.05,0.5,0.95]"))
        object.__setattr__(self, "intervals", _levels("intervals", self.intervals, "mass", "[0.5,0.9]"))
        events = [self.probability] if isinstance(self.probability, str) else list(self.probability)
        object.__setattr__(self, "probability", events)
        if self.point is not None and self.point not in POINTS:
            raise LikelihoodError(f"there is no point={self.point}: {suggest(str(self.point), POINTS)}")
        if isinstance(self.samples, bool) or not isinstance(self.samples, int) or self.samples < 0:
            raise LikelihoodError(f"samples={self.samples!r} must be a whole number that is not negative")

    def of_target(self, name: str, names: Sequence[str]) -> Statistics:
        """Those of one of several targets with families of their own: without the events of the others."""
        own = [text for text in self.probability if Event.parse(text, names).target == name]
        return replace(self, probability=own)

    def drawn(self, predicted: Any, first_row: int = 0) -> list[Tensor]:
        """Samples of n rows, each (n, …), which depend on the seed and the number of the first row."""
        if not self.samples:
            return []
        seed = int(np.random.SeedSequence([self.seed, first_row]).generate_state(1)[0])
        return list(inference.sample(predicted, self.samples, seed))

    def columns(
        self, predicted: Any, targets: TargetColumns, drawn: Sequence[Tensor], source: Quantiles = UNCALIBRATED
    ) -> OutputColumns:
        """The output columns of a predicted distribution of batch_shape (n,), in the units of the table.

        Args:
            predicted: the distribution.
            targets: the target columns of the table.
            drawn: samples of the targets, each (n, …).
            source: where the median, the quantiles and the intervals come from.

        Raises:
            LikelihoodError: a statistic that was asked for is undefined for the distribution.
        """
        target_type = class_of(predicted)(type(predicted).__name__)
        table: OutputColumns = {}
        for name, values in self._values(predicted, source).items():
            in_units = values if name != "mean" else _mean(target_type, values, predicted, targets)
            if in_units is not None:
                table |= target_type.write(name, in_units, targets)
            elif self.point == name:
                raise LikelihoodError(f"point=mean: the values of {targets.names[0]!r} have no mean: take point=mode")
        for text in self.probability:
            event = Event.parse(text, targets.names)
            table[f"P({event.text})"] = event.probability(predicted, targets)
        for number, sample in enumerate(drawn, 1):
            table |= target_type.write(f"sample{number}", sample.numpy(), targets)
        return table

    def _values(self, predicted: Any, source: Quantiles) -> dict[str, NDArray[Any]]:
        """Points, quantiles and the ends of intervals by name, each (n, …)."""
        found: dict[str, NDArray[Any]] = {}
        for name in [self.point] if self.point is not None else POINTS:
            if self.point is not None or is_defined(name, predicted):
                found[name] = (source.median if name == "median" else POINTS[name])(predicted).numpy()
        for level in self.quantiles if is_defined("quantile", predicted) else ():
            found[f"q{level:g}"] = source.quantile(predicted, level).numpy()
        for mass in self.intervals:
            ends = source.interval(predicted, mass)
            found |= {f"{end}{mass:g}": values.numpy() for end, values in zip(("lower", "upper"), ends, strict=True)}
        return found


def _levels(what: str, levels: float | Sequence[Any], noun: str, example: str) -> list[float]:
    listed = [levels] if isinstance(levels, int | float) else list(levels)
    for level in listed:
        if isinstance(level, bool) or not isinstance(level, int | float) or not 0.0 < level < 1.0:
            raise LikelihoodError(f"{what} contains {level!r}; each {noun} must lie between 0 and 1, such as {example}")
    return listed


def is_defined(function: str, predicted: Any) -> bool:
    """Whether a function, such as `mean` or `pit`, is defined for a distribution.

    Raises:
        LikelihoodError: a parameter is NaN or infinite.
    """
    return law(predicted).claims[function].how != "undefined"


def _mean(target_type: TargetType, values: NDArray[Any], predicted: Any, columns: TargetColumns) -> NDArray[Any] | None:
    probabilities = getattr(predicted, "probs", None)
    return target_type.mean(values, None if probabilities is None else probabilities.numpy(), columns)
