"""Reading tables from files: text, Parquet, Arrow and Excel."""

from __future__ import annotations

import csv
import logging
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow
import pyarrow.dataset

from likelihead.data.tables.text_files import read_text
from likelihead.errors import LikelihoodError
from likelihead.files import refuse_url

log = logging.getLogger("likelihead.data")

TEXT, PARQUET = (".csv", ".tsv", ".txt"), (".parquet", ".pq")
ARROW, EXCEL = (".feather", ".arrow", ".ipc"), (".xlsx", ".xlsm")
#: The formats of pyarrow's data sets, by the ends of names.
DATASETS = {PARQUET: "parquet", ARROW: "feather"}
#: What reading a damaged file may raise.
FAILURES = (OSError, EOFError, ValueError, KeyError, csv.Error, zipfile.BadZipFile, pyarrow.ArrowException)


def read_table(path: str | Path, encoding: str | None = None, text: Collection[str] = ()) -> pd.DataFrame:
    """Read a table from a file, or from a directory of Parquet or Arrow files.

    - Text (.csv, .tsv, .txt, also .gz and .zip): cells may be separated by commas, semicolons or tabs; with the latter
      two, numbers may have decimal commas. If the first column has no name, it is taken for row numbers and dropped.
      All of this is logged.
    - Parquet (.parquet, .pq) and Arrow (.feather, .arrow, .ipc). A directory may be partitioned by folders such as
      `year=2024`.
    - Excel (.xlsx, .xlsm): the first sheet. This needs the extra `excel`.

    Args:
        path: the file or directory.
        encoding: the encoding of a text file; None for UTF-8, or Western European where it is not.
        text: columns to read as text, even if all their cells look like numbers.

    Raises:
        LikelihoodError: the file is missing, has another format or no rows, or two of its columns have the same name.
    """
    refuse_url(path, "data.path")
    path = Path(path)
    if not path.exists():
        raise LikelihoodError(f"there is no file {str(path)!r}: give the path of a CSV or Parquet file as data.path")
    with readable(path):
        frame = _read(path, encoding, text)
    frame.columns = [str(column) for column in frame.columns]
    if frame.empty:
        raise LikelihoodError(f"{str(path)!r} has no rows: a table needs a header and at least one row")
    return frame.reset_index(drop=True)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say of a damaged file, in one sentence, why it cannot be read.

    Raises:
        LikelihoodError: what went wrong within the block.
    """
    try:
        yield
    except FAILURES as error:
        if isinstance(error, LikelihoodError):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise LikelihoodError(f"{str(path)!r} cannot be read as a table: {reason}") from error


def _read(path: Path, encoding: str | None, text: Collection[str]) -> pd.DataFrame:
    name = path.name.lower().removesuffix(".gz").removesuffix(".zip")
    if path.is_dir() or name.endswith((*PARQUET, *ARROW)):
        return _in_memory(open_dataset(path))
    if name.endswith(TEXT) or path.suffix.lower() == ".zip":
        return read_text(path, "\t" if name.endswith(".tsv") else ",", encoding, text)
    if name.endswith(EXCEL):
        return _read_excel(path, text)
    raise _unknown_format(path)


def _unknown_format(path: Path) -> LikelihoodError:
    return LikelihoodError(
        f"{str(path)!r} is neither CSV ({', '.join(TEXT)}, also .gz and .zip) nor Parquet "
        f"({', '.join(PARQUET)}), Arrow ({', '.join(ARROW)}) or Excel ({', '.join(EXCEL)})"
    )


def _in_memory(dataset: pyarrow.dataset.Dataset) -> pd.DataFrame:
    """All rows as a frame; each column is freed as it is converted."""
    frame = dataset.to_table().to_pandas(split_blocks=True, self_destruct=True)
    release_memory()
    return frame


def release_memory() -> None:
    """Give back the memory that pyarrow keeps for further tables, once those that were read are no longer needed."""
    pyarrow.default_memory_pool().release_unused()


def open_dataset(path: Path) -> pyarrow.dataset.Dataset:
    """A Parquet or Arrow file, or a directory of them, as a data set of pyarrow, whose rows are not read yet.

    Raises:
        LikelihoodError: a directory without such files.
    """
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    for suffixes, layout in DATASETS.items():
        chosen = [str(file) for file in files if file.name.lower().endswith(suffixes)]
        if chosen:
            folders = {"partitioning": "hive", "partition_base_dir": str(path)} if path.is_dir() else {}
            return pyarrow.dataset.dataset(chosen, format=layout, **folders)
    raise LikelihoodError(
        f"the directory {str(path)!r} holds neither Parquet ({', '.join(PARQUET)}) nor Arrow files "
        f"({', '.join(ARROW)}): give the path of a table as data.path"
    )


def _read_excel(path: Path, text: Collection[str]) -> pd.DataFrame:
    try:
        book = pd.ExcelFile(path, engine="openpyxl")
    except ImportError as error:
        raise LikelihoodError(
            f"{str(path)!r} is an Excel file, which takes openpyxl to read: pip install 'likelihead[excel]', or save "
            "it as CSV"
        ) from error
    except zipfile.BadZipFile as error:
        raise _unknown_format(path) from error
    with book:
        if len(book.sheet_names) > 1:
            log.warning(
                "%s has %d sheets; the first, %r, is read", path.name, len(book.sheet_names), book.sheet_names[0]
            )
        return pd.read_excel(book, dtype=dict.fromkeys(text, str))
