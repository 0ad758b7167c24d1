"""Laws on the positive half-line and on the unit interval: exponential, gamma, log-normal, Weibull, beta."""

from __future__ import annotations

import math

import numpy as np
import pyro.distributions as dist
from scipy import special

from likelihead.laws.law import Array, Claim, Law, claims, law_of, numbers


class PositiveLaw(Law):
    """A law on (0, infinity)."""

    claims = claims(interval=Claim("exact", "the highest-density one is inverted"))

    def bounds(self) -> tuple[Array, Array]:
        return np.zeros(self.shape), np.full(self.shape, np.inf)


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

    def log_density(self, y: Array) -> Array:
        return np.where(y < 0.0, -np.inf, np.log(self.rate) - self.rate * y)

    def highest(self, mass: float) -> tuple[Array, Array]:
        return np.zeros(self.shape), self.quantile(np.full(self.shape, mass))


class GammaLaw(PositiveLaw):
    concentration: Array
    rate: Array
    claims = PositiveLaw.claims | {"mode": Claim("exact", "0, the edge, for concentration <= 1")}

    def mode(self) -> Array:
        return np.maximum(self.concentration - 1.0, 0.0) / self.rate

    def mean(self) -> Array:
        return self.concentration / self.rate

    def cdf(self, y: Array) -> Array:
        return special.gammainc(self.concentration, self.rate * np.maximum(y, 0.0))

    def quantile(self, q: Array) -> Array:
        return special.gammaincinv(self.concentration, q) / self.rate

    def log_density(self, y: Array) -> Array:
        scaled = self.rate * np.maximum(y, 0.0)
        power = special.xlogy(self.concentration - 1.0, scaled) - scaled
        density = power - special.gammaln(self.concentration) + np.log(self.rate)
        return np.where((y < 0.0) | np.isinf(y), -np.inf, density)


class LogNormalLaw(PositiveLaw):
    loc: Array
    scale: Array

    def mode(self) -> Array:
        return _exp(self.loc - self.scale**2)

    def mean(self) -> Array:
        return _exp(self.loc + 0.5 * self.scale**2)

    def median(self) -> Array:
        return _exp(self.loc)

    def standardised(self, y: Array) -> Array:
        return (np.log(np.maximum(y, 0.0)) - self.loc) / self.scale

    def cdf(self, y: Array) -> Array:
        return special.ndtr(self.standardised(y))

    def quantile(self, q: Array) -> Array:
        return _exp(self.loc + self.scale * special.ndtri(q))

    def log_density(self, y: Array) -> Array:
        return np.where(y > 0.0, self._log_density(self.standardised(y)), -np.inf)

    def log_density_at_rank(self, q: Array) -> Array:
        return self._log_density(special.ndtri(q))

    def _log_density(self, z: Array) -> Array:
        # z^2 / 2 + scale z as a square completed, so that nothing infinite is subtracted.
        square = 0.5 * (z + self.scale) ** 2 - 0.5 * self.scale**2
        return -square - self.loc - np.log(self.scale) - 0.5 * math.log(2.0 * math.pi)


class WeibullLaw(PositiveLaw):
    scale: Array
    concentration: Array
    claims = PositiveLaw.claims | {"mode": Claim("exact", "0, the edge, for concentration <= 1")}

    def mode(self) -> Array:
        share = np.maximum(1.0 - 1.0 / self.concentration, 0.0)
        return self.scale * share ** (1.0 / self.concentration)

    def mean(self) -> Array:
        return _exp(np.log(self.scale) + special.gammaln(1.0 + 1.0 / self.concentration))

    def hazard(self, y: Array) -> Array:
        """(y / scale)^concentration, the negative logarithm of P(Y > y)."""
        return _exp(self.concentration * (np.log(np.maximum(y, 0.0)) - np.log(self.scale)))

    def cdf(self, y: Array) -> Array:
        return -np.expm1(-self.hazard(y))

    def quantile(self, q: Array) -> Array:
        return _exp(np.log(self.scale) + np.log(-np.log1p(-q)) / self.concentration)

    def log_density(self, y: Array) -> Array:
        return np.where(y < 0.0, -np.inf, self._log_density(self.hazard(y)))

    def log_density_at_rank(self, q: Array) -> Array:
        return self._log_density(-np.log1p(-q))

    def _log_density(self, hazard: Array) -> Array:
        power = special.xlogy(1.0 - 1.0 / self.concentration, hazard)
        density = np.log(self.concentration) - np.log(self.scale) + np.where(np.isinf(hazard), 0.0, power) - hazard
        return density


class BetaLaw(Law):
    """Beta(a, b). Its mode is an edge where a concentration is below 1, and the mean where the density is flat."""

    a: Array
    b: Array
    claims = claims(
        mode=Claim("exact", "an edge where a concentration is < 1: of two the one with more mass, else 0; 1/2 if flat"),
        interval=Claim("exact", "the highest-density one is inverted"),
    )

    def bounds(self) -> tuple[Array, Array]:
        return np.zeros(self.shape), np.ones(self.shape)

    def mode(self) -> Array:
        a, b = self.a, self.b
        inside = (a - 1.0) / np.where(a + b > 2.0, a + b - 2.0, 1.0)
        edge = np.where(b < a, 1.0, 0.0)
        mode = np.where((a > 1.0) & (b > 1.0), inside, edge)
        return np.where((a == 1.0) & (b == 1.0), 0.5, mode)

    def mean(self) -> Array:
        return self.a / (self.a + self.b)

    def cdf(self, y: Array) -> Array:
        return special.betainc(self.a, self.b, np.clip(y, 0.0, 1.0))

    def quantile(self, q: Array) -> Array:
        return special.betaincinv(self.a, self.b, q)

    def log_density(self, y: Array) -> Array:
        inside = np.clip(y, 0.0, 1.0)
        density = special.xlogy(self.a - 1.0, inside) + special.xlog1py(self.b - 1.0, -inside)
        return np.where((y < 0.0) | (y > 1.0), -np.inf, density - special.betaln(self.a, self.b))


def _exp(x: Array) -> Array:
    return np.exp(x)


@law_of.register(dist.Exponential)
def _exponential(of: dist.Exponential) -> Law:
    return ExponentialLaw(rate=numbers(of.rate))


@law_of.register(dist.Gamma)
def _gamma(of: dist.Gamma) -> Law:
    return GammaLaw(concentration=numbers(of.concentration), rate=numbers(of.rate))


@law_of.register(dist.LogNormal)
def _log_normal(of: dist.LogNormal) -> Law:
    return LogNormalLaw(loc=numbers(of.loc), scale=numbers(of.scale))


@law_of.register(dist.Weibull)
def _weibull(of: dist.Weibull) -> Law:
    return WeibullLaw(scale=numbers(of.scale), concentration=numbers(of.concentration))


@law_of.register(dist.Beta)
def _beta(of: dist.Beta) -> Law:
    if hasattr(of, "precision"):
        logits, precision = numbers(of.logits), numbers(of.precision)
        return BetaLaw(a=special.expit(logits) * precision, b=special.expit(-logits) * precision)
    return BetaLaw(a=numbers(of.concentration1), b=numbers(of.concentration0))
