"""Predicted distributions as a table: a row for each input row."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from likelihead import inference
from likelihead.data.dataset import Dataset
from likelihead.errors import LikelihoodError
from likelihead.evaluation.evaluate import as_float64, batches, in_float64
from likelihead.target_types.classes import labelled_columns
from likelihead.target_types.detect import class_of
from likelihead.target_types.target_type import Table, TargetColumns, TargetType


def frame_of(
    predicted: Any,
    y: Tensor | None = None,
    columns: TargetColumns | None = None,
    quantiles: Sequence[float] = (0.05, 0.5, 0.95),
    seed: int = 0,
) -> pd.DataFrame:
    """Mean, mode, median, quantiles and parameters of each row; log_prob and pit where the target is known.

    What a family does not have (the mean of a class) is left out. With several targets their names stand in front.

    Args:
        predicted: a distribution of batch_shape (n,).
        y: targets (n, *event_shape), or None.
        columns: the target columns of the table, with the names of classes or items and the unit of angles.
        quantiles: levels in (0, 1).
        seed: of the randomised pit of discrete families.

    >>> from pyro.distributions import Normal
    >>> frame_of(Normal(torch.zeros(1), 1.0), quantiles=[0.5]).columns.tolist()
    ['mean', 'mode', 'median', 'q0.5', 'loc', 'scale']
    """
    columns = TargetColumns(["y"]) if columns is None else columns
    target_type = class_of(predicted)(type(predicted).__name__)
    table: Table = {}
    for name, values in _points(predicted, quantiles).items():
        shown = values if name != "mean" else _mean(target_type, values, predicted, columns)
        if shown is not None:
            table |= target_type.write(name, shown, columns)
    for name, parameter in parameters(predicted, target_type.shown_parameters).items():
        table |= labelled_columns(name, parameter.detach().numpy(), columns)
    if y is not None:
        table["log_prob"] = predicted.log_prob(y).numpy()
        pit = _where_defined(partial(inference.pit, y=y, seed=seed), predicted)
        table |= {} if pit is None else labelled_columns("pit", pit, columns)
    return pd.DataFrame(table)


@torch.no_grad()
def predict_frame(
    model: nn.Module,
    data: Dataset | Iterable[Any],
    columns: TargetColumns | None = None,
    quantiles: Sequence[float] = (0.05, 0.5, 0.95),
) -> pd.DataFrame:
    """The predictions of a model for a data set, or for the batches of a loader, as `frame_of` gives them."""
    exact = in_float64(model)
    frames = []
    for number, batch in enumerate(batches(data)):
        x, exposure, y = (as_float64(part) for part in (batch.x, batch.exposure, batch.y))
        frames.append(frame_of(exact(x, exposure), y, columns, quantiles, seed=number))
    return pd.concat(frames, ignore_index=True)


def _points(predicted: Any, quantiles: Sequence[float]) -> dict[str, NDArray[Any]]:
    """The points that the distribution has, each (n, …)."""
    asked: dict[str, Callable[[Any], Tensor]] = {
        "mean": inference.mean,
        "mode": inference.mode,
        "median": inference.median,
        **{f"q{level:g}": partial(inference.quantile, q=level) for level in quantiles},
    }
    points = {name: _where_defined(function, predicted) for name, function in asked.items()}
    return {name: values for name, values in points.items() if values is not None}


def _where_defined(function: Callable[[Any], Tensor], predicted: Any) -> NDArray[Any] | None:
    try:
        return function(predicted).numpy()
    except LikelihoodError:
        return None


def _mean(target_type: TargetType, values: NDArray[Any], predicted: Any, columns: TargetColumns) -> NDArray[Any] | None:
    probabilities = getattr(predicted, "probs", None)
    return target_type.mean(values, None if probabilities is None else probabilities.numpy(), columns)


def parameters(predicted: Any, shown: Sequence[str] = ()) -> Mapping[str, Tensor]:
    """The parameters by name, (n, *shape); those of a mixture's components, and the logits that weigh them.

    Args:
        predicted: a distribution of batch_shape (n,).
        shown: attributes to give beside the parameters, such as the probabilities behind logits.
    """
    if isinstance(predicted, torch.distributions.Independent):
        return parameters(predicted.base_dist, shown)
    if isinstance(predicted, torch.distributions.MixtureSameFamily):
        weights = {"mixture_logits": predicted.mixture_distribution.logits}
        return weights | dict(parameters(predicted.component_distribution, shown))
    given = [name for name in type(predicted).arg_constraints if _is_given(predicted, name)]
    extra = [name for name in shown if hasattr(predicted, name)]
    values = {name: getattr(predicted, name) for name in dict.fromkeys((*given, *extra))}
    rows = predicted.batch_shape[0]
    return {
        name: value if len(value) == rows else value.expand(rows, *value.shape[1:]) for name, value in values.items()
    }


def _is_given(predicted: Any, name: str) -> bool:
    """Whether a parameter was given, or is a view of what was; not one of several alternatives, computed when asked."""
    return name in vars(predicted) or isinstance(inspect.getattr_static(type(predicted), name, None), property)
