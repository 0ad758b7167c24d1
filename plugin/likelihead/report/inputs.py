"""The inputs of a table: the columns of x that belong to each, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from likelihead.data.tables.columns import ShapedColumn
from likelihead.data.tables.encoder import TableEncoder
from likelihead.data.tables.items_column import TableColumn

#: Inputs of tensors, which have no names, are told apart up to this many.
MAX_UNNAMED = 100


@dataclass(frozen=True)
class Input:
    """An input, with the columns of x, from `start` to before `stop`, that hold it.

    Attributes:
        name: the column of the table.
        column: its encoder; None for a column of a tensor.
    """

    name: str
    start: int
    stop: int
    column: TableColumn | None = None

    def block(self, x: Tensor) -> Tensor:
        """Its columns of x, (n, k)."""
        return x[:, self.start : self.stop]

    def values(self, x: Tensor) -> pd.Series:
        """What the table holds: numbers, dates or labels, (n,); missing where the cell is empty."""
        block = self.block(x).numpy()
        if self.column is None:
            return pd.Series(block[:, 0], name=self.name)
        return self.column.decode(block)

    def replaced(self, x: Tensor, block: Tensor) -> Tensor:
        """x with other columns (n, k), or (1, k) for all rows, in the place of its own."""
        changed = x.clone()
        changed[:, self.start : self.stop] = block
        return changed

    def grid(self, x: Tensor, size: int) -> tuple[pd.Series, Tensor]:
        """Values that the input takes in x, in order, and their columns of x, (m, k).

        For numbers and dates they are at most `size` of the known values, evenly spaced in rank, without the most
        extreme hundredth; for labels each that occurs, the most frequent `size` of them.
        """
        values = self.values(x)
        if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
            known = values.dropna().sort_values(kind="stable")
            ranks = np.unique(np.rint(np.linspace(0.005, 0.995, size) * (len(known) - 1))).astype(np.int64)
            chosen = known.iloc[ranks].drop_duplicates()
        else:
            text = values.fillna("missing")
            frequent = text.value_counts().index[:size]
            chosen = text.drop_duplicates()
            chosen = chosen[chosen.isin(frequent)].sort_values(kind="stable")
        return chosen, self.block(x)[torch.from_numpy(chosen.index.to_numpy(dtype=np.int64, copy=True))]


def inputs_of(x: Any, encoder: TableEncoder | None) -> list[Input]:
    """The inputs of a table, or the columns of a tensor (n, p); none of anything else, such as images and text.

    >>> [entry.name for entry in inputs_of(torch.zeros(5, 2), None)]
    ['x1', 'x2']
    """
    if not isinstance(x, Tensor) or x.dim() != 2 or not x.is_floating_point():
        return []
    if encoder is None:
        few = x.shape[1] <= MAX_UNNAMED
        return [Input(f"x{k + 1}", k, k + 1) for k in range(x.shape[1])] if few else []
    inputs, start = [], 0
    for column in encoder.columns:
        if isinstance(column, ShapedColumn):
            return []
        stop = start + len(column.names)
        inputs.append(Input(column.name, start, stop, column))
        start = stop
    return inputs
