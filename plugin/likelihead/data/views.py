"""Data sets that show the rows of others: some of them, or those of several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from likelihead.data.batch import Batch
from likelihead.data.dataset import Dataset


class Subset:
    """The rows of a data set at `index` (m,), in that order.

    >>> from likelihead.data.dataset import Examples
    >>> Subset(Examples(torch.zeros(5, 2), torch.arange(5.0)), np.array([3, 1]))[:].y
    tensor([3., 1.])
    """

    def __init__(self, dataset: Dataset, index: NDArray[np.int64]) -> None:
        self.dataset, self.index = dataset, torch.from_numpy(np.asarray(index, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: slice | Tensor) -> Batch:
        return Batch.of(self.dataset[self.index[rows]])

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row numbers (m,) in the source, as far as the data set knows them."""
        return row_numbers(self.dataset)[self.index.numpy()]

    @property
    def oracle(self) -> Tensor | None:
        """The log-probability (m,) of y under the true distribution; None if it is unknown."""
        known: Tensor | None = getattr(self.dataset, "oracle", None)
        return None if known is None else known[self.index]


class Joined:
    """The rows of several data sets, one after another.

    >>> from likelihead.data.dataset import Examples
    >>> Joined([Examples(torch.zeros(2, 1), torch.zeros(2)), Examples(torch.ones(3, 1), torch.ones(3))])[1:3].y
    tensor([0., 1.])
    """

    def __init__(self, parts: Sequence[Dataset]) -> None:
        self.parts = parts
        self.starts = np.cumsum([0, *(len(part) for part in parts)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, rows: slice | Tensor) -> Batch:
        index = torch.arange(len(self))[rows] if isinstance(rows, slice) else rows
        part_of_row = torch.from_numpy(np.searchsorted(self.starts, index.numpy(), side="right") - 1)
        taken, places = [], []
        for number, (part, start) in enumerate(zip(self.parts, self.starts, strict=False)):
            chosen = (part_of_row == number).nonzero().flatten()
            if len(chosen):
                taken.append(Batch.of(part[index[chosen] - int(start)]))
                places.append(chosen)
        return _merged(taken, places) if taken else Batch.of(self.parts[0][0:0])

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row numbers (n,) in the source, as far as the data sets know them."""
        return np.concatenate([row_numbers(part) for part in self.parts])

    @property
    def oracle(self) -> Tensor | None:
        """The log-probability (n,) of y under the true distribution; None if it is unknown."""
        known = [getattr(part, "oracle", None) for part in self.parts]
        return None if any(part is None for part in known) else torch.cat(known)  # type: ignore[arg-type]


def row_numbers(dataset: Dataset) -> NDArray[np.int64]:
    """The row numbers in the source of a data set; 0 to n - 1 where it does not know them."""
    known: NDArray[np.int64] | None = getattr(dataset, "rows", None)
    return np.arange(len(dataset)) if known is None else known


def _merged(batches: Sequence[Batch], places: Sequence[Tensor]) -> Batch:
    """Batches as one, the rows of each at its places."""
    if len(batches) == 1:
        return batches[0]
    back = torch.cat(list(places)).argsort()
    return Batch.combined(batches, lambda parts: torch.cat(parts)[back])
