"""Laws of counts, and of counts with extra zeros."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from scipy import special

from likelihead.laws import search
from likelihead.laws.crps import crps_with_mass
from likelihead.laws.law import INVERTED, Array, Claim, Law, claims


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

    @abstractmethod
    def cdf_at_count(self, count: Array) -> Array:
        """The cdf at a finite count."""

    def quantile_guess(self, q: Array) -> Array:
        """Where to start looking for a quantile: that of the gamma law with the same mean and variance."""
        average, variance = self.mean(), self.deviation() ** 2
        ratio = np.where(average > 0.0, variance / average, 1.0)
        guess = special.gammaincinv(average / ratio, q) * ratio
        return np.where(np.isfinite(guess), guess, average)

    def quantile(self, q: Array) -> Array:
        q = np.broadcast_to(q, np.broadcast_shapes(np.shape(q), self.shape))
        guess = self.quantile_guess(np.minimum(q, 1.0 - 1e-16))
        return np.where(q < 1.0, search.smallest_integer(lambda y: self.cdf(y) < q, guess), np.inf)

    def cdf(self, y: Array) -> Array:
        count = np.floor(np.maximum(y, 0.0))
        return np.where(y < 0.0, 0.0, np.where(np.isinf(count), 1.0, self.cdf_at_count(np.minimum(count, 1e300))))


class ZeroInflatedLaw(CountLaw):
    """A law of counts with extra zeros: 0 with probability sigmoid(gate), else from the base."""

    gate: Array
    claims = CountLaw.claims | {"mode": Claim("exact", "0 or the base's mode, 0 where both are equal")}

    def __init__(self, dist: Any, base: CountLaw, gate: Any) -> None:
        super().__init__(dist, gate=gate)
        self.base = base

    def count_share(self) -> Array:
        """The probability that the count comes from the base."""
        return special.expit(-self.gate)

    def mode(self) -> Array:
        peak = np.broadcast_to(self.base.mode(), self.shape)
        return np.where(self.log_density(peak) > self.log_density(np.zeros(self.shape)), peak, 0.0)

    def mean(self) -> Array:
        return self.count_share() * self.base.mean()

    def deviation(self) -> Array:
        share = self.count_share()
        return np.sqrt(share * (self.base.deviation() ** 2 + (1.0 - share) * self.base.mean() ** 2))

    def quantile_guess(self, q: Array) -> Array:
        return self.base.quantile_guess(np.clip(1.0 - (1.0 - q) / np.maximum(self.count_share(), 1e-300), 0.0, 1.0))

    def cdf_at_count(self, count: Array) -> Array:
        return special.expit(self.gate) + self.count_share() * self.base.cdf_at_count(count)

    def log_density(self, y: Array) -> Array:
        # From the base's, where it matters that equal masses of neighbouring counts are equal to the last bit.
        counted = self.base.log_density(y) - np.logaddexp(0.0, self.gate)
        return np.where(y == 0.0, np.logaddexp(counted, -np.logaddexp(0.0, -self.gate)), counted)

    def crps(self, y: Array) -> Array:
        return crps_with_mass(self.base, self.count_share(), y)
