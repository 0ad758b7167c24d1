"""The law of Pyro's exponential distribution, whose class is used unchanged."""

from __future__ import annotations

import numpy as np
import pyro.distributions as dist
from torch import Tensor

from likelihead.distributions.stirling import wide
from likelihead.distributions.tails import LogTails, from_log_hazard, log_tails
from likelihead.laws.law import Array, Claim, Law, claims, law_of
from likelihead.laws.positive import PositiveLaw


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
