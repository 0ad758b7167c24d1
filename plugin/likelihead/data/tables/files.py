"""Reading tables from CSV and Parquet files."""

from __future__ import annotations

import csv
import logging
from pathlib import Path

import pandas as pd

from likelihead.errors import LikelihoodError

log = logging.getLogger("likelihead.data")


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV (.csv, .tsv, .txt, also .gz) or Parquet (.parquet, .pq) file.

    If the first column of a CSV file has no name, it is taken for row numbers and dropped, which is logged.

    Raises:
        LikelihoodError: the file is missing, has another format or no rows, or two of its columns have the same name.
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
    repeated = sorted({str(name) for name in header[header.duplicated() & header.notna()]})
    if repeated:
        names = ", ".join(map(repr, repeated))
        raise LikelihoodError(f"{str(path)!r} has two columns named {names}: rename one of them")
    frame = pd.read_csv(path, sep=separator)
    if pd.isna(header.iloc[0]) and frame.shape[1] > 1:
        log.info("%s: the first column has no name; it is taken for row numbers and dropped", path.name)
        frame = frame.iloc[:, 1:]
    return frame
