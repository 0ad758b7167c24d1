"""The Poisson distribution, right at large counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyro.distributions as dist
import torch
from scipy import special
from torch import Tensor

from likelihead.distributions.formula import Derivatives, Formula
from likelihead.distributions.stirling import over_factorial, wide
from likelihead.distributions.tail_integral import log_gamma_tail
from likelihead.distributions.tails import LogTails, from_tail, log_tails
from likelihead.laws.counts import CountLaw
from likelihead.laws.crps import crps_from_moments
from likelihead.laws.law import Array, Law, law_of


class _LogProb(Formula):
    @staticmethod
    def forward(y: Tensor, rate: Tensor) -> Tensor:
        return over_factorial(y, rate)

    @staticmethod
    def derivatives(needed: Sequence[bool], value: Tensor, y: Tensor, rate: Tensor) -> Derivatives:
        return None, slope(y, rate)


def slope(y: Tensor, rate: Tensor) -> Tensor:
    """The derivative of log p(y) with respect to the rate; finite at rate 0."""
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
        return _LogProb.of(*torch.broadcast_tensors(value.to(self.rate.dtype), self.rate))


class PoissonLaw(CountLaw):
    rate: Array

    def mode(self) -> Array:
        return np.floor(self.rate)

    def mean(self) -> Array:
        return self.rate

    def deviation(self) -> Array:
        return np.sqrt(self.rate)

    def cdf_at_count(self, count: Array) -> Array:
        return special.gammaincc(count + 1.0, self.rate)

    def log_density(self, y: Array) -> Array:
        # Here equal masses of neighbouring counts are equal to the last bit, so the mode does not depend on rounding.
        count = np.maximum(y, 0.0)
        mass = special.xlogy(count, self.rate) - self.rate - special.gammaln(count + 1.0)
        return np.where((y < 0.0) | np.isinf(y), -np.inf, mass)

    def crps(self, y: Array) -> Array:
        half_gini = special.i0e(2.0 * self.rate) + special.i1e(2.0 * self.rate)
        return crps_from_moments(y, self.cdf(y), self.mean(), self.below(y), half_gini)


@law_of.register
def _law(poisson: dist.Poisson) -> Law:
    return PoissonLaw(poisson, rate=poisson.rate)


@log_tails.register
def _log_tails(poisson: dist.Poisson, y: Tensor) -> LogTails:
    return poisson_log_tails(wide(y), wide(poisson.rate))


def poisson_log_tails(y: Tensor, rate: Tensor) -> LogTails:
    """Both tails of Poisson(rate) at counts y, (...) in float64: P(Y <= y) = P(Z > rate), Z ~ Gamma(y + 1, 1)."""
    y, rate = torch.broadcast_tensors(y, rate.clamp(min=torch.finfo(torch.float32).tiny))
    is_upper = rate < y + 1.0
    return from_tail(_LogProb.of(y, rate) + rate.log() + log_gamma_tail(y + 1.0, rate, ~is_upper), is_upper)
