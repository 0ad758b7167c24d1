"""Rows of x as images (N, channels, height, width)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from likelihead.architectures.checks import require_positive
from likelihead.errors import LikelihoodError


def shape_of(x: Tensor) -> dict[str, Any]:
    """The option `shape` of a network for training inputs x (N, channels, height, width); none for other inputs."""
    return {"shape": list(x.shape[1:])} if x.dim() == 4 else {}


def checked_shape(shape: Sequence[int] | None, in_features: int, network: str) -> tuple[int, int, int]:
    """The channels, height and width of an image.

    Args:
        shape: the option `shape`.
        in_features: the length of x in its second dimension: the channels, or all numbers of a row of a table.
        network: the name of the network, for messages.

    Raises:
        LikelihoodError: x holds no images, or images of another size.
    """
    if shape is None:
        raise LikelihoodError(
            f"architecture={network} takes images, but a row of x holds {in_features} numbers: if they are the pixels "
            "of an image, give architecture.shape=[channels,height,width]"
        )
    if len(shape) != 3:
        raise LikelihoodError(f"architecture.shape is {list(shape)}; it must be [channels,height,width]")
    for size in shape:
        require_positive(shape=size)
    channels, height, width = shape
    if in_features not in (channels, math.prod(shape)):
        raise LikelihoodError(
            f"architecture.shape is {list(shape)}, which makes {math.prod(shape)} numbers, but a row of x holds "
            f"{in_features}: give the channels, height and width of your images"
        )
    return channels, height, width


def as_images(x: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """x (N, channels, height, width), or (N, channels * height * width) as such.

    Raises:
        LikelihoodError: x has neither shape.

    >>> import torch
    >>> as_images(torch.zeros(5, 64), (1, 8, 8)).shape
    torch.Size([5, 1, 8, 8])
    """
    if x.shape[1:] == shape:
        return x
    if x.dim() != 2 or x.shape[1] != math.prod(shape):
        raise LikelihoodError(f"x has shape {tuple(x.shape)}, but the network was made for images {shape} in each row")
    return x.unflatten(1, shape)
