"""The normal distribution, right for any scale that the dtype holds."""

from __future__ import annotations

import pyro.distributions as dist
import torch
from torch import Tensor

from likelihead.distributions.stirling import HALF_LOG_2PI


class Normal(dist.Normal):
    """Normal(loc, scale), all of shape (...): log p(y) = -z^2 / 2 - log(scale) - log(2 pi) / 2, z = (y - loc) / scale.

    Pyro's own squares scale and y - loc, which underflows below scale 1e-23 and overflows above 1e19. Here only z is
    squared.

    >>> Normal(torch.tensor(0.0), torch.tensor(1e-30)).log_prob(torch.tensor(1e-30))
    tensor(67.6586)
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        z = (value - self.loc) * torch.reciprocal(self.scale)
        return -0.5 * z * z - torch.log(self.scale) - HALF_LOG_2PI
