"""The encoder of an input column of arrays, such as images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from likelihead.data.tables.numeric_column import Block, Term
from likelihead.errors import LikelihoodError


def has_arrays(series: pd.Series) -> bool:
    """Whether the cells of a column are numpy arrays."""
    return series.dtype == object and any(isinstance(cell, np.ndarray) for cell in series)


def stacked(series: pd.Series, what: str) -> NDArray[Any]:
    """The cells of a column as one array (n, *shape).

    Args:
        series: n cells.
        what: what the column is, for messages.

    Raises:
        LikelihoodError: an empty cell, or arrays of several shapes.

    >>> stacked(pd.Series([np.zeros((2, 3)), np.ones((2, 3))]), "input column").shape
    (2, 2, 3)
    """
    shapes = [np.shape(cell) if isinstance(cell, np.ndarray) else None for cell in series]
    first = shapes[0]
    for row, shape in enumerate(shapes):
        if shape is None or first is None:
            raise LikelihoodError(
                f"{what} {series.name!r}: row {series.index[row if shape is None else 0]} holds no array"
            )
        if shape != first:
            raise LikelihoodError(
                f"{what} {series.name!r}: row {series.index[0]} has the shape {first} and row {series.index[row]} "
                f"{shape}; all rows need the same"
            )
    return np.stack(list(series))


def cells_of(values: NDArray[Any]) -> NDArray[Any]:
    """Arrays (n, *shape) as a column (n,) whose cells are arrays."""
    cells = np.empty(len(values), dtype=object)
    cells[:] = list(values)
    return cells


@dataclass(frozen=True)
class ArrayColumn:
    """A column of arrays of one shape; numbers are standardised by the mean and deviation of all training numbers.

    Vectors, arrays (length, inputs), are standardised input by input. One that is NaN in every input stands for
    nothing: a place after the end of a sequence, or an item that is absent. Of graphs, arrays (nodes, inputs + nodes),
    the inputs are standardised in this way, and the adjacency matrix behind them is left as it is.

    Attributes:
        name: the column of the table.
        shape: of the array in a cell.
        mean, scale: mean and standard deviation over all training cells, of vectors a list with those of each input; 0
            and 1 for whole numbers, which are tokens.
        is_tokens: whether the cells hold whole numbers, other than bytes.
    """

    name: str
    shape: list[int]
    mean: float | list[float]
    scale: float | list[float]
    is_tokens: bool = False

    @classmethod
    def fit(cls, series: pd.Series, is_graph: bool = False) -> ArrayColumn:
        """Take shape, mean and standard deviation from the training cells, which may be graphs."""
        values = stacked(series, "input column")
        if values.dtype.kind not in "biuf":
            raise LikelihoodError(f"input column {str(series.name)!r} holds arrays of {values.dtype}, not of numbers")
        if values.dtype.kind in "iu" and values.dtype.itemsize > 1:
            return cls(str(series.name), list(values.shape[1:]), 0.0, 1.0, is_tokens=True)
        numbers = values.astype(np.float64)
        _check_finite(numbers, str(series.name))
        if numbers.ndim == 3:
            numbers = numbers[~_absent(numbers)]
            if not len(numbers):
                raise LikelihoodError(f"input column {str(series.name)!r} holds NaN only: correct it")
        axes = 0 if values.ndim == 3 else None
        mean, scale = numbers.mean(axes), numbers.std(axes)
        scale = np.where(scale > 0, scale, 1.0)
        if is_graph:
            mean[-values.shape[1] :], scale[-values.shape[1] :] = 0.0, 1.0
        return cls(str(series.name), list(values.shape[1:]), mean.tolist(), scale.tolist())

    @property
    def names(self) -> list[str]:
        return [f"{self.name}.{number + 1}" for number in range(math.prod(self.shape))]

    @property
    def terms(self) -> list[Term]:
        """The columns of x in the table's own units."""
        means, scales = (np.broadcast_to(part, self.shape).ravel().tolist() for part in (self.mean, self.scale))
        return [Term(*parts) for parts in zip(self.names, means, scales, strict=True)]

    def encode(self, series: pd.Series, ignore_unseen: bool) -> Block:
        values = stacked(series, "input column") if len(series) else np.zeros((0, *self.shape))
        if list(values.shape[1:]) != self.shape:
            raise LikelihoodError(
                f"input column {self.name!r} holds arrays of shape {values.shape[1:]}, but those of the training rows "
                f"have {tuple(self.shape)}"
            )
        block: Block = ((values.astype(np.float64) - self.mean) / self.scale).astype(np.float32)
        _check_finite(block, self.name)
        return block.reshape(len(block), -1)

    def shaped(self, x: Tensor) -> Tensor:
        """The columns of x as (n, *shape); int64 for tokens."""
        x = x.reshape(len(x), *self.shape)
        return x.long() if self.is_tokens else x

    def state(self) -> dict[str, Any]:
        return {"type": "array", **asdict(self)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> ArrayColumn:
        return cls(**{key: value for key, value in state.items() if key != "type"})


def _absent(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where vectors (n, length, inputs) are NaN in every input, (n, length)."""
    absent: NDArray[np.bool_] = np.isnan(values).all(-1)
    return absent


def _check_finite(values: NDArray[Any], name: str) -> None:
    """Raise a LikelihoodError for NaN or infinity, except vectors of NaN only."""
    known = values[~_absent(values)] if values.ndim == 3 else values
    if not np.isfinite(known).all():
        raise LikelihoodError(
            f"input column {name!r} holds arrays with NaN or infinity: correct them"
            + ("; only a vector of NaN in every input is taken, for an item that is absent" if values.ndim == 3 else "")
        )
