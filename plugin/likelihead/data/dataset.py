"""Data sets for training, scoring and prediction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from likelihead.data.batch import Batch
from likelihead.data.tables.encoder import TableEncoder
from likelihead.errors import LikelihoodError


@runtime_checkable
class Dataset(Protocol):
    """A data set whose rows are read by index, many at once; x may have any shape and dtype.

    `len(dataset)` is the number of rows, and `dataset[rows]` the `Batch` of the rows given by a slice or by an int64
    tensor of row numbers (n,). Any class with these two methods is one.

    >>> isinstance(Examples(torch.zeros(5, 2)), Dataset)
    True
    """

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice | Tensor) -> Batch: ...


@dataclass(frozen=True)
class Examples:
    """A data set in memory.

    Attributes:
        x: inputs (n, …) of any shape and dtype.
        y: targets (n, …); None if unknown.
        weight, exposure, mask: as in `Batch`, per row (n,) or per site (n, *sites).
        rows: row numbers (n,) in the source; by default 0 to n − 1.
        oracle: log-probability (n,) of y under the true distribution, float64; None if unknown.
        bounds, truncation: as in `Batch`, (n, *sites, 2).

    Raises:
        LikelihoodError: an attribute whose number of rows differs from that of x.

    >>> Examples(torch.zeros(5, 2), torch.arange(5.0))[1:3].y
    tensor([1., 2.])
    """

    x: Tensor
    y: Tensor | None = None
    weight: Tensor | None = None
    exposure: Tensor | None = None
    mask: Tensor | None = None
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    oracle: Tensor | None = None
    bounds: Tensor | None = None
    truncation: Tensor | None = None

    def __post_init__(self) -> None:
        if not len(self.rows):
            object.__setattr__(self, "rows", np.arange(len(self.x), dtype=np.int64))
        for name in ("y", "weight", "exposure", "mask", "rows", "oracle", "bounds", "truncation"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self.x):
                raise LikelihoodError(f"x has {len(self.x)} rows and {name} has {len(column)}: pass one for each row")

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: slice | Tensor) -> Batch:
        columns = (self.y, self.weight, self.exposure, self.mask, self.bounds, self.truncation)
        return Batch(self.x[rows], *(None if column is None else column[rows] for column in columns))

    def take(self, rows: NDArray[np.int64]) -> Examples:
        """The examples at positions `rows` (m,), in that order."""
        index = torch.from_numpy(np.asarray(rows, dtype=np.int64))
        oracle = None if self.oracle is None else self.oracle[index]
        return Examples(**self[index]._asdict(), rows=self.rows[rows], oracle=oracle)


@dataclass(frozen=True)
class Data:
    """A data set split into training, validation and test rows.

    Attributes:
        train, validation, test: the three parts; any of them may be empty.
        name: the name of the data set.
        encoder: encodes further tables as this one was encoded; None if the data did not come from a table.
        units: what an ensemble holds out together: a number for the group of each training row and, behind them, of
            each validation row; with `in_time` for its place in time. None where each row stands for itself.
        in_time: whether units follow one another in time.

    >>> examples = Examples(torch.zeros(5, 2), torch.arange(5.0))
    >>> data = Data(examples.take(np.arange(3)), examples.take(np.array([3])), examples.take(np.array([4])))
    >>> {name: len(part) for name, part in data.parts.items()}
    {'train': 3, 'validation': 1, 'test': 1}
    """

    train: Examples
    validation: Examples
    test: Examples
    name: str = "data"
    encoder: TableEncoder | None = None
    units: NDArray[np.int64] | None = None
    in_time: bool = False

    @property
    def parts(self) -> dict[str, Examples]:
        """The three parts by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def class_count(self) -> int | dict[str, int | None] | None:
        """The number of classes of a categorical target column, of several by target; None otherwise."""
        return None if self.encoder is None else self.encoder.target.class_count
