"""Images read from files as arrays of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from likelihead.errors import LikelihoodError, one_line

#: How the names of images end.
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
#: The modes of pillow with one channel, without colour.
GREY_MODES = ("1", "L", "I", "I;16", "F")


def is_image_name(cell: object) -> bool:
    """Whether a cell is the name of an image."""
    return isinstance(cell, str) and cell.lower().endswith(ENDINGS)


def channels_of(files: Sequence[str]) -> int:
    """1 where all images are grey, otherwise 3."""
    return 1 if all(_opened(file).mode in GREY_MODES for file in files) else 3


def read_images(files: Sequence[str], channels: int, size: Sequence[int] | None) -> pd.Series:
    """Images as a column of arrays (channels, height, width) of bytes.

    Args:
        files: their paths.
        channels: 1 for grey, 3 for red, green and blue.
        size: [height, width] to scale them to; None for their own, which must be the same.

    Raises:
        LikelihoodError: a missing or damaged file, or images of several sizes.
    """
    cells = [_array(file, channels, size) for file in files]
    for file, cell in zip(files, cells, strict=True):
        if cell.shape != cells[0].shape:
            first, other = ("x".join(map(str, shape[1:])) for shape in (cells[0].shape, cell.shape))
            raise LikelihoodError(
                f"{files[0]!r} has {first} pixels and {file!r} {other}: give data.size=[height,width] to scale them"
            )
    return pd.Series(cells, dtype=object)


def read_classes(files: Sequence[str]) -> pd.Series:
    """Images whose grey levels, or palette indices, are the classes of their pixels: arrays (height, width).

    Raises:
        LikelihoodError: a missing or damaged file.
    """
    return pd.Series([_classes(file) for file in files], dtype=object)


def _array(file: str, channels: int, size: Sequence[int] | None) -> NDArray[Any]:
    image = _opened(file).convert("L" if channels == 1 else "RGB")
    if size is not None:
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    values = np.asarray(image)
    return values[None] if channels == 1 else np.ascontiguousarray(values.transpose(2, 0, 1))


def _classes(file: str) -> NDArray[Any]:
    image = _opened(file)
    return np.asarray(image if image.mode in ("P", "L") else image.convert("L")).astype(np.int64)


def _opened(file: str) -> Image.Image:
    """An image that has been read as a whole."""
    if not Path(file).is_file():
        raise LikelihoodError(f"there is no image {file!r}")
    try:
        with Image.open(file) as image:
            image.load()
            return image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise LikelihoodError(f"{file!r} cannot be read as an image: {one_line(error, 150)}") from error
