"""Reading tables from CSV and Parquet files."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import pandas as pd

from likelihead.data.tables.text_files import read_text
from likelihead.errors import LikelihoodError

TEXT, PARQUET = (".csv", ".tsv", ".txt"), (".parquet", ".pq")


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV (.csv, .tsv, .txt, also .gz and .zip) or Parquet (.parquet, .pq) file.

    Cells may be separated by commas, semicolons or tabs; with the latter two, numbers may have decimal commas. Text
    that is not UTF-8 is read as Western European. If the first column of a CSV file has no name, it is taken for row
    numbers and dropped. All of this is logged.

    Raises:
        LikelihoodError: the file is missing, has another format or no rows, or two of its columns have the same name.
    """
    path = Path(path)
    if not path.is_file():
        raise LikelihoodError(f"there is no file {str(path)!r}: give the path of a CSV or Parquet file as data.path")
    name = path.name.lower().removesuffix(".gz").removesuffix(".zip")
    try:
        if name.endswith(PARQUET):
            frame = pd.read_parquet(path)
        elif name.endswith(TEXT) or path.suffix.lower() == ".zip":
            frame = read_text(path, "\t" if name.endswith(".tsv") else ",")
        else:
            raise LikelihoodError(
                f"{str(path)!r} is neither CSV ({', '.join(TEXT)}, also .gz and .zip) nor Parquet "
                f"({', '.join(PARQUET)})"
            )
    except (OSError, EOFError, ValueError, csv.Error, zipfile.BadZipFile) as error:
        if isinstance(error, LikelihoodError):
            raise
        raise LikelihoodError(f"{str(path)!r} cannot be read as a table: {str(error).splitlines()[0]}") from error
    frame.columns = [str(column) for column in frame.columns]
    if frame.empty:
        raise LikelihoodError(f"{str(path)!r} has no rows: a table needs a header and at least one row")
    return frame.reset_index(drop=True)
