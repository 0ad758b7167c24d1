"""The three roles of a parameter, predicted, learned and fixed, with one interface: raw outputs in, values out."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from likelihead.families.links import Link


class Parameter(nn.Module, ABC):
    """A parameter of the family: maps raw outputs (N, size) to values (N, *shape)."""

    #: The number of raw outputs that it takes.
    size: int = 0

    @abstractmethod
    def at_anchor(self, shape: torch.Size) -> Tensor:
        """The value at which training starts, expanded to (*shape, *parameter_shape)."""


class Anchored(Parameter):
    """A parameter with a link, whose raw outputs are measured from an anchor in a unit (see the marginal fit)."""

    anchor: Tensor
    unit: Tensor

    def __init__(self, link: Link, shape: torch.Size) -> None:
        super().__init__()
        self.link = link
        self.raw_shape = link.raw_shape(shape)
        self.register_buffer("anchor", torch.zeros(self.raw_shape))
        self.register_buffer("unit", torch.ones(self.raw_shape))

    def value(self, raw: Tensor) -> Tensor:
        """The values (..., *shape) of raw outputs (..., *raw_shape)."""
        return self.link(raw * self.unit, self.anchor)

    def at_anchor(self, shape: torch.Size) -> Tensor:
        """The value at raw output 0, expanded to (*shape, *parameter_shape)."""
        value = self.value(torch.zeros_like(self.anchor))
        return value.expand(*shape, *value.shape)

    @torch.no_grad()
    def set_anchor(self, anchor: Tensor, unit: Tensor) -> None:
        """Make raw output 0 give the value at `anchor`, and measure raw outputs in `unit`; both have `raw_shape`."""
        self.anchor.copy_(anchor)
        self.unit.copy_(unit)


class Predicted(Anchored):
    """Predicted by the network, from x."""

    def __init__(self, link: Link, shape: torch.Size) -> None:
        super().__init__(link, shape)
        self.size = self.raw_shape.numel()

    def forward(self, raw: Tensor) -> Tensor:
        """Raw outputs (N, size) to values (N, *shape)."""
        return self.value(raw.reshape((*raw.shape[:-1], *self.raw_shape)))


class Learned(Anchored):
    """One constant for all rows, trained with the network; it takes no raw outputs."""

    def __init__(self, link: Link, shape: torch.Size) -> None:
        super().__init__(link, shape)
        self.raw = nn.Parameter(torch.zeros(self.raw_shape))

    def forward(self, raw: Tensor) -> Tensor:
        """The constant, expanded to the rows of `raw` (N, 0): (N, *shape)."""
        return self.of_constant(self.raw, raw)

    def of_constant(self, constant: Tensor, raw: Tensor) -> Tensor:
        """The value of a raw constant (*raw_shape), expanded to the rows of `raw` (N, …): (N, *shape)."""
        value = self.value(constant)
        return value.expand(*raw.shape[:-1], *value.shape)

    @torch.no_grad()
    def set_anchor(self, anchor: Tensor, unit: Tensor) -> None:
        super().set_anchor(anchor, unit)
        self.raw.zero_()


class Fixed(Parameter):
    """A fixed number; it takes no raw outputs."""

    number: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("number", value)

    def at_anchor(self, shape: torch.Size) -> Tensor:
        """The number, expanded to (*shape, *parameter_shape)."""
        return self.number.expand(*shape, *self.number.shape)

    def forward(self, raw: Tensor) -> Tensor:
        """The number, expanded to the rows of `raw` (N, 0): (N, *shape)."""
        return self.number.expand(*raw.shape[:-1], *self.number.shape)
