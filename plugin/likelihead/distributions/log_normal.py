"""The log-normal distribution, whose log y is not rounded before the location is subtracted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyro.distributions as dist
import torch
from scipy import special
from torch import Tensor
from torch.distributions.transforms import ExpTransform
from torch.types import _size

from likelihead.distributions.normal import Normal
from likelihead.distributions.stirling import HALF_LOG_2PI, wide
from likelihead.distributions.tails import LogTails, log_ndtr, log_tails
from likelihead.laws.law import Array, Law, law_of
from likelihead.laws.positive import PositiveLaw


def _shifted(loc: Tensor, exposure: Tensor) -> Tensor:
    return loc + exposure.log()


class LogNormal(dist.LogNormal):
    """LogNormal(loc, scale): log y is Normal(loc, scale); all of shape (...), y > 0.

    log p(y) = -z^2 / 2 - log y - log(scale) - log(2 pi) / 2 with z = (log y - loc) / scale, taken in float64: float32
    knows log y to 1e-6 only, which is a whole scale where the scale is that small.

    >>> LogNormal(torch.tensor(0.0), torch.tensor(1e-6)).log_prob(torch.tensor(1.000001))
    tensor(12.4418)
    """

    #: What the logarithm of an exposure is added to.
    exposure_parameter = "loc"
    exposed = staticmethod(_shifted)

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=False)
        # Not Pyro's constructor: its inner distribution validates whatever this one does.
        super(torch.distributions.LogNormal, self).__init__(base, ExpTransform(), validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: Any = None) -> Any:
        """The same distribution for a larger batch_shape."""
        return super().expand(batch_shape, self._get_checked_instance(LogNormal, _instance))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        dtype = torch.promote_types(value.dtype, self.loc.dtype)
        log_value = wide(value).log()
        z = (log_value - wide(self.loc)).to(dtype) * self.scale.reciprocal()
        return -0.5 * z * z - (log_value.to(dtype) + self.scale.log() + HALF_LOG_2PI)


class LogNormalLaw(PositiveLaw):
    loc: Array
    scale: Array

    def mode(self) -> Array:
        return np.exp(self.loc - self.scale**2)

    def mean(self) -> Array:
        return np.exp(self.loc + 0.5 * self.scale**2)

    def median(self) -> Array:
        return np.exp(self.loc)

    def standardised(self, y: Array) -> Array:
        return (np.log(np.maximum(y, 0.0)) - self.loc) / self.scale

    def cdf(self, y: Array) -> Array:
        return special.ndtr(self.standardised(y))

    def quantile(self, q: Array) -> Array:
        return np.exp(self.loc + self.scale * special.ndtri(q))

    def log_density_at_rank(self, q: Array) -> Array:
        # The quantile overflows first. z^2 / 2 + scale z as a completed square: nothing infinite is subtracted.
        z = special.ndtri(q)
        square = 0.5 * (z + self.scale) ** 2 - 0.5 * self.scale**2
        return -square - self.loc - np.log(self.scale) - HALF_LOG_2PI

    def crps(self, y: Array) -> Array:
        """2 E Y (Phi(-s / sqrt 2) - Phi(z - s)), each product by its logarithm as E Y overflows first."""
        z, log_mean = self.standardised(y), self.loc + 0.5 * self.scale**2
        excess = np.exp(log_mean + special.log_ndtr(-self.scale / math.sqrt(2.0)))
        share = np.exp(log_mean + special.log_ndtr(z - self.scale))
        score = y * (2.0 * special.ndtr(z) - 1.0) + 2.0 * (excess - share)
        return np.where(np.isnan(score), np.inf, score)


@law_of.register
def _law(log_normal: dist.LogNormal) -> Law:
    return LogNormalLaw(log_normal, loc=log_normal.loc, scale=log_normal.scale)


@log_tails.register
def _log_tails(log_normal: dist.LogNormal, y: Tensor) -> LogTails:
    z = (wide(y).log() - wide(log_normal.loc)) / wide(log_normal.scale)
    return LogTails(log_ndtr(z), log_ndtr(-z))
