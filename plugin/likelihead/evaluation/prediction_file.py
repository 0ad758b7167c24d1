"""Predictions written to a CSV or Parquet file, part by part, and whole or not at all."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from likelihead.errors import LikelihoodError
from likelihead.files import write_whole

PARQUET = (".parquet", ".pq")
SUFFIXES = (".csv", ".csv.gz", *PARQUET)


def check_suffix(path: Path) -> None:
    """Raise a LikelihoodError if the name does not say which kind of file to write."""
    if not path.name.lower().endswith(SUFFIXES):
        raise LikelihoodError(f"output={path}: the name must end in one of {', '.join(SUFFIXES)}")


def write_predictions(path: Path, parts: Iterable[pd.DataFrame]) -> None:
    """Write the parts of a table, one after another, to a CSV or Parquet file.

    The file appears under its name once it is complete, and depends on the parts alone.

    Args:
        path: its name ends in .csv, .csv.gz, .parquet or .pq.
        parts: at least one frame; all have the same columns.

    Raises:
        LikelihoodError: another name.
    """
    check_suffix(path)
    write = _write_parquet if path.name.lower().endswith(PARQUET) else _write_text
    write_whole(path, lambda place: write(place, parts))


def _write_text(place: Path, parts: Iterable[pd.DataFrame]) -> None:
    with _text_file(place) as file:
        for number, part in enumerate(parts):
            part.to_csv(file, index=False, header=not number)


@contextmanager
def _text_file(place: Path) -> Iterator[IO[bytes]]:
    """A file to write to, compressed if its name ends in .gz, with no time in it."""
    with place.open("wb") as plain:
        if not place.name.lower().endswith(".gz"):
            yield plain
        else:
            with gzip.GzipFile(fileobj=plain, mode="wb", filename="", mtime=1) as packed:
                yield packed  # type: ignore[misc]


def _write_parquet(place: Path, parts: Iterable[pd.DataFrame]) -> None:
    rest = iter(parts)
    first = next(rest)
    schema = _schema(first)
    with pq.ParquetWriter(place, schema) as writer:
        for part in chain([first], rest):
            writer.write_table(pa.Table.from_pandas(part, schema=schema, preserve_index=False))


def _schema(part: pd.DataFrame) -> pa.Schema:
    """The schema of a table by its first part, in which columns without a cell hold text."""
    schema = pa.Schema.from_pandas(part, preserve_index=False)
    empty = [field for field in schema if pa.types.is_null(field.type)]
    for field in empty:
        schema = schema.set(schema.get_field_index(field.name), field.with_type(pa.string()))
    return schema
