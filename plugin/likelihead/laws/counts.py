"""Laws of counts: Poisson, negative binomial, geometric, and any of them with extra zeros."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import pyro.distributions as dist
from scipy import special

from likelihead.distributions import NegativeBinomial
from likelihead.errors import LikelihoodError
from likelihead.laws import search
from likelihead.laws.law import INVERTED, Array, Claim, Law, claims, law, law_of, numbers


class CountLaw(Law, ABC):
    """A law on 0, 1, 2, …. Quantiles are the smallest count whose cdf reaches the rank: 0 at rank 0, infinite at 1."""

    discrete = True
    claims = claims(
        mode=Claim("exact", "of two equal ones the larger"),
        median=Claim("inverted", "the smallest count with cdf >= 1/2"),
        quantile=Claim("inverted", "the smallest count with cdf >= q"),
        interval=INVERTED,
        pit=Claim("exact", "randomised"),
    )

    def bounds(self) -> tuple[Array, Array]:
        return np.zeros(self.shape), np.full(self.shape, np.inf)

    @abstractmethod
    def deviation(self) -> Array:
        """The standard deviation."""

    def guess(self, q: Array) -> Array:
        """Where to start looking for a quantile: that of the gamma law with the same mean and variance."""
        average, variance = self.mean(), self.deviation() ** 2
        ratio = np.where(average > 0.0, variance / average, 1.0)
        near = special.gammaincinv(average / ratio, q) * ratio
        return np.where(np.isfinite(near), near, average)

    def quantile(self, q: Array) -> Array:
        q = np.broadcast_to(q, np.broadcast_shapes(np.shape(q), self.shape))
        found = search.smallest_integer(lambda y: self.cdf(y) < q, self.guess(np.minimum(q, 1.0 - 1e-16)))
        return np.where(q < 1.0, found, np.inf)

    def cdf(self, y: Array) -> Array:
        count = np.floor(np.maximum(y, 0.0))
        return np.where(y < 0.0, 0.0, np.where(np.isinf(count), 1.0, self.reached(np.minimum(count, 1e300))))

    @abstractmethod
    def reached(self, count: Array) -> Array:
        """The cdf at a finite count."""


class PoissonLaw(CountLaw):
    rate: Array

    def mode(self) -> Array:
        return np.floor(self.rate)

    def mean(self) -> Array:
        return self.rate

    def deviation(self) -> Array:
        return np.sqrt(self.rate)

    def reached(self, count: Array) -> Array:
        return special.gammaincc(count + 1.0, self.rate)

    def log_density(self, y: Array) -> Array:
        at = np.maximum(y, 0.0)
        mass = special.xlogy(at, self.rate) - self.rate - special.gammaln(at + 1.0)
        return np.where((y < 0.0) | np.isinf(y), -np.inf, mass)


class NegativeBinomialLaw(CountLaw):
    """The negative binomial by its mean and its number of failures r = 1 / dispersion: variance mean + mean^2 / r."""

    average: Array
    failures: Array

    def mode(self) -> Array:
        return np.maximum(np.floor(self.average * (1.0 - 1.0 / self.failures)), 0.0)

    def mean(self) -> Array:
        return self.average

    def deviation(self) -> Array:
        return np.sqrt(self.average * (1.0 + self.average / self.failures))

    @property
    def success(self) -> Array:
        """The probability that the next trial counts, mean / (mean + r), at full relative accuracy."""
        return self.average / (self.average + self.failures)

    def reached(self, count: Array) -> Array:
        return negative_binomial_cdf(count, self.failures, self.average, self.failures)

    def log_density(self, y: Array) -> Array:
        at = np.where(np.isinf(y), 0.0, np.maximum(y, 0.0))
        choose = -special.betaln(np.maximum(at, 1.0), self.failures) - np.log(np.maximum(at, 1.0))
        failed = -self.failures * np.log1p(self.average / self.failures)
        mass = np.where(at > 0.0, choose, 0.0) + special.xlogy(at, self.success) + failed
        return np.where((y < 0.0) | np.isinf(y), -np.inf, mass)


def negative_binomial_cdf(count: Array, failures: Array, average: Array, spread: Array) -> Array:
    """P(Y <= count) with `failures` failures and odds average / spread of a success against a failure.

    The incomplete beta function of the smaller of the two probabilities, so that neither limit loses digits.
    """
    count, failures, average, spread = np.broadcast_arrays(count, failures, average, spread)
    total, failing = average + spread, spread < average
    result = np.empty(count.shape)
    special.betainc(failures, count + 1.0, spread / total, out=result, where=failing)
    special.betaincc(count + 1.0, failures, average / total, out=result, where=~failing)
    return result


class ZeroInflatedLaw(CountLaw):
    """A law of counts with extra zeros: 0 with probability sigmoid(gate), else from the base."""

    gate: Array
    claims = CountLaw.claims | {"mode": Claim("exact", "0 or the base's mode, 0 where both are equal")}

    def __init__(self, base: CountLaw, gate: Array) -> None:
        super().__init__(gate=np.broadcast_to(gate, np.broadcast_shapes(gate.shape, base.shape)))
        self.base = base

    def open(self) -> Array:
        """The probability that the count comes from the base."""
        return special.expit(-self.gate)

    def mode(self) -> Array:
        peak = np.broadcast_to(self.base.mode(), self.shape)
        return np.where(self.log_density(peak) > self.log_density(np.zeros(self.shape)), peak, 0.0)

    def mean(self) -> Array:
        return self.open() * self.base.mean()

    def deviation(self) -> Array:
        share = self.open()
        return np.sqrt(share * (self.base.deviation() ** 2 + (1.0 - share) * self.base.mean() ** 2))

    def guess(self, q: Array) -> Array:
        return self.base.guess(np.clip(1.0 - (1.0 - q) / np.maximum(self.open(), 1e-300), 0.0, 1.0))

    def reached(self, count: Array) -> Array:
        return special.expit(self.gate) + self.open() * self.base.reached(count)

    def log_density(self, y: Array) -> Array:
        counted = self.base.log_density(y) - np.logaddexp(0.0, self.gate)
        return np.where(y == 0.0, np.logaddexp(counted, -np.logaddexp(0.0, -self.gate)), counted)


@law_of.register(dist.Poisson)
def _poisson(of: dist.Poisson) -> Law:
    return PoissonLaw(rate=numbers(of.rate))


@law_of.register(NegativeBinomial)
def _by_mean(of: NegativeBinomial) -> Law:
    return NegativeBinomialLaw(average=numbers(of.mean), failures=1.0 / numbers(of.dispersion))


@law_of.register(dist.NegativeBinomial)
def _negative_binomial(of: dist.NegativeBinomial) -> Law:
    failures = numbers(of.total_count)
    return NegativeBinomialLaw(average=failures * np.exp(numbers(of.logits)), failures=failures)


@law_of.register(dist.Geometric)
def _geometric(of: dist.Geometric) -> Law:
    return NegativeBinomialLaw(average=np.exp(-numbers(of.logits)), failures=1.0)


@law_of.register(dist.GammaPoisson)
def _gamma_poisson(of: dist.GammaPoisson) -> Law:
    failures = numbers(of.concentration)
    return NegativeBinomialLaw(average=failures / numbers(of.rate), failures=failures)


@law_of.register(dist.ZeroInflatedDistribution)
def _zero_inflated(of: dist.ZeroInflatedDistribution) -> Law:
    base = law(of.base_dist)
    if not isinstance(base, CountLaw):
        raise LikelihoodError(
            f"zero inflation is known for counts only, and {type(of.base_dist).__name__} is none of them: "
            "use sample(dist, n) and its quantiles"
        )
    return ZeroInflatedLaw(base, numbers(of.gate_logits))
