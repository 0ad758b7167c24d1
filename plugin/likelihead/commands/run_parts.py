"""The parts that the rows of a run are split into."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray

from likelihead.data import Data, Examples
from likelihead.data.views import Subset
from likelihead.training.data_module import DataModule


def parts_of(data: object, rows: pl.LightningDataModule) -> dict[str, Any]:
    """The parts of the data by name, with the calibration rows as one of them."""
    if not isinstance(data, Data):
        return {}
    if not isinstance(rows, DataModule) or rows.rows["calibration"] is None:
        return dict(data.parts)
    return {**data.parts, **{name: rows.rows[name] for name in ("validation", "calibration")}}


def row_numbers(data: object, rows: pl.LightningDataModule) -> dict[str, NDArray[np.int64]]:
    """The row numbers of each part in the source of the data, as far as they are read by index."""
    parts = parts_of(data, rows)
    return {name: part.rows for name, part in parts.items() if isinstance(part, Examples | Subset)}
