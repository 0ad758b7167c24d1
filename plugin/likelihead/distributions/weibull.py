"""The Weibull distribution in log space."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyro.distributions as dist
import torch
from scipy import special
from torch import Tensor

from likelihead.distributions.formula import Derivatives, Formula, bounded
from likelihead.distributions.stirling import log_ratio, log_ratio_value, wide
from likelihead.distributions.tails import LogTails, from_log_hazard, log_tails
from likelihead.laws.law import Array, Claim, Law, law_of
from likelihead.laws.positive import PositiveLaw


class _LogProb(Formula):
    @staticmethod
    def forward(y: Tensor, scale: Tensor, concentration: Tensor) -> Tensor:
        distance = _distance(y, scale)
        ratio = (wide(concentration) / wide(scale)).log().to(distance.dtype)
        return (concentration - 1.0) * distance - bounded((concentration * distance).exp()) + ratio

    @staticmethod
    def derivatives(
        needed: Sequence[bool], value: Tensor, y: Tensor, scale: Tensor, concentration: Tensor
    ) -> Derivatives:
        dtype = value.dtype
        distance = log_ratio(wide(y), wide(scale)).to(dtype)
        growth = torch.expm1(concentration * distance)
        steep = bounded(concentration * growth)
        d_y = -bounded((steep + 1.0) / y) if needed[0] else None
        return d_y, bounded(steep / scale), (1.0 - bounded(steep * distance)) / concentration


def _distance(y: Tensor, scale: Tensor) -> Tensor:
    """log(y / scale), rounded once."""
    x, unit = wide(y), wide(scale)
    return log_ratio_value(x, unit, x - unit).to(torch.promote_types(y.dtype, scale.dtype))


class Weibull(dist.Weibull):
    """Weibull(scale, concentration), all of shape (...), y > 0.

    log p(y) = (k - 1) log(y / scale) - exp(k log(y / scale)) + log(k / scale), k the concentration. Pyro's class uses
    powers of y, which overflow and underflow on an ordinary grid. The density itself falls doubly
    exponentially: a log-density or a gradient beyond the dtype's range is limited to an eighth of its largest number,
    so that training can recover.

    >>> Weibull(torch.tensor(1e-6), torch.tensor(3.2)).log_prob(torch.tensor(1e-30))
    tensor(-106.5978)
    """

    #: What an exposure multiplies.
    exposure_parameter = "scale"

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        return _LogProb.of(*torch.broadcast_tensors(value, self.scale, self.concentration))


class WeibullLaw(PositiveLaw):
    scale: Array
    concentration: Array
    claims = PositiveLaw.claims | {"mode": Claim("exact", "0, the edge, for concentration <= 1")}

    def mode(self) -> Array:
        share = np.maximum(1.0 - 1.0 / self.concentration, 0.0)
        return self.scale * share ** (1.0 / self.concentration)

    def mean(self) -> Array:
        return np.exp(np.log(self.scale) + special.gammaln(1.0 + 1.0 / self.concentration))

    def hazard(self, y: Array) -> Array:
        """(y / scale)^concentration, the negative logarithm of P(Y > y)."""
        return np.exp(self.concentration * (np.log(np.maximum(y, 0.0)) - np.log(self.scale)))

    def cdf(self, y: Array) -> Array:
        return -np.expm1(-self.hazard(y))

    def quantile(self, q: Array) -> Array:
        return np.exp(np.log(self.scale) + np.log(-np.log1p(-q)) / self.concentration)

    def log_density_at_rank(self, q: Array) -> Array:
        # The quantile itself overflows or underflows at small concentrations.
        hazard = -np.log1p(-q)
        power = special.xlogy(1.0 - 1.0 / self.concentration, hazard)
        return np.log(self.concentration / self.scale) + np.where(np.isinf(hazard), 0.0, power) - hazard

    def crps(self, y: Array) -> Array:
        inverse = 1.0 / self.concentration
        log_mean = np.log(self.scale) + special.gammaln(1.0 + inverse)
        excess = np.exp(log_mean - math.log(2.0) * inverse)
        share = np.exp(log_mean + np.log(special.gammainc(1.0 + inverse, self.hazard(y))))
        score = y * (2.0 * self.cdf(y) - 1.0) + excess - 2.0 * share
        return np.where(np.isnan(score), np.inf, score)


@law_of.register
def _law(weibull: dist.Weibull) -> Law:
    return WeibullLaw(weibull, scale=weibull.scale, concentration=weibull.concentration)


@log_tails.register
def _log_tails(weibull: dist.Weibull, y: Tensor) -> LogTails:
    return from_log_hazard(wide(weibull.concentration) * (wide(y).log() - wide(weibull.scale).log()))
