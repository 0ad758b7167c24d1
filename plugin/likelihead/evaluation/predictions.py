"""Predicted distributions as a pandas frame, with one row per input row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from likelihead import inference
from likelihead.data.dataset import Dataset
from likelihead.data.tables.encode_table import encode_table
from likelihead.data.tables.encoder import TableEncoder
from likelihead.distributions.joint import Joint
from likelihead.distributions.zeros import WithZeros
from likelihead.errors import LikelihoodError
from likelihead.evaluation.evaluate import as_float64, batches, in_float64, observed_sites
from likelihead.evaluation.quantiles import UNCALIBRATED, Quantiles
from likelihead.heads.sites import by_site, filled, log_prob
from likelihead.inference.batches import given_parameters
from likelihead.target_types.cells import require_columns
from likelihead.target_types.classes import class_columns
from likelihead.target_types.detect import class_of
from likelihead.target_types.target_type import OutputColumns, TargetColumns, TargetType


def frame_of(
    predicted: Any,
    y: Tensor | None = None,
    columns: TargetColumns | Mapping[str, TargetColumns] | None = None,
    quantiles: Sequence[float] = (0.05, 0.5, 0.95),
    seed: int = 0,
    mask: Tensor | None = None,
    bounds: Tensor | None = None,
    truncation: Tensor | None = None,
    calibration: Quantiles = UNCALIBRATED,
) -> pd.DataFrame:
    """Predictions as a frame: mean, mode, median, quantiles and parameters; with y also log_prob and pit.

    Columns that a family does not have (such as the mean of classes) are left out. With several targets, column names
    start with that of the target.

    Args:
        predicted: a distribution of batch_shape (n,).
        y: targets (n, *event_shape); None if unknown.
        columns: the target columns of the table, with the names of classes or items and the unit of angles; of a joint
            distribution by target.
        quantiles: levels in (0, 1).
        seed: the seed of the randomised pit of discrete families.
        mask: False where a row, or a site of it, has no target: its pit is NaN, and log_prob leaves it out (NaN where
            the whole row is masked).
        bounds, truncation: of censored and truncated targets, as in `Batch`: log_prob is that of what is known, and the
            pit of a target that is not observed is NaN.
        calibration: where the median and the quantiles come from, such as a `Conformal`.

    Returns:
        A frame of n rows.

    Raises:
        LikelihoodError: y has another shape, or a parameter is NaN.

    >>> from pyro.distributions import Normal
    >>> frame_of(Normal(torch.zeros(1), 1.0), quantiles=[0.5]).columns.tolist()
    ['mean', 'mode', 'median', 'q0.5', 'loc', 'scale']
    """
    if isinstance(predicted, Joint):
        return _joint_frame(predicted, y, columns, quantiles, seed, mask)
    columns = columns if isinstance(columns, TargetColumns) else TargetColumns(["y"])
    target_type = class_of(predicted)(type(predicted).__name__)
    table: OutputColumns = {}
    statistics = _statistics(predicted, quantiles, calibration)
    for name, values in statistics.items():
        in_units = values if name != "mean" else _mean(target_type, values, predicted, columns)
        if in_units is not None:
            table |= target_type.write(name, in_units, columns)
    for name, parameter in parameters(predicted, target_type.extra_parameters).items():
        table |= class_columns(name, parameter.detach().numpy(), columns)
    if y is not None:
        table["log_prob"] = log_prob(predicted, y, mask=mask, bounds=bounds, truncation=truncation).numpy()
        if mask is not None:
            table["log_prob"] = np.where(mask.reshape(len(mask), -1).any(1).numpy(), table["log_prob"], np.nan)
        mask = observed_sites(mask, bounds, by_site(predicted).batch_shape)
        known = y if mask is None else filled(y, mask, by_site(predicted))
        # Values without an order, such as classes, have neither quantiles nor a pit.
        pit = _if_defined(partial(inference.pit, y=known, seed=seed), predicted) if "median" in statistics else None
        if pit is not None and mask is not None:
            pit = np.where(mask.numpy().reshape(*mask.shape, *(1,) * (pit.ndim - mask.dim())), pit, np.nan)
        table |= {} if pit is None else class_columns("pit", pit, columns)
    return pd.DataFrame(table)


def _joint_frame(
    joint: Joint,
    y: Tensor | None,
    columns: TargetColumns | Mapping[str, TargetColumns] | None,
    quantiles: Sequence[float],
    seed: int,
    mask: Tensor | None,
) -> pd.DataFrame:
    """The frame of each target with its name in front of the columns, then the log_prob of all that are known."""
    by_target = columns if isinstance(columns, Mapping) else {}
    frames = []
    if y is None:
        frames = [frame_of(dist, None, by_target.get(name), quantiles).add_prefix(f"{name}.")
                  for name, dist in joint.parts.items()]  # fmt: skip
        return pd.concat(frames, axis=1)
    for name, dist, values, known in joint.targets(y):
        known = known if mask is None else known & mask
        frames.append(frame_of(dist, values, by_target.get(name), quantiles, seed, known).add_prefix(f"{name}."))
    table = pd.concat(frames, axis=1)
    total = joint.log_prob(y).numpy()
    return table.assign(log_prob=total if mask is None else np.where(mask.numpy(), total, np.nan))


@torch.no_grad()
def predict_frame(
    model: nn.Module,
    data: Dataset | Iterable[Any],
    columns: TargetColumns | Mapping[str, TargetColumns] | None = None,
    quantiles: Sequence[float] = (0.05, 0.5, 0.95),
) -> pd.DataFrame:
    """Predictions of a model for a data set or the batches of a loader, as a frame like that of `frame_of`."""
    model64 = in_float64(model)
    calibration = getattr(model, "calibration", None) or UNCALIBRATED
    frames = []
    for number, batch in enumerate(batches(data)):
        x, y, exposure = (as_float64(part) for part in (batch.x, batch.y, batch.exposure))
        bounds, truncation = as_float64(batch.bounds), as_float64(batch.truncation)
        known = {"mask": batch.mask, "bounds": bounds, "truncation": truncation}
        frames.append(frame_of(model64(x, exposure), y, columns, quantiles, number, **known, calibration=calibration))
    return pd.concat(frames, ignore_index=True)


def predict_table(
    model: nn.Module,
    frame: pd.DataFrame,
    encoder: TableEncoder,
    quantiles: Sequence[float] = (0.05, 0.5, 0.95),
    columns: Sequence[str] = (),
    unseen: str | None = None,
) -> pd.DataFrame:
    """Predictions of a model for the rows of a table, as a frame like that of `frame_of`, with the index of the table.

    Args:
        model: a module that maps x to a distribution, such as a LikelihoodModule.
        frame: n rows with the input columns of the encoder; if it has the target too, log_prob and pit are added.
        encoder: encodes the table as it was encoded for training.
        quantiles: levels in (0, 1).
        columns: columns of the table to put before the predictions, such as an identifier.
        unseen: what to do about a category that is not in the training rows: `error` or `ignore`; None: as in training.

    Raises:
        LikelihoodError: a missing column, a level outside (0, 1), or a column named like one of the predictions.
    """
    check_levels(quantiles)
    require_columns(frame, columns, "output")
    rows = encode_table(frame.reset_index(drop=True), encoder, "optional", unseen=unseen)
    predicted = predict_frame(model, rows, encoder.target.columns, quantiles)
    predicted.index = frame.index
    taken = [name for name in columns if name in predicted.columns]
    if taken:
        raise LikelihoodError(
            f"columns names {taken[0]!r}, which is also the name of a prediction: rename that column of the table"
        )
    return pd.concat([frame[list(dict.fromkeys(columns))], predicted], axis=1)


def check_levels(levels: Sequence[Any]) -> None:
    """Raise a LikelihoodError if one of the levels of quantiles is not a number in (0, 1)."""
    for level in levels:
        if isinstance(level, bool) or not isinstance(level, int | float) or not 0.0 < level < 1.0:
            raise LikelihoodError(
                f"quantiles contains {level!r}; each level must lie between 0 and 1, such as [0.05,0.5,0.95]"
            )


def _statistics(predicted: Any, quantiles: Sequence[float], source: Quantiles) -> dict[str, NDArray[Any]]:
    """Mean, mode, median and quantiles, as far as they are defined, each (n, …)."""
    functions: dict[str, Callable[[Any], Tensor]] = {
        "mean": inference.mean,
        "mode": inference.mode,
        "median": source.median,
        **{f"q{level:g}": partial(source.quantile, q=level) for level in quantiles},
    }
    statistics = {name: _if_defined(function, predicted) for name, function in functions.items()}
    return {name: values for name, values in statistics.items() if values is not None}


def _if_defined(function: Callable[[Any], Tensor], predicted: Any) -> NDArray[Any] | None:
    try:
        return function(predicted).numpy()
    except LikelihoodError:
        return None


def _mean(target_type: TargetType, values: NDArray[Any], predicted: Any, columns: TargetColumns) -> NDArray[Any] | None:
    probabilities = getattr(predicted, "probs", None)
    return target_type.mean(values, None if probabilities is None else probabilities.numpy(), columns)


def parameters(predicted: Any, extra: Sequence[str] = ()) -> Mapping[str, Tensor]:
    """The parameters by name, (n, *shape); for a mixture those of its components, and their logits;
    with extra zeros or a hurdle those of the base, and the logits of the gate.

    Args:
        predicted: a distribution of batch_shape (n,).
        extra: further attributes to include, such as the probabilities that belong to logits.
    """
    if isinstance(predicted, torch.distributions.Independent):
        return parameters(predicted.base_dist, extra)
    if isinstance(predicted, torch.distributions.MixtureSameFamily):
        weights = {"mixture_logits": predicted.mixture_distribution.logits}
        return weights | dict(parameters(predicted.component_distribution, extra))
    if isinstance(predicted, WithZeros):
        return {"gate_logits": predicted.gate_logits, **parameters(predicted.base_dist, extra)}
    given = given_parameters(predicted)
    further = [name for name in extra if hasattr(predicted, name)]
    values = {name: getattr(predicted, name) for name in dict.fromkeys((*given, *further))}
    rows = predicted.batch_shape[0]
    return {
        name: value if len(value) == rows else value.expand(rows, *value.shape[1:]) for name, value in values.items()
    }
