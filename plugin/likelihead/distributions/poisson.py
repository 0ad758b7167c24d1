"""The Poisson distribution, right at large counts."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor

from likelihead.distributions.stirling import Formula, over_factorial


class _LogProb(Formula):
    @staticmethod
    def forward(y: Tensor, rate: Tensor) -> Tensor:
        return over_factorial(y, rate)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        return None, gradient * slope(*ctx.saved_tensors)


def slope(y: Tensor, rate: Tensor) -> Tensor:
    """The derivative of log p(y) by the rate; finite at rate 0."""
    return (y - rate) / rate.clamp(min=torch.finfo(rate.dtype).tiny)


class Poisson(dist.Poisson):
    """Poisson(rate), rate (...): counts y = 0, 1, 2, ...

    log p(y) = y log(rate) - rate - log(y!), its terms brought together as in `over_factorial`: at rate = y = 1e7 they
    are 1e8 times their difference.

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
