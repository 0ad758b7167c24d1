"""Text files that hold tables: their compression, encoding, separator and decimal mark."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import logging
import zipfile
from collections.abc import Collection
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

import pandas as pd

from likelihead.errors import LikelihoodError

log = logging.getLogger("likelihead.data")

#: What is looked at to recognise encoding and separator: bytes, and rows.
HEAD_BYTES, HEAD_ROWS = 2**16, 20
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
#: The encoding of files that are not UTF-8: Western European, as Windows writes it.
FALLBACK_ENCODING = "cp1252"
DECIMAL_COMMA = r"\s*[+-]?\d+(,\d+)?([eE][+-]?\d+)?\s*"


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file that may be compressed (.gz, or .zip with one file in it).

    Raises:
        LikelihoodError: a zip archive that does not hold exactly one file.
    """
    name = path.name.lower()
    if name.endswith(".gz"):
        return gzip.open(path)  # type: ignore[return-value]
    if not name.endswith(".zip"):
        return path.open("rb")
    archive = zipfile.ZipFile(path)
    members = [member for member in archive.namelist() if not member.endswith("/") and "__MACOSX" not in member]
    if len(members) != 1:
        raise LikelihoodError(f"{str(path)!r} holds {len(members)} files: a zipped table must be the only file in it")
    return archive.open(members[0])


def read_text(path: Path, separator: str, encoding: str | None = None, text: Collection[str] = ()) -> pd.DataFrame:
    """Read a table from a text file whose separator is `,`, `;` or a tab.

    Encodings other than UTF-8, separators other than the expected one, and decimal commas are logged.

    Args:
        path: the file.
        separator: the separator that its name suggests.
        encoding: the encoding; None for that of its byte order mark, UTF-8, or `FALLBACK_ENCODING` where it is not.
        text: columns to read as text, even if all their cells look like numbers.

    Raises:
        LikelihoodError: two columns with the same name, or an encoding that is unknown or not that of the file.
    """
    try:
        return _read(path, text_format(path, separator, encoding), separator, text)
    except UnicodeError as error:
        return _read(path, fallback_format(path, separator, encoding, error), separator, text)


class TextFormat(NamedTuple):
    """How a text file holds a table."""

    encoding: str
    separator: str


def text_format(path: Path, separator: str, encoding: str | None = None) -> TextFormat:
    """The format of a text file by its first bytes; arguments and errors as in `read_text`."""
    with open_bytes(path) as file:
        head = file.read(HEAD_BYTES)
    found = _encoding(path, head) if encoding is None else _known_encoding(encoding)
    return TextFormat(found, _separator(head.decode(found, errors="replace"), separator))


def fallback_format(path: Path, separator: str, encoding: str | None, error: UnicodeError) -> TextFormat:
    """The format of a text file that has turned out not to be UTF-8, which is logged.

    Raises:
        LikelihoodError: an encoding was given.
    """
    if encoding is not None:
        raise LikelihoodError(f"{str(path)!r} is not encoded as data.encoding={encoding}: {error}") from error
    log.warning(
        "%s is not UTF-8; it is read as %s: save it as UTF-8 to be sure, or name its encoding, as in "
        "data.encoding=iso8859-15",
        *(path.name, FALLBACK_ENCODING),
    )
    return text_format(path, separator, FALLBACK_ENCODING)


def _known_encoding(name: str) -> str:
    """The name of an encoding as Python writes it."""
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise LikelihoodError(
            f"data.encoding={name}: there is no such encoding; common ones are utf-8, utf-16, cp1252, iso8859-15, "
            "cp1251, shift_jis and gb18030"
        ) from error


def _encoding(path: Path, head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in head:
        raise LikelihoodError(
            f"{str(path)!r} holds zero bytes, as UTF-16 text does: save it as UTF-8, or name its encoding, as in "
            "data.encoding=utf-16-le"
        )
    return "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"


def _separator(head: str, expected: str) -> str:
    """The separator that splits the header and the first rows into the same number of cells, the more the better."""
    if len(head) >= HEAD_BYTES // 2:
        head = head[: head.rfind("\n") + 1] or head  # the last line may be cut off
    counts = {separator: _cells_per_row(head, separator) for separator in (expected, *SEPARATORS)}
    return max(counts, key=lambda separator: counts[separator])


def _cells_per_row(head: str, separator: str) -> int:
    """The number of cells in the header; 1 if a row of the first few has another number."""
    try:
        rows = [row for row in islice(csv.reader(io.StringIO(head), delimiter=separator), HEAD_ROWS) if row]
    except csv.Error:
        return 1
    sizes = {len(row) for row in rows}
    return sizes.pop() if len(sizes) == 1 else 1


def text_header(path: Path, found: TextFormat, expected: str) -> pd.Series:
    """The cells of the first row; what is unusual about the separator and the first column is logged.

    Raises:
        LikelihoodError: two columns with the same name.
    """
    with open_bytes(path) as file:
        options = {"sep": found.separator, "encoding": found.encoding}
        header = pd.read_csv(file, header=None, nrows=1, dtype=str, **options).iloc[0]
    repeated = sorted({str(name) for name in header[header.duplicated() & header.notna()]})
    if repeated:
        names = ", ".join(map(repr, repeated))
        raise LikelihoodError(f"{str(path)!r} has two columns named {names}: rename one of them")
    if found.separator != expected:
        log.info("%s: its cells are separated by %s", path.name, SEPARATORS[found.separator])
    if has_row_numbers(header):
        log.info("%s: the first column has no name; it is taken for row numbers and dropped", path.name)
    return header


def has_row_numbers(header: pd.Series) -> bool:
    """Whether the first column has no name and others follow."""
    return bool(pd.isna(header.iloc[0])) and len(header) > 1


def _read(path: Path, found: TextFormat, expected: str, text: Collection[str]) -> pd.DataFrame:
    header = text_header(path, found, expected)
    as_text = {name: str for name in text if name in set(header)}
    with open_bytes(path) as file:
        frame = pd.read_csv(file, sep=found.separator, encoding=found.encoding, dtype=as_text)
    if has_row_numbers(header) and frame.shape[1] > 1:
        frame = frame.iloc[:, 1:]
    return frame if found.separator == "," else _with_decimal_points(frame, path, as_text)


def _with_decimal_points(frame: pd.DataFrame, path: Path, text: Collection[str]) -> pd.DataFrame:
    """The frame with columns of text whose cells are all numbers with decimal commas as numbers."""
    converted = []
    for name in frame.columns:
        cells = frame[name].dropna()
        if (
            name in text
            or pd.api.types.is_numeric_dtype(cells.dtype)
            or not cells.map(lambda cell: isinstance(cell, str)).all()
        ):
            continue
        if cells.str.contains(",").any() and cells.str.fullmatch(DECIMAL_COMMA).all():
            frame[name] = pd.to_numeric(frame[name].str.replace(",", ".")).astype("float64")
            converted.append(str(name))
    if converted:
        names = ", ".join(converted[:5]) + (", …" if len(converted) > 5 else "")
        log.info("%s: decimal commas in %s are read as decimal points", path.name, names)
    return frame
