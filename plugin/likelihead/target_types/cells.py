"""Columns of a pandas frame: finding them, their cells as numbers or labels, and how messages show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Number
from typing import SupportsFloat

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from likelihead.errors import LikelihoodError, suggest

#: Rows that a message about a column shows.
SHOWN = 3


def require_columns(frame: pd.DataFrame, names: Iterable[str], what: str) -> None:
    """Raise a LikelihoodError naming the first column of `names` that `frame` lacks, and the closest that it has."""
    for name in names:
        if name not in frame.columns:
            hint = suggest(str(name), map(str, frame.columns))
            raise LikelihoodError(f"there is no {what} column {name!r} in the table: {hint}")


def describe_cells(series: pd.Series, mask: NDArray[np.bool_]) -> str:
    """The first few cells of `series` where `mask` holds: `row 3: 'a'; row 7: 'b', …`."""
    rows = np.flatnonzero(mask)
    shown = "; ".join(f"row {series.index[row]}: {_cell(series.iloc[row])}" for row in rows[:SHOWN])
    return shown + (", …" if len(rows) > SHOWN else "")


def _cell(value: object) -> str:
    return f"{float(value):g}" if isinstance(value, np.number) else repr(value)


def is_text(series: pd.Series) -> bool:
    """Whether a column holds labels rather than numbers: object, string or categorical (of text), but not bool."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return not pd.api.types.is_numeric_dtype(series.cat.categories.dtype)
    if pd.api.types.is_bool_dtype(series) or pd.api.types.is_numeric_dtype(series):
        return False
    if pd.api.types.is_datetime64_any_dtype(series) or pd.api.types.is_timedelta64_dtype(series):
        return False
    return not series.dropna().map(lambda cell: isinstance(cell, Number | np.bool_)).all()


def numbers(series: pd.Series, what: str, remedy: str) -> NDArray[np.float64]:
    """A column (n,) as float64, with NaN for empty cells; booleans are 0 and 1.

    Raises:
        LikelihoodError: a cell that is no number, with its row.
    """
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    if series.dtype == object:
        series = series.map(lambda cell: float(cell) if isinstance(cell, SupportsFloat) else cell)
    kind = series.dtype
    timed = pd.api.types.is_datetime64_any_dtype(kind) or pd.api.types.is_timedelta64_dtype(kind)
    if timed or pd.api.types.is_complex_dtype(kind):
        raise LikelihoodError(f"{what} {series.name!r} holds values of type {kind}, not numbers: {remedy}")
    converted = pd.to_numeric(series, errors="coerce")
    bad = (converted.isna() & series.notna()).to_numpy(dtype=bool)
    if bad.any():
        raise LikelihoodError(
            f"{what} {series.name!r}: {int(bad.sum())} of {len(series)} cells are no numbers "
            f"({describe_cells(series, bad)}): {remedy}"
        )
    values: NDArray[np.float64] = converted.to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def labels(series: pd.Series) -> pd.Series:
    """A column as text labels, with NaN for empty cells: 1 and 1.0 are both '1', True is 'True'."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    known = series.dropna()
    if pd.api.types.is_float_dtype(known.dtype) and (known == np.floor(known)).all() and np.isfinite(known).all():
        known = known.astype(np.int64)
    return known.map(label).reindex(series.index).astype(object)


def label(cell: object) -> str:
    """One cell as text: 1 and 1.0 are both '1'."""
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    return str(cell)


def sort_labels(found: Iterable[str]) -> list[str]:
    """Distinct labels in order: by number where all are whole numbers, else by text.

    >>> sort_labels(["10", "9", "9"]), sort_labels(["b", "a", "10"])
    (['9', '10'], ['10', 'a', 'b'])
    """
    distinct = sorted(set(found))
    try:
        return sorted(distinct, key=int)
    except ValueError:
        return distinct


def as_list(columns: str | Sequence[str] | None) -> list[str]:
    """One name or several as a list of text."""
    if columns is None:
        return []
    return [columns] if isinstance(columns, str) else [str(column) for column in columns]
