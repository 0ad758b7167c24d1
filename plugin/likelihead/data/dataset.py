"""Rows as tensors."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from likelihead.data.tables.encoder import TableEncoder


@dataclass(frozen=True)
class Split:
    """Rows of a data set as tensors.

    Attributes:
        x: inputs (n, p), float32.
        y: targets (n,) or (n, D); float32, or int64 for class labels and rankings; None where they are not known.
        weight, exposure: (n,) float32, or None for 1 everywhere.
        rows: row numbers (n,) in the source.
        oracle: log-probability (n,) of y under the true distribution, float64, where that is known.
    """

    x: Tensor
    y: Tensor | None
    weight: Tensor | None = None
    exposure: Tensor | None = None
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    oracle: Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Data:
    """A data set dealt out; a part may have no rows. `encoder` turns further tables into the same columns."""

    train: Split
    validation: Split
    test: Split
    encoder: TableEncoder
    name: str

    @property
    def parts(self) -> dict[str, Split]:
        """The three parts by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}
