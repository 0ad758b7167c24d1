"""The Poisson distribution, right at large counts."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor

from likelihead.distributions.stirling import HALF_LOG_2PI, Formula, remainder_value, wide


class _LogProb(Formula):
    @staticmethod
    def forward(y: Tensor, rate: Tensor) -> Tensor:
        return log_mass(y, rate)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        return None, gradient * slope(*ctx.saved_tensors)


def log_mass(y: Tensor, rate: Tensor) -> Tensor:
    """log p(y) of Poisson(rate) for use inside a `Formula`; both (...), of the dtype of the result."""
    z, wide_rate = y + 1.0, wide(rate)
    wide_z = wide(y) + 1.0
    near = torch.xlogy(wide_z - 1.0, wide_rate / wide_z).sub_(wide_rate).add_(wide_z)
    return near.to(z.dtype).sub_(remainder_value(z, z.dtype)).sub_(z.log_(), alpha=0.5).sub_(HALF_LOG_2PI)


def slope(y: Tensor, rate: Tensor) -> Tensor:
    """The derivative of `log_mass` by the rate; finite at rate 0."""
    return (y - rate) / rate.clamp(min=torch.finfo(rate.dtype).tiny)


class Poisson(dist.Poisson):
    """Poisson(rate), rate (...): counts y = 0, 1, 2, ...

    With z = y + 1 and mu Stirling's remainder, log p(y) = y log(rate / z) - (rate - z) - log(2 pi z) / 2 - mu(z): the
    three terms of y log(rate) - rate - log(y!) are 1e8 times their difference at rate = y = 1e7.

    >>> Poisson(torch.tensor(1e7)).log_prob(torch.tensor(1e7))
    tensor(-8.9780)
    """

    #: What an exposure multiplies.
    exposure_parameter = "rate"

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for whole numbers of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        log_prob: Tensor = _LogProb.apply(*torch.broadcast_tensors(value.to(self.rate.dtype), self.rate))
        return log_prob
