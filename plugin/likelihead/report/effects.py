"""What an input does to the predictions: partial dependence of the mean and the spread, and of all quantiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from likelihead import inference
from likelihead.inference import law
from likelihead.report.answers import Answer, names_of, parts_of
from likelihead.report.inputs import Input
from likelihead.report.subject import Subject

Array = NDArray[np.float64]
#: The values of an input at which its effect is computed, and the rows over which it is averaged.
GRID, ROWS = 20, 120
#: The levels of the fan, and how many quantiles of each row its mixture is made of.
LEVELS, RESOLUTION = (0.05, 0.25, 0.5, 0.75, 0.95), 19


class Response(NamedTuple):
    """What is predicted, averaged over rows.

    Attributes:
        label: what is averaged.
        names: the class or item of each line; empty for a single line.
        mean: (m, lines).
        spread: (m,); None for labels and rankings, whose probabilities say it all.
    """

    label: str
    names: list[str]
    mean: Array
    spread: Array | None = None


@dataclass(frozen=True)
class Effect:
    """The partial dependence of the predictions on one input (Friedman, 2001).

    Attributes:
        entry: the input.
        values: the values that it is set to in all rows, (m,), in order.
        response: the predictions there, averaged over rows.
        data: its values in the data, (n,).
    """

    entry: Input
    values: pd.Series
    response: Response
    data: pd.Series


def effect(subject: Subject, part: int, entry: Input) -> Effect:
    """The effect of an input on one of `subject.parts`."""
    values, grids = _predictions(subject, part, entry, ROWS)
    answer = subject.parts[part]
    response = RESPONSES[answer.target_type.response](answer, grids, len(values))
    return Effect(entry, values, response, entry.values(subject.batch.x))


def fan(subject: Subject, part: int, entry: Input) -> tuple[pd.Series, Array]:
    """The quantiles at `LEVELS` of the predictions of all rows together, at each value of an input.

    Returns:
        The values (m,), and the quantiles (m, levels).
    """
    values, predicted = _predictions(subject, part, entry, ROWS // 2)
    levels = torch.linspace(0.5 / RESOLUTION, 1.0 - 0.5 / RESOLUTION, RESOLUTION, dtype=torch.float64)
    each = inference.quantile(predicted, levels).numpy().reshape(RESOLUTION, len(values), -1)
    return values, np.quantile(each, LEVELS, axis=(0, 2)).T


def _predictions(subject: Subject, part: int, entry: Input, limit: int) -> tuple[pd.Series, Any]:
    """Values of an input (m,), and the predictions of the same rows (k) at each, of batch_shape (m * k,)."""
    x = subject.batch.x
    rows = torch.linspace(0, len(x) - 1, min(len(x), limit)).long()
    values, blocks = entry.grid(x, GRID)
    changed = torch.cat([entry.replaced(x[rows], block[None]) for block in blocks])
    predicted = subject.predict(changed, rows.repeat(len(values)))
    return values, parts_of(predicted, subject.columns)[part]


def _mean(answer: Answer, predicted: Any, count: int) -> Response:
    """The mean of numbers, and the width of the 90% interval; of vectors that of each coordinate."""
    center = inference.mean(predicted) if "mean" in answer.defined else inference.median(predicted)
    means = center.numpy().reshape(count, -1, *answer.y.shape[1:]).mean(1)
    if means.ndim > 1:
        return Response("mean", names_of(answer.columns, means.shape[1]), means)
    label = f"{'mean' if 'mean' in answer.defined else 'median'} of {answer.label}"
    if "interval" not in answer.defined:
        return Response(label, [], means[:, None])
    lower, upper = inference.interval(predicted, 0.9)
    return Response(label, [], means[:, None], (upper - lower).numpy().reshape(count, -1).mean(1))


def _ranks(answer: Answer, predicted: Any, count: int) -> Response:
    """The expected ranks of items."""
    return _mean(answer, predicted, count)._replace(label="expected rank")


def _probabilities(answer: Answer, predicted: Any, count: int) -> Response:
    """The probability of each class; of two, that of the second."""
    each = law(predicted).probabilities
    assert each is not None
    means = each.reshape(count, -1, each.shape[-1]).mean(1)
    names = class_names(answer, means.shape[1])
    if len(names) == 2:
        return Response(f"probability of {names[1]}", [], means[:, 1:])
    return Response("probability", names, means)


def _direction(answer: Answer, predicted: Any, count: int) -> Response:
    """The mean direction, and the circular standard deviation about it."""
    vector: Any = law(predicted)
    cosine, sine = (part.reshape(count, -1).mean(1) for part in vector.expected_vector())
    length = np.clip(np.hypot(cosine, sine), 1e-12, 1.0)
    angles = np.stack([np.arctan2(sine, cosine), np.sqrt(-2.0 * np.log(length))])
    direction, spread = np.rad2deg(angles) if answer.columns.angles == "degrees" else angles
    return Response("mean direction", [], direction[:, None], spread)


def class_names(answer: Answer, count: int) -> list[str]:
    """The names of classes, or their codes."""
    labels = answer.columns.labels
    return list(labels) if labels and len(labels) == count else [str(code) for code in range(count)]


#: What is averaged, by the name that target types give.
RESPONSES: dict[str, Callable[[Answer, Any, int], Response]] = {
    "mean": _mean,
    "ranks": _ranks,
    "probabilities": _probabilities,
    "direction": _direction,
}
