"""Encoders of one numeric or categorical input column into columns of x."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from likelihead.errors import LikelihoodError
from likelihead.target_types.cells import describe_cells, labels, numbers, sort_labels

log = logging.getLogger("likelihead.data")

#: A text column with more labels than this, and more than half as many as rows, is taken to hold identifiers.
MAX_LEVELS = 50
#: A text column with more than `STRAY_LEVELS` labels, a share of `STRAY_SHARE` of which are numbers, is taken to be
#: a numeric column with some stray text.
STRAY_LEVELS, STRAY_SHARE = 20, 0.9

#: Columns of x, (n, columns).
Block = NDArray[np.float32]


@dataclass(frozen=True)
class NumericColumn:
    """A column of numbers, standardised, with the mean in place of empty cells.

    If the training rows have empty cells, a second column of x is 1 where a cell is empty.
    """

    name: str
    mean: float
    scale: float
    indicator: bool

    @classmethod
    def fit(cls, series: pd.Series) -> NumericColumn:
        """Take mean and standard deviation from the training cells; the scale of a constant column is 1."""
        values = _finite(series)
        missing = np.isnan(values)
        known = values[~missing]
        if not len(known):
            raise LikelihoodError(f"input column {str(series.name)!r} is empty in all training rows: leave it out")
        mean = float(known.mean())
        scale = float(np.sqrt(np.mean((known - mean) ** 2)))
        if not np.isfinite(scale):
            raise LikelihoodError(f"input column {str(series.name)!r} holds numbers too large to square: rescale it")
        if scale <= 1e-12 * float(np.abs(known).max()):
            mean, scale = float(known[0]), 1.0
        return cls(str(series.name), mean, scale, bool(missing.any()))

    @property
    def names(self) -> list[str]:
        return [self.name, f"{self.name} (missing)"] if self.indicator else [self.name]

    def encode(self, series: pd.Series, ignore_unseen: bool) -> Block:
        values = _finite(series)
        missing = np.isnan(values)
        with np.errstate(over="ignore"):
            filled = np.where(missing, 0.0, (values - self.mean) / self.scale).astype(np.float32)
        if not np.isfinite(filled).all():
            raise LikelihoodError(
                f"input column {self.name!r} has cells too far from the training rows for float32 "
                f"({describe_cells(series, ~np.isfinite(filled))}): correct them or leave the column out"
            )
        return np.stack([filled, missing.astype(np.float32)], axis=1) if self.indicator else filled[:, None]

    def state(self) -> dict[str, Any]:
        return {"type": "number", **asdict(self)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> NumericColumn:
        return cls(state["name"], state["mean"], state["scale"], state["indicator"])


@dataclass(frozen=True)
class CategoricalColumn:
    """A column of labels, one-hot encoded: a column of x for each label of the training rows.

    If the training rows have empty cells, these get a column of x too.
    """

    name: str
    levels: list[str]
    missing: bool

    @classmethod
    def fit(cls, series: pd.Series) -> CategoricalColumn:
        """Take the labels of the training rows, in sorted order."""
        name, text = str(series.name), labels(series)
        levels = sort_labels(text.dropna())
        if not levels:
            raise LikelihoodError(f"input column {name!r} is empty in all training rows: leave it out")
        _check_stray(series, text, levels)
        if len(levels) > max(MAX_LEVELS, len(series) / 2):
            raise LikelihoodError(
                f"input column {name!r} is text with {len(levels)} values in {len(series)} training rows, so it "
                "identifies rows rather than groups of rows: leave it out with data.features, or turn it into numbers"
            )
        return cls(name, levels, bool(text.isna().any()))

    @property
    def names(self) -> list[str]:
        return [f"{self.name}={level}" for level in self.levels] + ([f"{self.name} (missing)"] if self.missing else [])

    def encode(self, series: pd.Series, ignore_unseen: bool) -> Block:
        text = labels(series)
        codes = text.map({level: code for code, level in enumerate(self.levels)}).to_numpy(np.float64, na_value=np.nan)
        empty = text.isna().to_numpy(dtype=bool)
        if self.missing:
            codes = np.where(empty, len(self.levels), codes)
        unseen = np.isnan(codes)
        if unseen.any() and not ignore_unseen:
            advice = (
                "correct them, leave these rows out, or train with data.unseen=ignore, which gives them no category"
            )
            raise LikelihoodError(f"{self._unseen(series, unseen)}: {advice}")
        if unseen.any():
            log.warning("%s: they get no category", self._unseen(series, unseen))
        block = np.zeros((len(series), len(self.names)), dtype=np.float32)
        rows = np.flatnonzero(~unseen)
        block[rows, codes[rows].astype(np.int64)] = 1.0
        return block

    def _unseen(self, series: pd.Series, unseen: NDArray[np.bool_]) -> str:
        levels = ", ".join(self.levels[:10]) + (", …" if len(self.levels) > 10 else "")
        empty = labels(series)[unseen].isna().all()
        what = "are empty, but no training cell is" if empty else "hold an unseen category"
        return (
            f"input column {self.name!r}: {int(unseen.sum())} of {len(series)} cells {what} "
            f"({describe_cells(series, unseen)}); the training rows have {levels}"
        )

    def state(self) -> dict[str, Any]:
        return {"type": "category", **asdict(self)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> CategoricalColumn:
        return cls(state["name"], list(state["levels"]), state["missing"])


InputColumn = NumericColumn | CategoricalColumn


def fit_column(series: pd.Series, categorical: bool = False) -> InputColumn:
    """Fit a categorical encoder to text, booleans and categories, or if `categorical` is set; else a numeric one."""
    dtype = series.dtype
    has_labels = isinstance(dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(dtype)
    if not has_labels and not categorical and _is_numeric(series):
        return NumericColumn.fit(series)
    return CategoricalColumn.fit(series)


def _is_numeric(series: pd.Series) -> bool:
    """Whether to read a column as numbers; dates count as numbers here, so that they are rejected with an error."""
    if pd.api.types.is_object_dtype(series.dtype):
        cells = series.dropna()
        is_number = cells.map(lambda cell: isinstance(cell, Number) and not isinstance(cell, bool))
        return bool(is_number.all()) and len(cells) > 0
    return not pd.api.types.is_string_dtype(series.dtype)


def _finite(series: pd.Series) -> NDArray[np.float64]:
    values = numbers(series, "input column", "correct them, or leave the column out with data.features")
    infinite = np.isinf(values)
    if infinite.any():
        raise LikelihoodError(
            f"input column {str(series.name)!r}: {int(infinite.sum())} of {len(values)} cells are infinite "
            f"({describe_cells(series, infinite)}): correct them, leave the cells empty, or leave the column out"
        )
    return values


def _check_stray(series: pd.Series, text: pd.Series, levels: list[str]) -> None:
    parsed = pd.to_numeric(pd.Series(levels), errors="coerce").notna()
    if len(levels) > STRAY_LEVELS and STRAY_SHARE <= parsed.mean() < 1.0:
        stray = pd.to_numeric(text, errors="coerce").isna() & text.notna()
        raise LikelihoodError(
            f"input column {str(series.name)!r} holds numbers except in {int(stray.sum())} of {len(series)} cells "
            f"({describe_cells(series, stray.to_numpy(dtype=bool))}): correct them or leave the cells empty"
        )
