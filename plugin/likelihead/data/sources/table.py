"""Tables read from files: data=table data.path=claims.csv data.target=amount."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from likelihead.data.dataset import Data
from likelihead.data.stream import stream
from likelihead.data.tables.files import read_table, release_memory
from likelihead.data.tables.split_table import Table, split
from likelihead.errors import LikelihoodError
from likelihead.target_types.cells import as_list, is_text

#: The options of this source, with their defaults.
OPTIONS: dict[str, Any] = {"path": None, "test_path": None, "encoding": None, "stream": False}


def load(family: str | Mapping[str, Any] | type, options: Mapping[str, Any], seed: int) -> Data:
    """The table at `options["path"]`, split and encoded for the family.

    If `options["test_path"]` is given, that file holds the test rows.

    Raises:
        LikelihoodError: a missing path or target, or a file that cannot be read.
    """
    target = as_list(options["target"])
    if not options["path"]:
        raise LikelihoodError("no table is named: give data.path=FILE, a CSV or Parquet file")
    if not target:
        raise LikelihoodError("no target is named: give data.target=COLUMN, or a list of columns")
    if options["stream"]:
        return stream(options["path"], family, options, seed)
    data = _load_in_memory(family, options, target, seed)
    release_memory()
    return data


def _load_in_memory(
    family: str | Mapping[str, Any] | type, options: Mapping[str, Any], target: list[str], seed: int
) -> Data:
    frame, encoding = read_table(options["path"], options["encoding"]), options["encoding"]
    text = [name for name in frame if is_text(frame[name])]
    test = read_table(options["test_path"], encoding, text) if options["test_path"] else None
    return split(Table(frame, target, Path(options["path"]).stem), family, options, seed, test)
