"""The law of Pyro's half-normal distribution, whose class is used unchanged."""

from __future__ import annotations

import math

import numpy as np
import pyro.distributions as dist
from scipy import special

from likelihead.laws.law import Array, Claim, Law, law_of
from likelihead.laws.positive import PositiveLaw


class HalfNormalLaw(PositiveLaw):
    """The absolute value of a centred normal variate: the highest-density interval starts at 0."""

    scale: Array
    claims = PositiveLaw.claims | {"mode": Claim("exact", "0, the edge"), "interval": Claim("exact")}

    def mode(self) -> Array:
        return np.zeros(self.shape)

    def mean(self) -> Array:
        return self.scale * math.sqrt(2.0 / math.pi)

    def cdf(self, y: Array) -> Array:
        return special.erf(np.maximum(y, 0.0) / (self.scale * math.sqrt(2.0)))

    def quantile(self, q: Array) -> Array:
        return self.scale * math.sqrt(2.0) * special.erfinv(q)

    def highest_interval(self, mass: float) -> tuple[Array, Array]:
        return np.zeros(self.shape), self.quantile(np.full(self.shape, mass))


@law_of.register
def _law(half_normal: dist.HalfNormal) -> Law:
    return HalfNormalLaw(half_normal, scale=half_normal.scale)
