"""A small convolutional network for images, with one feature vector for each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from likelihead.architectures.checks import activation_class, require_channels, require_positive
from likelihead.architectures.images import as_images, checked_shape, shape_of


class Convolution(nn.Module):
    """Maps images (N, channels, height, width) to features (N, width).

    Each convolution is followed by a maximum that halves the image; after the last one comes a layer.

    Args:
        in_features: the channels of an image, or the pixels in a row of a table.
        shape: [channels, height, width] of an image.
        channels: the channels of each convolution of 3 x 3 pixels, which is followed by a maximum over 2 x 2.
        width: the units of the layer after them.
        dropout: the probability of dropping a unit of the last layers.
        activation: the name of an activation in `torch.nn`.

    Raises:
        LikelihoodError: x holds no images of that shape, or a wrong option.

    >>> import torch
    >>> network = Convolution(1, shape=[1, 8, 8], channels=[4, 8], width=16, dropout=0.0, activation="ReLU")
    >>> network(torch.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 16])
    """

    def __init__(
        self,
        in_features: int,
        *,
        shape: Sequence[int] | None,
        channels: Sequence[int],
        width: int,
        dropout: float,
        activation: str,
    ) -> None:
        super().__init__()
        require_channels(channels)
        require_positive(width=width)
        self.shape = checked_shape(shape, in_features, "convolution")
        make_activation = activation_class(activation)
        before, height, breadth = self.shape
        layers: list[nn.Module] = []
        for after in channels:
            layers += [nn.Conv2d(before, after, kernel_size=3, padding=1), make_activation()]
            if min(height, breadth) > 1:
                layers.append(nn.MaxPool2d(2))
                height, breadth = height // 2, breadth // 2
            before = after
        layers += [nn.Flatten(), nn.Dropout(dropout), nn.Linear(before * height * breadth, width)]
        self.layers = nn.Sequential(*layers, make_activation(), nn.Dropout(dropout))
        self.out_features = width

    @staticmethod
    def options_for(x: Tensor, inputs: Sequence[int] | None = None) -> dict[str, Any]:
        """The options that follow from training inputs x: the shape of images (N, channels, height, width)."""
        return shape_of(x)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(as_images(x, self.shape))
        return features
