"""The predictions and the observed values of each answer: outputs, coordinates and sites taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from likelihead import inference
from likelihead.data.batch import Batch
from likelihead.distributions.joint import Joint
from likelihead.distributions.tails import is_observed
from likelihead.evaluation.calibration import Conformal
from likelihead.evaluation.quantiles import UNCALIBRATED, Quantiles
from likelihead.heads.sites import aligned, by_site
from likelihead.inference import law, select
from likelihead.target_types.detect import class_of
from likelihead.target_types.target_type import TargetColumns, TargetType

#: More outputs than this are not told apart by name, and of more coordinates only the first ones are drawn.
MAX_OUTPUTS = 3
Index = tuple[Any, ...]
#: The target columns, by name where each has a family of its own.
AnyColumns = TargetColumns | dict[str, TargetColumns]


@dataclass(frozen=True)
class Answer:
    """Predictions for n rows, and what was observed there.

    Attributes:
        columns: the target columns; for one of several outputs, its own.
        predicted: a distribution of batch_shape (n,), in float64.
        marginal: that of the marginal fit, likewise.
        y: observed values (n, *event_shape).
        name: the name of the output or coordinate; empty where there is only one.
        calibration: the calibration of the quantiles; None if they are those of the predictions.
        rows: the rows of the batch, (n,); of sites several may have the same.
        bounds, truncation: of censored and truncated targets, (n, 2), as in `Batch`; None if there are none.
    """

    columns: TargetColumns
    predicted: Any
    marginal: Any
    y: Tensor
    name: str = ""
    calibration: Conformal | None = None
    rows: Tensor | None = None
    bounds: Tensor | None = None
    truncation: Tensor | None = None

    @property
    def target_type(self) -> type[TargetType]:
        """The target type of the predictions."""
        return class_of(self.predicted)

    @cached_property
    def defined(self) -> set[str]:
        """The functions of likelihead.inference that are defined for the predictions."""
        return {name for name, claim in law(self.predicted).claims.items() if claim.how != "undefined"}

    @property
    def dims(self) -> int:
        """The number of dimensions of y in one row: 0 for a number or a label, 1 for a vector or a ranking."""
        return len(self.predicted.event_shape)

    @property
    def label(self) -> str:
        """What to call y on an axis."""
        return self.name or (self.columns.names[0] if len(self.columns.names) == 1 else "y")

    @property
    def quantiles(self) -> Quantiles:
        """Where quantiles come from: the calibration if there is one, or the predictions."""
        return UNCALIBRATED if self.calibration is None else self.calibration

    @cached_property
    def log_prob(self) -> NDArray[np.float64]:
        """log p(y) of each row, (n,)."""
        values: NDArray[np.float64] = self.predicted.log_prob(self.y).numpy()
        return values

    @cached_property
    def center(self) -> NDArray[np.float64]:
        """The mean of each row, or the median where there is no mean, in the unit of y, (n, *event_shape)."""
        function = inference.mean if "mean" in self.defined else inference.median
        return function(self.predicted).numpy()

    def take(self, rows: NDArray[np.int64]) -> Answer:
        """The answer for some rows."""
        index = torch.from_numpy(rows)
        tensors = {name: getattr(self, name) for name in ("y", "rows", "bounds", "truncation")}
        taken: dict[str, Any] = {name: None if tensor is None else tensor[index] for name, tensor in tensors.items()}
        dists: dict[str, Any] = {name: select(getattr(self, name), index) for name in ("predicted", "marginal")}
        return replace(self, **taken, **dists)

    def observed(self) -> Answer:
        """The answer for the rows whose target is not censored."""
        if self.bounds is None:
            return self
        return replace(self.take(is_observed(self.bounds).nonzero().flatten().numpy()), bounds=None)

    def coordinates(self) -> list[Answer]:
        """Of a vector each of its first coordinates, with its marginal distribution; otherwise the answer itself."""
        predicted, marginal = coordinates_of(self.predicted), coordinates_of(self.marginal)
        if not self.dims or not predicted:
            return [self]
        names = names_of(self.columns, self.y.shape[1])
        return [
            replace(
                self,
                columns=replace(self.columns, names=[names[k]]),
                predicted=predicted[k],
                marginal=marginal[k],
                y=self.y[:, k],
                name=names[k],
            )
            for k in range(len(predicted))
        ]


def coordinates_of(dist: Any) -> list[Any]:
    """The marginal distributions, each of batch_shape (n,), of the first coordinates; none of rankings or numbers."""
    marginal = law(dist).marginal
    if len(marginal.batch_shape) != 1 + len(dist.event_shape) or not dist.event_shape:
        return []
    return [select(marginal, (slice(None), k)) for k in range(min(marginal.batch_shape[1], MAX_OUTPUTS))]


def parts_of(predicted: Any, columns: AnyColumns) -> list[Any]:
    """Predictions of batch_shape (n,) taken apart as `answers_of` and `Answer.coordinates` do, without named sites."""
    if isinstance(predicted, Joint):
        return list(predicted.dists)
    sited = by_site(predicted)
    outputs = [select(sited, index) for index in outputs_of(sited.batch_shape, columns)]
    return [part for output in outputs for part in coordinates_of(output) or [output]]


def names_of(columns: TargetColumns, count: int) -> list[str]:
    """The names of the coordinates of y."""
    known = columns.labels if columns.labels and len(columns.labels) == count else columns.names
    return list(known) if len(known) == count else [f"y{k + 1}" for k in range(count)]


def outputs_of(shape: Sequence[int], columns: AnyColumns) -> list[Index]:
    """The index of each named output in predictions of batch_shape `shape`; none if their sites have no names.

    >>> outputs_of((9, 2), TargetColumns(["height", "weight"]))
    [(slice(None, None, None), 0), (slice(None, None, None), 1)]
    """
    if len(shape) == 1:
        return [(slice(None),)]
    names = [] if isinstance(columns, dict) else columns.names
    named = len(shape) == 2 and shape[1] == len(names) <= MAX_OUTPUTS
    return [(slice(None), k) for k in range(shape[1])] if named else []


def _joint_answers(predicted: Joint, marginal: Joint, y: Tensor, columns: dict[str, TargetColumns]) -> list[Answer]:
    """The answers of targets of different families, each in the rows where it is known."""
    answers = []
    for (name, dist, values, known), other in zip(predicted.targets(y), marginal.dists, strict=True):
        rows = known.nonzero().flatten().numpy()
        answers.append(Answer(columns[name], dist, other, values, name, rows=torch.arange(len(values))).take(rows))
    return answers


def answers_of(predicted: Any, marginal: Any, batch: Batch, columns: AnyColumns, limit: int = 2000) -> list[Answer]:
    """The answers of each row: one, several with names, or those of all its sites together.

    Args:
        predicted, marginal: distributions of batch_shape (n,), or with sites.
        batch: the rows, with y.
        columns: the target columns.
        limit: the most sites to take of rows that have many.
    """
    if isinstance(columns, dict):
        return _joint_answers(predicted, marginal, batch.y, columns)  # type: ignore[arg-type]
    predicted, marginal = by_site(predicted), by_site(marginal)
    shape = predicted.batch_shape
    known = torch.ones(shape, dtype=torch.bool)
    if batch.mask is not None:
        known = known & aligned(batch.mask.bool(), shape, "mask")
    indices = outputs_of(shape, columns)
    if not indices:
        return [_answer(predicted, marginal, batch, _some(known, limit), columns)]
    answers = []
    for number, index in enumerate(indices):
        rows = known[index].nonzero().flatten()
        own = columns if len(indices) == 1 else replace(columns, names=[columns.names[number]])
        name = "" if len(indices) == 1 else columns.names[number]
        answers.append(_answer(predicted, marginal, batch, (rows, *index[1:]), own, name))
    return answers


def _answer(
    predicted: Any, marginal: Any, batch: Batch, index: Index, columns: TargetColumns, name: str = ""
) -> Answer:
    y, bounds, truncation = (
        None if values is None else values[index] for values in (batch.y, batch.bounds, batch.truncation)
    )
    dists = (select(predicted, index), select(marginal, index))
    return Answer(columns, *dists, y, name, None, index[0], bounds, truncation)  # type: ignore[arg-type]


def _some(known: Tensor, limit: int) -> Index:
    """The index of at most `limit` of the sites that are True, evenly spaced."""
    sites = known.nonzero()
    spaced = torch.linspace(0, len(sites) - 1, min(len(sites), limit)).long()
    return tuple(sites[spaced].T)
