"""A small U-Net, with a feature vector for each pixel (Ronneberger, Fischer & Brox, 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from likelihead.architectures.checks import activation_class, require_channels
from likelihead.architectures.images import as_images, checked_shape, shape_of


class UNet(nn.Module):
    """Maps images (N, channels, height, width) to features of every pixel, (N, height, width, channels[0]).

    On the way down each level halves the image, on the way up it is doubled again and put beside what it was on the
    way down. Images of any size pass, also when a side is odd.

    Args:
        in_features: the channels of an image, or the pixels in a row of a table.
        shape: [channels, height, width] of an image.
        channels: the channels of each level, from the full image downwards.
        activation: the name of an activation in `torch.nn`.

    Raises:
        LikelihoodError: x holds no images of that shape, or a wrong option.

    >>> network = UNet(1, shape=[1, 10, 7], channels=[4, 8], activation="ReLU")
    >>> network(torch.zeros(5, 1, 10, 7)).shape
    torch.Size([5, 10, 7, 4])
    """

    def __init__(
        self, in_features: int, *, shape: Sequence[int] | None, channels: Sequence[int], activation: str
    ) -> None:
        super().__init__()
        require_channels(channels)
        self.shape = checked_shape(shape, in_features, "unet")
        make_activation = activation_class(activation)
        above = [self.shape[0], *channels[:-1]]
        self.down = nn.ModuleList(
            _two_convolutions(before, after, make_activation) for before, after in zip(above, channels, strict=True)
        )
        self.up = nn.ModuleList(
            _two_convolutions(coarse + fine, fine, make_activation)
            for fine, coarse in zip(channels[-2::-1], channels[:0:-1], strict=True)
        )
        self.out_features = channels[0]

    @staticmethod
    def options_for(x: Tensor, inputs: Sequence[int] | None = None) -> dict[str, Any]:
        """The options that follow from training inputs x: the shape of images (N, channels, height, width)."""
        return shape_of(x)

    def forward(self, x: Tensor) -> Tensor:
        x = as_images(x, self.shape)
        levels: list[Tensor] = []
        for number, block in enumerate(self.down):
            x = block(x if number == 0 else functional.max_pool2d(x, 2, ceil_mode=True))
            levels.append(x)
        for block, beside in zip(self.up, levels[-2::-1], strict=True):
            doubled = functional.interpolate(x, scale_factor=2.0)[..., : beside.shape[-2], : beside.shape[-1]]
            x = block(torch.cat([doubled, beside], dim=1))
        return x.movedim(1, -1)


def _two_convolutions(before: int, after: int, make_activation: type[nn.Module]) -> nn.Sequential:
    first, second = nn.Conv2d(before, after, 3, padding=1), nn.Conv2d(after, after, 3, padding=1)
    return nn.Sequential(first, make_activation(), second, make_activation())
