"""Images read from files: data=image_files data.path=FOLDER, with a subfolder for each class, or a table of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from likelihead.configs import defaults
from likelihead.data.dataset import Data
from likelihead.data.tables.class_folders import existing, files_by_class
from likelihead.data.tables.files import read_table
from likelihead.data.tables.image_files import ENDINGS, channels_of, is_image_name, read_classes, read_images
from likelihead.data.tables.split_table import Table, split
from likelihead.errors import LikelihoodError
from likelihead.target_types.cells import as_list, require_columns

#: The options of this source, with their defaults: those of conf/data/image_files.yaml.
OPTIONS: dict[str, Any] = {key: value for key, value in defaults("data/image_files").items() if key != "kind"}
OPTIONS["path"] = None
#: The column that holds the images.
IMAGE = "image"


def load(family: str | Mapping[str, Any] | type, options: Mapping[str, Any], seed: int) -> Data:
    """The images at `options["path"]`, split and encoded for the family.

    Raises:
        LikelihoodError: a missing or damaged file, images of several sizes, or no target.
    """
    if not options["path"]:
        raise LikelihoodError("no images are named: give data.path=FOLDER, or a table that names image files")
    source = {"kind": "images", **{key: options[key] for key in ("file", "size", "channels")}}
    _check(source)
    named = as_list(options["target"])
    source["targets"] = named
    frame = _named_files(options["path"], source)
    if source["channels"] is None:
        source["channels"] = channels_of(frame[source["file"] or "file"])
    target = named or (["class"] if "class" in frame else [])
    if not target:
        raise LikelihoodError(
            f"{str(options['path'])!r} names no classes: put the images into a subfolder for each class, or give a "
            "table and data.target=COLUMN"
        )
    options = {**options, "features": options["features"] or [IMAGE]}
    table = Table(_with_images(frame, source), target, Path(options["path"]).stem, source=source)
    test = read(options["test_path"], source) if options["test_path"] else None
    return split(table, family, options, seed, test)


def read(path: str | Path, source: Mapping[str, Any]) -> pd.DataFrame:
    """The table of images at a path, with the column `image`.

    Args:
        path: a folder of images, or of a subfolder for each class, whose name is then in the column `class`; an image;
            or a table with a column of their names, which are relative to its folder.
        source: `file`, the column of names in a table; `channels`; `size`; and `targets`, columns of the table which
            may name images too: those of the classes of all pixels.

    Raises:
        LikelihoodError: a missing or damaged file, or images of several sizes.
    """
    return _with_images(_named_files(path, source), source)


def _named_files(path: str | Path, source: Mapping[str, Any]) -> pd.DataFrame:
    """The table with the paths of the images, and of those that are targets."""
    path = existing(path, "FOLDER")
    if path.is_dir():
        return files_by_class(path, ENDINGS)
    if is_image_name(path.name):
        return pd.DataFrame({"file": [str(path)]})
    frame = read_table(path)
    name = source["file"] or "file"
    require_columns(frame, [name], "file")
    columns = [name, *(target for target in source["targets"] if target in frame and _names_images(frame[target]))]
    return frame.assign(**{column: frame[column].map(lambda cell: str(path.parent / str(cell))) for column in columns})


def _names_images(series: pd.Series) -> bool:
    return bool(series.map(is_image_name).all())


def _with_images(frame: pd.DataFrame, source: Mapping[str, Any]) -> pd.DataFrame:
    images = read_images(list(frame[source["file"] or "file"]), source["channels"], source["size"])
    targets = {name: frame[name] for name in source["targets"] if name in frame and _names_images(frame[name])}
    return frame.assign(**{IMAGE: images, **{name: read_classes(list(files)) for name, files in targets.items()}})


def _check(source: Mapping[str, Any]) -> None:
    size, channels = source["size"], source["channels"]
    if channels not in (None, 1, 3):
        raise LikelihoodError(f"data.channels is {channels!r}; the choices are null, 1 (grey) and 3 (colour)")
    is_size = isinstance(size, Sequence) and len(size) == 2 and all(isinstance(side, int) and side > 0 for side in size)
    if size is not None and not is_size:
        raise LikelihoodError(f"data.size is {size!r}; it must be [height,width] in pixels, or null")
