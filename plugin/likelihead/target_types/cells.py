"""Columns of a pandas frame: their presence, their cells as numbers or labels, and their cells in messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Number
from typing import SupportsFloat

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from likelihead.errors import LikelihoodError, suggest

#: The most cells that a message lists.
MAX_CELLS = 3


def require_columns(frame: pd.DataFrame, names: Iterable[str], what: str) -> None:
    """Raise a LikelihoodError naming the first of the columns `names` that `frame` lacks, and the closest it has."""
    for name in names:
        if name not in frame.columns:
            hint = suggest(str(name), map(str, frame.columns))
            raise LikelihoodError(f"there is no {what} column {name!r} in the table: {hint}")


def describe_cells(series: pd.Series, mask: NDArray[np.bool_]) -> str:
    """The first few cells of `series` (n,) where `mask` (n,) is true: `row 3: 'a'; row 7: 'b', …`."""
    rows = np.flatnonzero(mask)
    text = "; ".join(f"row {series.index[row]}: {_cell_text(series.iloc[row])}" for row in rows[:MAX_CELLS])
    return text + (", …" if len(rows) > MAX_CELLS else "")


def _cell_text(value: object) -> str:
    if isinstance(value, np.number):
        return f"{float(value):g}"
    return repr(value.item() if isinstance(value, np.generic) else value)


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
    """A column (n,) as float64, with NaN for empty cells; booleans become 0 and 1.

    Args:
        series: the column.
        what: what the column is, for messages.
        remedy: what to do about cells that are not numbers, for messages.

    Raises:
        LikelihoodError: cells that are not numbers.
    """
    dtype = series.dtype
    if _has_no_numbers(series):
        raise LikelihoodError(f"{what} {series.name!r} holds values of type {dtype}, not numbers: {remedy}")
    values = parsed_numbers(series)
    bad = np.isnan(values) & series.notna().to_numpy(dtype=bool)
    if bad.any():
        raise LikelihoodError(
            f"{what} {series.name!r}: {int(bad.sum())} of {len(series)} cells are not numbers "
            f"({describe_cells(series, bad)}): {remedy}"
        )
    return values


def parsed_numbers(series: pd.Series) -> NDArray[np.float64]:
    """A column (n,) as float64, with NaN for cells that are empty or not numbers; booleans become 0 and 1."""
    if _has_no_numbers(series):
        return np.full(len(series), np.nan)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    if series.dtype == object:
        series = series.map(lambda cell: float(cell) if isinstance(cell, SupportsFloat) else cell)
    converted = pd.to_numeric(series, errors="coerce")
    values: NDArray[np.float64] = converted.to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _has_no_numbers(series: pd.Series) -> bool:
    dtype = series.dtype
    is_time = pd.api.types.is_datetime64_any_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype)
    return is_time or pd.api.types.is_complex_dtype(dtype)


def labels(series: pd.Series) -> pd.Series:
    """A column (n,) as text labels, with NaN for empty cells: 1 and 1.0 are both '1', True is 'True'."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    known = series.dropna()
    if pd.api.types.is_float_dtype(known.dtype) and (known == np.floor(known)).all() and np.isfinite(known).all():
        known = known.astype(np.int64)
    # Many rows share a label: each distinct cell becomes text once.
    codes, cells = pd.factorize(known)
    text = np.array([label(cell) for cell in cells], dtype=object)
    return pd.Series(text[codes], known.index, dtype=object, name=series.name).reindex(series.index)


def label(cell: object) -> str:
    """One cell as text: 1 and 1.0 are both '1'."""
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    return str(cell)


def sort_labels(names: Iterable[str]) -> list[str]:
    """The distinct labels in order: numerically if all are whole numbers, else alphabetically.

    >>> sort_labels(["10", "9", "9"]), sort_labels(["b", "a", "10"])
    (['9', '10'], ['10', 'a', 'b'])
    """
    distinct = sorted(set(names))
    try:
        return sorted(distinct, key=int)
    except ValueError:
        return distinct


def as_list(columns: str | float | Sequence[str] | None) -> list[str]:
    """One column name, several, or None, as a list; a header may be a number.

    >>> as_list("y"), as_list(2020), as_list(None)
    (['y'], ['2020'], [])
    """
    if columns is None:
        return []
    return [str(columns)] if isinstance(columns, str | float | int) else [str(column) for column in columns]
