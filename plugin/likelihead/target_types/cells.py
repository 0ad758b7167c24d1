"""Tables as pandas frames: reading files, finding columns, turning columns into numbers."""

from __future__ import annotations

import csv
import difflib
import logging
from collections.abc import Iterable, Sequence
from numbers import Number
from pathlib import Path
from typing import SupportsFloat

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from likelihead.errors import LikelihoodError

log = logging.getLogger("likelihead.data")

#: Rows that a message about a column shows.
SHOWN = 3


def read_table(path: str | Path) -> pd.DataFrame:
    """A CSV (.csv, .csv.gz, .tsv, .txt) or Parquet (.parquet, .pq) file as a frame.

    A first CSV column without a name, as row numbers are written, is left out; that is logged.

    Raises:
        LikelihoodError: no such file, another kind of file, no rows, or two columns of one name.
    """
    path = Path(path)
    if not path.is_file():
        raise LikelihoodError(f"there is no file {str(path)!r}: give the path of a CSV or Parquet file as data.path")
    name = path.name.lower().removesuffix(".gz")
    try:
        if name.endswith((".parquet", ".pq")):
            frame = pd.read_parquet(path)
        elif name.endswith((".csv", ".tsv", ".txt")):
            frame = _read_text(path, "\t" if name.endswith(".tsv") else ",")
        else:
            raise LikelihoodError(
                f"{str(path)!r} is neither CSV (.csv, .tsv, .txt, also .gz) nor Parquet (.parquet, .pq)"
            )
    except (OSError, ValueError, csv.Error) as error:
        if isinstance(error, LikelihoodError):
            raise
        raise LikelihoodError(f"{str(path)!r} cannot be read as a table: {str(error).splitlines()[0]}") from error
    frame.columns = [str(column) for column in frame.columns]
    if frame.empty:
        raise LikelihoodError(f"{str(path)!r} has no rows: a table needs a header and at least one row")
    return frame.reset_index(drop=True)


def _read_text(path: Path, separator: str) -> pd.DataFrame:
    header = pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str).iloc[0]
    twice = sorted({str(name) for name in header[header.duplicated() & header.notna()]})
    if twice:
        raise LikelihoodError(f"{str(path)!r} has two columns named {', '.join(map(repr, twice))}: rename one of them")
    frame = pd.read_csv(path, sep=separator)
    if pd.isna(header.iloc[0]) and frame.shape[1] > 1:
        log.info("%s: the first column has no name; it is taken for row numbers and left out", path.name)
        frame = frame.iloc[:, 1:]
    return frame


def require_columns(frame: pd.DataFrame, names: Iterable[str], what: str) -> None:
    """Raise a LikelihoodError naming the first column of `names` that `frame` lacks, and the closest that it has."""
    for name in names:
        if name not in frame.columns:
            columns = [str(column) for column in frame.columns]
            close = difflib.get_close_matches(str(name), columns, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            shown = ", ".join(columns[:30]) + (", …" if len(columns) > 30 else "")
            raise LikelihoodError(f"there is no {what} column {name!r} in the table: {hint}the columns are {shown}")


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
