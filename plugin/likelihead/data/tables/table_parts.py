"""Tables of any size read in parts, so that memory does not grow with their rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset

from likelihead.data.tables.files import ARROW, PARQUET, TEXT, open_dataset, read_table, readable
from likelihead.data.tables.text_files import (
    DECIMAL_COMMA,
    TextFormat,
    fallback_format,
    has_row_numbers,
    open_bytes,
    text_format,
    text_header,
)
from likelihead.errors import LikelihoodError

#: Text files with more bytes than this are read in parts; others as a whole. Compressed ones count ten times.
LARGE_FILE = 2**26


@dataclass(frozen=True)
class TableParts:
    """A table as consecutive parts.

    Attributes:
        rows: the number of rows of the table.
        parts: frames of equally many rows each but for the last, numbered through by their indices. They can be read
            once.
    """

    rows: int
    parts: Iterator[pd.DataFrame]

    @classmethod
    def of(cls, frame: pd.DataFrame, size: int) -> TableParts:
        """The parts of a table in memory.

        >>> [len(part) for part in TableParts.of(pd.DataFrame({"x": range(5)}), 2).parts]
        [2, 2, 1]
        """
        frame = frame.reset_index(drop=True)
        return cls(len(frame), (frame.iloc[start : start + size] for start in range(0, len(frame), size)))


def read_parts(
    path: str | Path,
    size: int,
    encoding: str | None = None,
    text: Collection[str] = (),
    large_file: int | None = None,
) -> TableParts:
    """Read a table in parts of `size` rows.

    Parquet and Arrow files, directories of them, and large text files are not held in memory as a whole. They are
    looked through once before, so that a column has one type in all parts.

    Args:
        path, encoding, text: as in `read_table`.
        size: the rows of each part but the last.
        large_file: text files with more bytes than this are read in parts; None for `LARGE_FILE`.

    Raises:
        LikelihoodError: as `read_table`; while the parts are read, too.
    """
    path, most = Path(path), LARGE_FILE if large_file is None else large_file
    name = path.name.lower()
    plain = name.removesuffix(".gz").removesuffix(".zip")
    if path.is_dir() or (path.is_file() and plain.endswith((*PARQUET, *ARROW))):
        return _dataset_parts(path, size)
    weight = 10 if plain != name else 1
    if path.is_file() and plain.endswith((*TEXT, "zip")) and path.stat().st_size * weight > most:
        return _text_parts(path, size, encoding, text)
    return TableParts.of(read_table(path, encoding, text), size)


def _dataset_parts(path: Path, size: int) -> TableParts:
    with readable(path):
        dataset = open_dataset(path)
        rows = dataset.count_rows()
    if not rows:
        raise LikelihoodError(f"{str(path)!r} has no rows: a table needs a header and at least one row")
    return TableParts(rows, _numbered(_dataset_frames(path, dataset, size)))


def _dataset_frames(path: Path, dataset: pyarrow.dataset.Dataset, size: int) -> Iterator[pd.DataFrame]:
    with readable(path):
        holed = _types_with_holes(dataset, size)
        for table in _regrouped(_batches(dataset, size), size):
            frame = table.to_pandas().reset_index(drop=True)
            own = {name: dtype for name, dtype in holed.items() if str(frame[name].dtype).islower()}
            yield frame.astype(own)


def _batches(dataset: pyarrow.dataset.Dataset, size: int, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The batches of a data set in order, few of them at once in memory."""
    return iter(dataset.to_batches(columns=columns, batch_size=size, batch_readahead=2, fragment_readahead=1))


def _types_with_holes(dataset: pyarrow.dataset.Dataset, size: int) -> dict[str, str]:
    """What pandas makes of columns of integers or booleans in which a cell somewhere is empty."""
    types = {field.name: field.type for field in dataset.schema}
    asked = [name for name, kind in types.items() if pa.types.is_integer(kind) or pa.types.is_boolean(kind)]
    holed = set()
    for batch in _batches(dataset, size, asked):
        holed |= {name for name in asked if batch.column(name).null_count}
    return {name: "float64" if pa.types.is_integer(types[name]) else "object" for name in asked if name in holed}


