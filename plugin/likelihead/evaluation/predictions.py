"""Predicted distributions as a table: a row for each input row."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyro.distributions as dist
import torch
from torch import Tensor

from likelihead import inference
from likelihead.errors import LikelihoodError

Columns = dict[str, Any]


def frame_of(
    predicted: Any,
    y: Tensor | None = None,
    names: Sequence[str] = ("y",),
    quantiles: Sequence[float] = (0.05, 0.5, 0.95),
    labels: Sequence[str] | None = None,
    unit: float = 1.0,
) -> pd.DataFrame:
    """Mean, mode, median, quantiles and parameters of each row; log_prob and pit where the target is known.

    What a family does not have (the mean of a class) is left out. With several targets their names stand in front.

    Args:
        predicted: a distribution of batch_shape (n,).
        y: targets (n, *event_shape), or None.
        names: the target columns.
        labels: the names of classes, or of the items of a ranking.
        unit: what one unit of y is worth in the table: 180/π where a direction was given in degrees.

    >>> frame_of(dist.Normal(torch.zeros(1), 1.0), names=["size"], quantiles=[0.5]).columns.tolist()
    ['mean', 'mode', 'median', 'q0.5', 'loc', 'scale']
    """
    named = {"mean": inference.mean, "mode": inference.mode, "median": inference.median}
    asked: dict[str, Callable[[Any], Tensor]] = dict(named)
    for level in quantiles:
        asked[f"q{level:g}"] = partial(inference.quantile, q=level)
    columns: Columns = {}
    for name, function in asked.items():
        columns |= _points(name, _where_defined(function, predicted), predicted, names, labels, unit)
    for name, value in parameters(predicted).items():
        columns |= _spread(name, value, names, labels)
    if y is not None:
        columns["log_prob"] = predicted.log_prob(y).numpy()
        columns |= _spread("pit", _where_defined(lambda law: inference.pit(law, y), predicted), names, labels)
    return pd.DataFrame(columns)


def _where_defined(function: Callable[[Any], Tensor], predicted: Any) -> Tensor | None:
    try:
        return function(predicted)
    except LikelihoodError:
        return None


def _points(
    name: str, value: Tensor | None, predicted: Any, names: Sequence[str], labels: Sequence[str] | None, unit: float
) -> Columns:
    """A point of the target's space: numbers, the name of a class, or an order written `a>b>c`."""
    if value is None:
        return {}
    if name == "mean" and isinstance(predicted, dist.Categorical):
        return _mean_level(predicted, labels)
    if labels is None or name == "mean":
        return _spread(name, value * unit if unit != 1.0 else value, names, labels)
    if is_ranking(predicted):
        orders = np.asarray(labels)[value.long().numpy()]
        return {name: [">".join(order) for order in orders]} if name == "mode" else {}
    text = np.asarray(labels, dtype=object)[value.long().numpy()]
    return {name: text} if text.ndim == 1 else {f"{n}.{name}": text[:, i] for i, n in enumerate(names)}


def _mean_level(predicted: Any, labels: Sequence[str] | None) -> Columns:
    """The expected level where levels are numbers; other levels have no mean."""
    try:
        levels = torch.tensor([float(label) for label in labels or range(predicted.probs.shape[-1])])
    except ValueError:
        return {}
    return {"mean": (predicted.probs * levels).sum(-1).numpy()}


def is_ranking(predicted: Any) -> bool:
    """Whether an answer is an order of items."""
    return "ermutation" in type(predicted.support).__name__


def _spread(name: str, value: Tensor | None, names: Sequence[str], labels: Sequence[str] | None) -> Columns:
    """Columns of a tensor (n, …): with the target's name in front, or the class's or a number behind."""
    if value is None:
        return {}
    cells = value.detach().numpy()
    if cells.ndim == 1:
        return {name: cells}
    width = cells.shape[1]
    if labels is not None and width == len(labels):
        return _behind(name, cells, labels)
    if len(names) > 1 and width == len(names) and not (cells.ndim == 3 and cells.shape[2] == width):
        heads = {f"{target}.{name}": cells[:, index] for index, target in enumerate(names)}
        return {key: part for head, values in heads.items() for key, part in _numbered(head, values).items()}
    return _numbered(name, cells)


def _behind(name: str, cells: np.ndarray, labels: Iterable[str]) -> Columns:
    return {f"{name}.{label}": cells[:, index] for index, label in enumerate(labels)}


def _numbered(name: str, cells: np.ndarray) -> Columns:
    if cells.ndim == 1:
        return {name: cells}
    columns: Columns = {}
    for index in range(cells.shape[1]):
        columns |= _numbered(f"{name}.{index + 1}", cells[:, index])
    return columns


def parameters(predicted: Any) -> Mapping[str, Tensor]:
    """The parameters by name, (n, *shape); those of a mixture's components, and the logits that weigh them."""
    if isinstance(predicted, torch.distributions.Independent):
        return parameters(predicted.base_dist)
    if isinstance(predicted, torch.distributions.MixtureSameFamily):
        weights = {"mixture_logits": predicted.mixture_distribution.logits}
        return weights | dict(parameters(predicted.component_distribution))
    given = [name for name in type(predicted).arg_constraints if _is_given(predicted, name)]
    extra: tuple[str, ...] = ("probs",) if isinstance(predicted, dist.Categorical | dist.Bernoulli) else ()
    extra += ("loc", "concentration") if isinstance(predicted, torch.distributions.VonMises) else ()
    values = {name: getattr(predicted, name) for name in dict.fromkeys((*given, *extra))}
    rows = predicted.batch_shape[0]
    return {
        name: value if len(value) == rows else value.expand(rows, *value.shape[1:]) for name, value in values.items()
    }


def _is_given(predicted: Any, name: str) -> bool:
    """Whether a parameter was given, or is a view of what was; not one of several alternatives, computed when asked."""
    return name in vars(predicted) or isinstance(inspect.getattr_static(type(predicted), name, None), property)
