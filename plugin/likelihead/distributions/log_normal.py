"""The log-normal distribution, whose log y is not rounded before the location is subtracted."""

from __future__ import annotations

import pyro.distributions as dist
import torch
from torch import Tensor

from likelihead.distributions.stirling import HALF_LOG_2PI, wide


class LogNormal(dist.LogNormal):
    """LogNormal(loc, scale): log y is Normal(loc, scale); all of shape (...), y > 0.

    log p(y) = -z^2 / 2 - log y - log(scale) - log(2 pi) / 2 with z = (log y - loc) / scale, taken in float64: float32
    knows log y to 1e-6 only, which is a whole scale where the scale is that small.

    >>> LogNormal(torch.tensor(0.0), torch.tensor(1e-6)).log_prob(torch.tensor(1.000001))
    tensor(12.4418)
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        dtype = torch.promote_types(value.dtype, self.loc.dtype)
        log_value = wide(value).log()
        z = (log_value - wide(self.loc)).to(dtype) * self.scale.reciprocal()
        return -0.5 * z * z - (log_value.to(dtype) + self.scale.log() + HALF_LOG_2PI)
