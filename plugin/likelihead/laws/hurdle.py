"""Laws with a mass at 0 beside a law of counts above 0 or of positive numbers, and with a mass at 1 beside shares."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from likelihead.laws.counts import CountLaw
from likelihead.laws.crps import crps_with_mass
from likelihead.laws.law import Array, Claim, Law, claims


class HurdleCountLaw(CountLaw):
    """0 with probability sigmoid(gate), else a count from the base, given that it is not 0."""

    gate: Array
    claims = CountLaw.claims | {"mode": Claim("exact", "0 or the base's mode above 0, 0 where both are equal")}

    def __init__(self, dist: Any, base: CountLaw, gate: Any) -> None:
        super().__init__(dist, gate=gate)
        self.base = base
        self.unimodal = False
        log_zero = np.broadcast_to(base.log_density(np.zeros(self.shape)), self.shape)
        #: P(base > 0).
        self.above = -np.expm1(log_zero)

    def mode(self) -> Array:
        peak = np.maximum(self.base.mode(), 1.0)
        return np.where(self.log_density(peak) > self.log_density(np.zeros(self.shape)), peak, 0.0)

    def mean(self) -> Array:
        return special.expit(-self.gate) * self.base.mean() / self.above

    def deviation(self) -> Array:
        square = (self.base.deviation() ** 2 + self.base.mean() ** 2) / self.above
        return np.sqrt(special.expit(-self.gate) * square - self.mean() ** 2)

    def quantile_guess(self, q: Array) -> Array:
        passed = np.clip((q - special.expit(self.gate)) / np.maximum(special.expit(-self.gate), 1e-300), 0.0, 1.0)
        return self.base.quantile_guess(np.minimum(1.0 - self.above + self.above * passed, 1.0 - 1e-16))

    def cdf_at_count(self, count: Array) -> Array:
        beyond = np.minimum((1.0 - self.base.cdf_at_count(count)) / self.above, 1.0)
        return 1.0 - special.expit(-self.gate) * beyond

    def log_density(self, y: Array) -> Array:
        counted = self.base.log_density(y) - np.logaddexp(0.0, self.gate) - np.log(self.above)
        return np.where(y == 0.0, -np.logaddexp(0.0, -self.gate), counted)

    def crps(self, y: Array) -> Array:
        return crps_with_mass(self.base, special.expit(-self.gate) / self.above, y)


class HurdleLaw(Law):
    """0 with probability sigmoid(gate), else a positive number from the base."""

    gate: Array
    atom = True
    claims = claims(
        mode=Claim("undefined", "a mass at 0 and a density do not compare: use median(dist), or base_dist's mode"),
        quantile=Claim("exact", "0 up to the mass at 0"),
        interval=Claim("exact", "the highest-density one starts at 0"),
        pit=Claim("exact", "randomised at 0"),
    )

    def __init__(self, dist: Any, base: Law, gate: Any) -> None:
        super().__init__(dist, gate=gate)
        self.base = base
        self.unimodal = False

    def mean(self) -> Array:
        return special.expit(-self.gate) * self.base.mean()

    def cdf(self, y: Array) -> Array:
        passed = self.base.cdf(np.maximum(y, 0.0))
        return np.where(y < 0.0, 0.0, special.expit(self.gate) + special.expit(-self.gate) * passed)

    def below(self, y: Array) -> Array:
        passed = self.base.below(np.maximum(y, 0.0))
        return np.where(y <= 0.0, 0.0, special.expit(self.gate) + special.expit(-self.gate) * passed)

    def quantile(self, q: Array) -> Array:
        zero, rest = special.expit(self.gate), special.expit(-self.gate)
        passed = np.clip((q - zero) / np.maximum(rest, 1e-300), 0.0, 1.0)
        return np.where(q <= zero, 0.0, self.base.quantile(passed))

    def highest_interval(self, mass: float) -> tuple[Array, Array]:
        """From 0 on, as the mass there is more than any density; or down from 1, if that has one too and is shorter."""
        end = self.quantile(np.full(self.shape, mass))
        if not self.base.atom:
            return np.zeros(self.shape), end
        start = self.quantile(np.full(self.shape, 1.0 - mass))
        from_zero = end <= 1.0 - start
        return np.where(from_zero, 0.0, start), np.where(from_zero, end, 1.0)

    def crps(self, y: Array) -> Array:
        return crps_with_mass(self.base, special.expit(-self.gate), y)


class TopLaw(Law):
    """1 with probability sigmoid(logits), else a number below 1 from the base."""

    logits: Array
    atom = True
    claims = claims(
        mode=Claim("undefined", "a mass at 1 and a density do not compare: use median(dist), or base_dist's mode"),
        quantile=Claim("exact", "1 from the mass below 1 on"),
        interval=Claim("exact", "the highest-density one ends at 1"),
        pit=Claim("exact", "randomised at 1"),
    )

    def __init__(self, dist: Any, base: Law, logits: Any) -> None:
        super().__init__(dist, logits=logits)
        self.base = base
        self.unimodal = False

    def mean(self) -> Array:
        return special.expit(self.logits) + special.expit(-self.logits) * self.base.mean()

    def cdf(self, y: Array) -> Array:
        return np.where(y >= 1.0, 1.0, self.below(y))

    def below(self, y: Array) -> Array:
        return special.expit(-self.logits) * self.base.cdf(np.minimum(y, 1.0))

    def quantile(self, q: Array) -> Array:
        rest = special.expit(-self.logits)
        passed = np.minimum(q / np.maximum(rest, 1e-300), 1.0)
        return np.where(q > rest, 1.0, self.base.quantile(passed))

    def highest_interval(self, mass: float) -> tuple[Array, Array]:
        """Up to 1: the mass there is more than any density."""
        return self.quantile(np.full(self.shape, 1.0 - mass)), np.ones(self.shape)

    def crps(self, y: Array) -> Array:
        return crps_with_mass(self.base, special.expit(-self.logits), y, at=1.0)
