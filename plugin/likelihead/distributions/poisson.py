"""The Poisson distribution, right at large counts."""

from __future__ import annotations

import pyro.distributions as dist
import torch
from torch import Tensor

from likelihead.distributions.stirling import wide


class Poisson(dist.Poisson):
    """Poisson(rate), rate (...): counts y = 0, 1, 2, ...

    log p(y) = y log(rate) - rate - log(y!), subtracted in float64: the three terms are 1e8 times their difference at
    rate = y = 1e7.

    >>> Poisson(torch.tensor(1e7)).log_prob(torch.tensor(1e7))
    tensor(-8.9780)
    """

    #: What an exposure multiplies.
    exposure_parameter = "rate"

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for whole numbers of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        y, rate = wide(value), wide(self.rate)
        return (torch.xlogy(y, rate) - rate - torch.lgamma(y + 1.0)).to(self.rate.dtype)
