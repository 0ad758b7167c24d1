"""Predicted distributions as a pandas frame, with one row per input row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from likelihead import inference
from likelihead.data.batch import Batch
from likelihead.data.dataset import Dataset
from likelihead.data.tables.encode_table import encode_table
from likelihead.data.tables.encoder import TableEncoder
from likelihead.distributions.joint import Joint
from likelihead.distributions.wrapped import Wrapped
from likelihead.errors import LikelihoodError
from likelihead.evaluation.evaluate import as_float64, batch_size, batches, in_float64, observed_sites
from likelihead.evaluation.quantiles import UNCALIBRATED, Quantiles
from likelihead.evaluation.statistics import Statistics, is_defined
from likelihead.heads.sites import by_site, filled, log_prob
from likelihead.inference.batches import given_parameters
from likelihead.laws.law import law
from likelihead.target_types.cells import require_columns
from likelihead.target_types.classes import class_columns
from likelihead.target_types.detect import class_of
from likelihead.target_types.target_type import TargetColumns

#: The target columns of a table; of a joint distribution by target; None if there is no table.
AnyColumns = TargetColumns | Mapping[str, TargetColumns] | None


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
    **options: Any,
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
        seed: the seed of the randomised pit of discrete families, and of samples.
        mask: False where a row, or a site of it, has no target: its pit is NaN, and log_prob leaves it out (NaN where
            the whole row is masked).
        bounds, truncation: of censored and truncated targets, as in `Batch`: log_prob is that of what is known, and the
            pit of a target that is not observed is NaN.
        calibration: where the median, the quantiles and the intervals come from, such as a `Conformal`.
        options: further statistics, such as `intervals=[0.9]`: see `Statistics`.

    Returns:
        A frame of n rows.

    Raises:
        LikelihoodError: y has another shape, or a parameter is NaN.

    >>> from pyro.distributions import Normal
    >>> frame_of(Normal(torch.zeros(1), 1.0), quantiles=[0.5]).columns.tolist()
    ['mean', 'mode', 'median', 'q0.5', 'loc', 'scale']
    """
    statistics = Statistics(quantiles, seed=seed, **options)
    return _frame(predicted, Known(y, mask, bounds, truncation), columns, statistics, calibration, 0)


class Known(NamedTuple):
    """What is known of the targets of n rows, as in `Batch`."""

    y: Tensor | None = None
    mask: Tensor | None = None
    bounds: Tensor | None = None
    truncation: Tensor | None = None


def _frame(
    predicted: Any, known: Known, columns: AnyColumns, statistics: Statistics, calibration: Quantiles, start: int
) -> pd.DataFrame:
    """Predictions as a frame; what is random in them depends on the number of their first row, `start`."""
    drawn = statistics.drawn(predicted, start)
    if isinstance(predicted, Joint):
        return _joint_frame(predicted, known, columns, statistics, drawn, start)
    columns = columns if isinstance(columns, TargetColumns) else TargetColumns(["y"])
    return _frame_of_target(predicted, known, columns, statistics, drawn, calibration, start)


def _frame_of_target(
    predicted: Any,
    known: Known,
    columns: TargetColumns,
    statistics: Statistics,
    drawn: Sequence[Tensor],
    calibration: Quantiles,
    start: int,
) -> pd.DataFrame:
    """As `_frame`, with the samples `drawn`, each (n, …), for targets that are not joint."""
    table = statistics.columns(predicted, columns, drawn, calibration)
    for name, parameter in parameters(predicted, class_of(predicted).extra_parameters).items():
        table |= class_columns(name, parameter.detach().numpy(), columns)
    y, mask, bounds, truncation = known
    if y is not None:
        table["log_prob"] = log_prob(predicted, y, mask=mask, bounds=bounds, truncation=truncation).numpy()
        if mask is not None:
            table["log_prob"] = np.where(mask.reshape(len(mask), -1).any(1).numpy(), table["log_prob"], np.nan)
        # Values without an order, such as classes, have neither quantiles nor a pit.
        if is_defined("median", predicted) and is_defined("pit", predicted):
            observed = observed_sites(mask, bounds, by_site(predicted).batch_shape)
            table |= class_columns("pit", _pit(predicted, y, observed, statistics.seed, start), columns)
    return pd.DataFrame(table)


def _joint_frame(
    joint: Joint, known: Known, columns: AnyColumns, statistics: Statistics, drawn: Sequence[Tensor], start: int
) -> pd.DataFrame:
    """The frame of each target with its name in front of the columns, then the log_prob of all that are known."""
    by_target = columns if isinstance(columns, Mapping) else {}
    names = list(joint.parts)
    targets: dict[str, Known] = dict.fromkeys(names, Known())
    if known.y is not None:
        for name, _, values, is_known in joint.targets(known.y):
            targets[name] = Known(values, is_known if known.mask is None else is_known & known.mask)
    frames = []
    for index, (name, dist) in enumerate(joint.parts.items()):
        own = by_target.get(name) or TargetColumns([name])
        samples = [row[:, index].long() if joint.labels[index] else row[:, index] for row in drawn]
        wanted = statistics.of_target(name, names)
        part = _frame_of_target(dist, targets[name], own, wanted, samples, UNCALIBRATED, start)
        frames.append(part.add_prefix(f"{name}."))
    table = pd.concat(frames, axis=1)
    if known.y is None:
        return table
    total = joint.log_prob(known.y).numpy()
    return table.assign(log_prob=total if known.mask is None else np.where(known.mask.numpy(), total, np.nan))


