"""The exponential distribution with an exposure, and its law."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyro.distributions as dist
import torch
from torch import Tensor
from torch.types import _size

from likelihead.distributions.stirling import wide
from likelihead.distributions.tails import LogTails, from_log_hazard, log_tails
from likelihead.laws.law import Array, Claim, Law, claims, law_of
from likelihead.laws.positive import PositiveLaw


class Exponential(dist.Exponential):
    """Exponential(rate), rate (...), y >= 0: Pyro's class, with an exposure that its mean 1 / rate is multiplied by.

    >>> Exponential(torch.tensor(2.0)).log_prob(torch.tensor(0.0)).exp()
    tensor(2.)
    """

    #: What an exposure divides.
    exposure_parameter = "rate"
    exposed = staticmethod(torch.div)

    def expand(self, batch_shape: _size, _instance: Any = None) -> Any:
        """The same distribution for a larger batch_shape."""
        return super().expand(batch_shape, self._get_checked_instance(Exponential, _instance))


class ExponentialLaw(PositiveLaw):
    rate: Array
    claims = claims(mode=Claim("exact", "0, the edge"))

    def mode(self) -> Array:
        return np.zeros(self.shape)

    def mean(self) -> Array:
        return 1.0 / self.rate

    def cdf(self, y: Array) -> Array:
        return -np.expm1(-self.rate * np.maximum(y, 0.0))

    def quantile(self, q: Array) -> Array:
        return -np.log1p(-q) / self.rate

    def highest_interval(self, mass: float) -> tuple[Array, Array]:
        return np.zeros(self.shape), self.quantile(np.full(self.shape, mass))

    def crps(self, y: Array) -> Array:
        return np.abs(y) + (0.5 - 2.0 * self.cdf(y)) / self.rate


@law_of.register
def _law(exponential: dist.Exponential) -> Law:
    return ExponentialLaw(exponential, rate=exponential.rate)


@log_tails.register
def _log_tails(exponential: dist.Exponential, y: Tensor) -> LogTails:
    return from_log_hazard(wide(exponential.rate).log() + wide(y).log())
