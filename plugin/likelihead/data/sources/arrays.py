"""Arrays saved by numpy: data=arrays data.path=data.npz, with the arrays x and y."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from likelihead.data.dataset import Data
from likelihead.data.tables.array_column import cells_of
from likelihead.data.tables.class_folders import existing
from likelihead.data.tables.split_table import Table, split
from likelihead.errors import LikelihoodError, one_line
from likelihead.target_types.detect import target_type_of

#: The options of this source, with their defaults.
OPTIONS: dict[str, Any] = {"path": None, "test_path": None, "inputs": "x", "adjacency": "adjacency"}
TARGET = "y"
#: The column that holds graphs.
GRAPH = "graph"


def load(family: str | Mapping[str, Any] | type, options: Mapping[str, Any], seed: int) -> Data:
    """The arrays at `options["path"]`, split and encoded for the family.

    Raises:
        LikelihoodError: a missing or damaged file, or arrays that do not go together.
    """
    if not options["path"]:
        raise LikelihoodError("no arrays are named: give data.path=FILE.npz, with the arrays x and y")
    name = options["target"] or TARGET
    if not isinstance(name, str):
        raise LikelihoodError(f"data.target is {name!r}; of arrays it is the name of one, such as y")
    by_site = not target_type_of(family).is_vector
    source = {
        "kind": "arrays",
        "inputs": options["inputs"],
        "adjacency": options["adjacency"],
        "target": name,
        "by_site": by_site,
    }
    frame = read(options["path"], source)
    target = _columns_of(frame, Path(name).stem)
    if not target:
        raise LikelihoodError(f"{str(options['path'])!r} holds no targets: save it with an array {name!r}")
    table = Table(frame, target, Path(options["path"]).stem, source=source)
    test = read(options["test_path"], source) if options["test_path"] else None
    return split(table, family, {**options, "graph": GRAPH}, seed, test)


def read(path: str | Path, source: Mapping[str, Any]) -> pd.DataFrame:
    """The arrays of a file as a table: a column for each number in a row of a matrix, or one of arrays.

    Whole numbers in x (N, L) are tokens: 0 after the end of a sequence, 1 for unknown ones. In x (N, L, inputs) a
    vector of NaN stands for nothing. Where x holds sequences, y (N, L) holds a target at each position; other y (N, D)
    are D targets of a row, as are those of families of vectors and rankings. Graphs have an array of adjacency matrices
    (N, nodes, nodes) beside x (N, nodes, inputs); a node whose inputs are all NaN, or 0 without an edge, is absent.

    Args:
        path: an .npz file, or the inputs as .npy.
        source: `inputs`, `target` and `adjacency`, the names of the arrays; of .npy files the latter are files beside
            the inputs. `by_site`: whether targets may have one for each position.

    Raises:
        LikelihoodError: a missing or damaged file, or arrays that do not go together.
    """
    path = existing(path, "FILE.npz")
    arrays = _arrays(path, source)
    x, y = arrays.get("x"), arrays.get("y")
    if x is None:
        raise LikelihoodError(f"{str(path)!r} holds no array {source['inputs']!r}: give data.inputs=NAME")
    if not x.ndim or (y is not None and (not y.ndim or len(y) != len(x))):
        shapes = f"{x.shape}" if y is None else f"{x.shape} and {y.shape}"
        raise LikelihoodError(f"{str(path)!r} holds arrays of shape {shapes}: their first dimension must be the rows")
    is_tokens = x.ndim == 2 and x.dtype.kind in "iu"
    if "adjacency" in arrays:
        columns: dict[str, Any] = {GRAPH: cells_of(_graphs(x, arrays["adjacency"], path))}
    else:
        columns = _named("x", x, whole=is_tokens)
    if y is not None:
        is_sequence = source.get("by_site", True) and (is_tokens or x.ndim == 3) and y.shape[:2] == x.shape[:2]
        columns |= _named(Path(source["target"]).stem, y, whole=is_sequence)
    return pd.DataFrame(columns)


def _graphs(x: NDArray[Any], adjacency: NDArray[Any], path: Path) -> NDArray[np.float64]:
    """Graphs (N, nodes, inputs + nodes), NaN for nodes that are absent."""
    if x.ndim != 3 or adjacency.shape != (*x.shape[:2], x.shape[1]) or adjacency.dtype.kind not in "biuf":
        raise LikelihoodError(
            f"{str(path)!r} holds x of shape {x.shape} and an adjacency of shape {adjacency.shape}, which must be "
            "(N, nodes, inputs) and (N, nodes, nodes), of numbers: correct them, or give data.adjacency=null"
        )
    x, adjacency = x.astype(np.float64), adjacency.astype(np.float64)
    is_bare = (x == 0).all(-1) & (adjacency == 0).all(-1) & (adjacency == 0).all(-2)
    absent = np.isnan(x).all(-1) | is_bare
    return np.where(absent[..., None], np.nan, np.concatenate([x, adjacency], axis=-1))


def _named(name: str, values: NDArray[Any], whole: bool) -> dict[str, Any]:
    """The columns of an array: `name`, or of a matrix `name1`, `name2`, …, unless its rows stay whole."""
    if values.ndim == 1:
        return {name: values}
    if values.ndim == 2 and not whole:
        return {f"{name}{number + 1}": column for number, column in enumerate(values.T)}
    return {name: cells_of(values)}


def _columns_of(frame: pd.DataFrame, name: str) -> list[str]:
    return [column for column in frame if column == name or column.removeprefix(name).isdigit()]


def _arrays(path: Path, source: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """The arrays x, y and adjacency, as far as there are any."""
    further = {"y": source["target"], **({"adjacency": source["adjacency"]} if source.get("adjacency") else {})}
    try:
        if path.suffix.lower() != ".npy":
            with np.load(path, allow_pickle=False) as archive:
                names = {"x": source["inputs"], **further}
                return {key: archive[name] for key, name in names.items() if name in archive}
        beside = {key: path.parent / name for key, name in further.items()}
        files = {"x": path, **{key: file for key, file in beside.items() if file.is_file() and file != path}}
        return {key: np.load(file, allow_pickle=False) for key, file in files.items()}
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise LikelihoodError(f"{str(path)!r} cannot be read as arrays of numpy: {one_line(error, 150)}") from error