def _pit(predicted: Any, y: Tensor, mask: Tensor | None, seed: int, start: int) -> NDArray[np.float64]:
    """The pit of rows that begin with row `start`, which do not depend on the rows before it; NaN where masked."""
    known = y if mask is None else filled(y, mask, by_site(predicted))
    draws = np.random.Generator(np.random.PCG64(seed).advance(start * predicted.event_shape.numel()))
    pit: NDArray[np.float64] = inference.pit(predicted, known, draws).numpy()
    if mask is None:
        return pit
    return np.where(mask.numpy().reshape(*mask.shape, *(1,) * (pit.ndim - mask.dim())), pit, np.nan)


class Predictor:
    """Predicts consecutive parts of a data set or table; what is random depends on a row's number, not on the parts.

    Args:
        model: a module that maps x to a distribution, such as a LikelihoodModule.
        columns: the target columns of the table.
        statistics: what to predict.
    """

    def __init__(self, model: nn.Module, columns: AnyColumns = None, statistics: Statistics | None = None) -> None:
        self.model = in_float64(model)
        self.calibration: Quantiles = getattr(model, "calibration", None) or UNCALIBRATED
        self.columns = columns
        self.statistics = Statistics() if statistics is None else statistics
        #: The number of rows that were predicted.
        self.rows = 0

    @torch.no_grad()
    def predict(self, data: Dataset | Iterable[Any], has_targets: bool = False) -> pd.DataFrame:
        """Predictions for the next rows, given as a data set or as the batches of a loader.

        Args:
            data: the rows.
            has_targets: whether there are log_prob and pit even where no target is known, all NaN.
        """
        return pd.concat([self._batch(batch, has_targets) for batch in batches(data)], ignore_index=True)

    def _batch(self, batch: Batch, has_targets: bool) -> pd.DataFrame:
        x, exposure = as_float64(batch.x), as_float64(batch.exposure)
        predicted = self.model(x, exposure)
        known = Known(as_float64(batch.y), batch.mask, as_float64(batch.bounds), as_float64(batch.truncation))
        if known.y is None and has_targets:
            known = _unknown(predicted)
        frame = _frame(predicted, known, self.columns, self.statistics, self.calibration, self.rows)
        self.rows += len(frame)
        return frame


def _unknown(predicted: Any) -> Known:
    """Targets of the shape of a distribution, and a mask (n,) that hides them all."""
    shape = predicted.batch_shape + predicted.event_shape
    mask = torch.zeros(shape[0], dtype=torch.bool)
    if isinstance(predicted, Joint):
        return Known(torch.full(shape, torch.nan, dtype=torch.float64), mask)
    return Known(torch.zeros(shape, dtype=torch.int64 if law(predicted).labels else torch.float64), mask)


def predict_frame(
    model: nn.Module,
    data: Dataset | Iterable[Any],
    columns: AnyColumns = None,
    statistics: Statistics | None = None,
) -> pd.DataFrame:
    """Predictions of a model for a data set or the batches of a loader, as a frame like that of `frame_of`."""
    return Predictor(model, columns, statistics).predict(data)


def predict_tables(
    model: nn.Module,
    parts: Iterable[pd.DataFrame],
    encoder: TableEncoder,
    statistics: Statistics | None = None,
    columns: Sequence[str] = (),
    unseen: str | None = None,
) -> Iterator[pd.DataFrame]:
    """Predictions of a model for consecutive parts of a table: a frame like that of `frame_of` for each.

    Joined, they are the predictions for the whole table if all parts but the last have `rows_per_part(encoder)` rows.

    Args:
        model: a module that maps x to a distribution, such as a LikelihoodModule.
        parts: tables with the input columns of the encoder; with the target too, log_prob and pit are added.
        encoder: encodes the table as it was encoded for training.
        statistics: what to predict.
        columns: columns of the table to put before the predictions, such as an identifier.
        unseen: what to do about a category that is not in the training rows: `error` or `ignore`; None: as in training.

    Raises:
        LikelihoodError: a missing column, or a column named like one of the predictions.
    """
    predictor = Predictor(model, encoder.target.columns, statistics)
    for part in parts:
        require_columns(part, columns, "output")
        has_targets = all(name in part.columns for name in encoder.target.names)
        predicted = predictor.predict(encode_table(part, encoder, "optional", unseen=unseen), has_targets)
        predicted.index = part.index
        taken = [name for name in columns if name in predicted.columns]
        if taken:
            raise LikelihoodError(
                f"columns names {taken[0]!r}, which is also the name of a prediction: rename that column of the table"
            )
        yield pd.concat([part[list(dict.fromkeys(columns))], predicted], axis=1)


def rows_per_part(encoder: TableEncoder) -> int:
    """The rows of a part of a table: those of one batch of the network, so that predictions do not depend on parts."""
    return batch_size(len(encoder.names))


def predict_table(
    model: nn.Module,
    frame: pd.DataFrame,
    encoder: TableEncoder,
    statistics: Statistics | None = None,
    columns: Sequence[str] = (),
    unseen: str | None = None,
) -> pd.DataFrame:
    """Predictions of a model for the rows of a table, as one frame with its index: see `predict_tables`."""
    numbered = frame.reset_index(drop=True)
    predicted = pd.concat(predict_tables(model, [numbered], encoder, statistics, columns, unseen))
    predicted.index = frame.index
    return predicted


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
    if isinstance(predicted, Wrapped):
        return {**predicted.own_parameters(), **parameters(predicted.base_dist, extra)}
    given = given_parameters(predicted)
    further = [name for name in extra if hasattr(predicted, name)]
    values = {name: getattr(predicted, name) for name in dict.fromkeys((*given, *further))}
    rows = predicted.batch_shape[0]
    return {
        name: value if len(value) == rows else value.expand(rows, *value.shape[1:]) for name, value in values.items()
    }
