"""Texts read from files: data=text data.path=FOLDER, with a subfolder for each class, or a file of lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from likelihead.data.dataset import Data
from likelihead.data.tables.class_folders import existing, files_by_class
from likelihead.data.tables.files import read_table
from likelihead.data.tables.split_table import Table, split
from likelihead.errors import LikelihoodError
from likelihead.target_types.cells import as_list, require_columns

#: The options of this source, with their defaults.
OPTIONS: dict[str, Any] = {"path": None, "test_path": None, "encoding": None}
#: The column that holds the texts of files.
TEXT = "text"
ENDINGS = (".txt",)


def load(family: str | Mapping[str, Any] | type, options: Mapping[str, Any], seed: int) -> Data:
    """The texts at `options["path"]`, split and encoded for the family.

    The target is `class`, the name of the subfolder, where there is one; otherwise the next word at each place.

    Raises:
        LikelihoodError: a missing file, or one that is no text.
    """
    if not options["path"]:
        raise LikelihoodError("no texts are named: give data.path=FOLDER, or a text file with one text on each line")
    source = {"kind": "text", "encoding": options["encoding"]}
    frame = read(options["path"], source)
    column = options["text"] or TEXT
    require_columns(frame, [column], "text")
    target = as_list(options["target"]) or (["class"] if "class" in frame else [column])
    table = Table(frame, target, Path(options["path"]).stem, source=source)
    test = read(options["test_path"], source) if options["test_path"] else None
    return split(table, family, {**options, "text": column}, seed, test)


def read(path: str | Path, source: Mapping[str, Any]) -> pd.DataFrame:
    """The table of texts at a path.

    Args:
        path: a folder of .txt files, or of a subfolder for each class; a .txt file with a text on each line; or a table
            with a column of texts.
        source: `encoding`, that of text files; None for UTF-8.

    Returns:
        The column `text`, and of folders also `file` and `class`; or the table as it is.

    Raises:
        LikelihoodError: a missing file, or one that cannot be read.
    """
    path = existing(path, "FOLDER")
    if path.is_dir():
        frame = files_by_class(path, ENDINGS)
        return frame.assign(**{TEXT: [_contents(Path(file), source["encoding"]).strip() for file in frame["file"]]})
    if not path.name.lower().endswith(ENDINGS):
        return read_table(path, source["encoding"])
    lines = [line.strip() for line in _contents(path, source["encoding"]).splitlines()]
    if not any(lines):
        raise LikelihoodError(f"{str(path)!r} holds no text")
    return pd.DataFrame({TEXT: [line for line in lines if line]})


def _contents(path: Path, encoding: str | None) -> str:
    try:
        return path.read_text(encoding=encoding or "utf-8")
    except (OSError, UnicodeDecodeError, LookupError) as error:
        raise LikelihoodError(
            f"{str(path)!r} cannot be read as {encoding or 'UTF-8'} text: give data.encoding, such as cp1252"
        ) from error