def _regrouped(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += len(batch)
        while count >= size:
            table = pa.Table.from_batches(held)
            yield table.slice(0, size)
            held = table.slice(size).to_batches()
            count -= size
    if count:
        yield pa.Table.from_batches(held)


def _numbered(frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The frames with their rows numbered through, and names of columns as text."""
    start = 0
    for frame in frames:
        frame.columns = [str(name) for name in frame.columns]
        frame.index = pd.RangeIndex(start, start + len(frame))
        start += len(frame)
        yield frame


def _text_parts(path: Path, size: int, encoding: str | None, text: Collection[str]) -> TableParts:
    separator = "\t" if ".tsv" in path.suffixes else ","
    with readable(path):
        try:
            found = text_format(path, separator, encoding)
            survey = _Survey.of(path, found, separator, size)
        except UnicodeError as error:
            found = fallback_format(path, separator, encoding, error)
            survey = _Survey.of(path, found, separator, size)
    survey.as_text = set(text)
    if not survey.rows:
        raise LikelihoodError(f"{str(path)!r} has no rows: a table needs a header and at least one row")
    return TableParts(survey.rows, _numbered(_text_frames(path, found, size, survey)))


def _chunks(
    path: Path, found: TextFormat, size: int, dtypes: Mapping[str, Any] | None = None
) -> Iterator[pd.DataFrame]:
    options = {"sep": found.separator, "encoding": found.encoding, "dtype": dtypes}
    with open_bytes(path) as file, pd.read_csv(file, chunksize=size, **options) as chunks:
        yield from chunks


@dataclass
class _Survey:
    """What the columns of a text file hold.

    Attributes:
        rows: the number of rows.
        kinds: the kinds of cells in each column: the kind of a numpy dtype, `O` for text, `-` for none.
        decimal_commas: columns of text with a decimal comma.
        other_text: columns with text that is no number.
        dropped: the first column, if it holds row numbers.
        as_text: columns to read as text.
    """

    rows: int = 0
    kinds: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    decimal_commas: set[str] = field(default_factory=set)
    other_text: set[str] = field(default_factory=set)
    dropped: list[str] = field(default_factory=list)
    as_text: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, path: Path, found: TextFormat, expected: str, size: int) -> _Survey:
        survey = cls()
        has_numbers = has_row_numbers(text_header(path, found, expected))
        for frame in _chunks(path, found, size):
            survey.rows += len(frame)
            survey.dropped = list(frame.columns[:1]) if has_numbers else []
            for name in frame.columns:
                survey._add(name, frame[name].dropna())
        return survey

    def _add(self, name: str, known: pd.Series) -> None:
        kind = "-" if known.empty else known.dtype.kind if known.dtype.kind in "iufb" else "O"
        self.kinds[name].add(kind)
        if kind == "O":
            text = known.astype(str)
            if not text.str.fullmatch(DECIMAL_COMMA).all():
                self.other_text.add(name)
            elif text.str.contains(",").any():
                self.decimal_commas.add(name)

    def dtypes(self) -> dict[str, Any]:
        """The dtype of each column in all parts; columns without a cell keep that of pandas."""
        found = {name: _dtype(kinds) for name, kinds in self.kinds.items() if kinds != {"-"}}
        return found | {name: str for name in self.as_text if name in self.kinds}


def _dtype(kinds: set[str]) -> Any:
    if kinds <= {"i"} or kinds <= {"u"} or kinds <= {"b"}:
        return {"i": "int64", "u": "uint64", "b": "bool"}[next(iter(kinds))]
    return "float64" if kinds <= {"i", "u", "f", "-"} else str


def _text_frames(path: Path, found: TextFormat, size: int, survey: _Survey) -> Iterator[pd.DataFrame]:
    commas = survey.decimal_commas - survey.other_text - survey.as_text if found.separator != "," else set()
    with readable(path):
        for chunk in _chunks(path, found, size, survey.dtypes()):
            frame = chunk.drop(columns=survey.dropped)
            for name in commas & {*frame.columns}:
                frame[name] = pd.to_numeric(frame[name].str.replace(",", ".")).astype("float64")
            yield frame
