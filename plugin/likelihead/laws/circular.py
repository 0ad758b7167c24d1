"""Laws on the circle: von Mises, and what it shares with mixtures of it.

Angles lie in (-pi, pi]. The mean is the circular mean, the direction of the expected unit vector. The cdf runs from
-pi. Ranks run the other way: quantiles, the median and intervals count from the antipode of the mean direction, so the
quantiles on either side of 1/2 lie on either side of the median wherever pi falls. An interval whose lower end is
above its upper end crosses pi.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
import pyro.distributions as dist
from scipy import special, stats

from likelihead.laws import search
from likelihead.laws.law import Array, Claim, Law, claims, law_of, numbers

#: Concentration from which the expansion at large ones is taken, and how many of its terms.
_LARGE, _TERMS = 30.0, 16
_FROM_ANTIPODE = "from the antipode of the mean direction"


def wrap(angle: Array) -> Array:
    """The same angle in (-pi, pi].

    >>> wrap(np.array([0.5, -np.pi, 4.0 * np.pi]))
    array([0.5       , 3.14159265, 0.        ])
    """
    turned: Array = angle - 2.0 * math.pi * np.ceil((angle - math.pi) / (2.0 * math.pi)) + 0.0
    return turned


class CircularLaw(Law, ABC):
    """A law of angles, told by `wound`: the cdf along the unrolled circle, which grows by 1 with each turn."""

    claims = claims(
        mean=Claim("exact", "the circular mean"),
        median=Claim("inverted", _FROM_ANTIPODE),
        quantile=Claim("inverted", _FROM_ANTIPODE),
        interval=Claim("inverted", "crosses pi where lower > upper"),
        cdf=Claim("exact", "from -pi"),
        pit=Claim("exact", "from -pi"),
    )

    @abstractmethod
    def wound(self, y: Array) -> Array:
        """The mass between a fixed angle and y; y any real number."""

    def bounds(self) -> tuple[Array, Array]:
        return np.full(self.shape, -math.pi), np.full(self.shape, math.pi)

    def cdf(self, y: Array) -> Array:
        start = np.full(self.shape, -math.pi)
        return np.clip(self.wound(np.clip(y, -math.pi, math.pi)) - self.wound(start), 0.0, 1.0)

    def quantile(self, q: Array) -> Array:
        return wrap(self.unrolled(q))

    def unrolled(self, q: Array) -> Array:
        """The quantile before it is wrapped into (-pi, pi], counted from the antipode; q in [0, 2]."""
        start = self.mean() - math.pi
        base, turns = self.wound(start), np.floor(q)
        part = np.broadcast_to(q - turns, np.broadcast_shapes(np.shape(q), self.shape))
        whole = np.full(part.shape, 2.0 * math.pi)
        arc = search.smallest(lambda t: self.wound(start + t) - base < part, np.zeros(part.shape), whole)
        return start + arc + 2.0 * math.pi * turns

    def central(self, mass: float) -> tuple[Array, Array]:
        lower, upper = super().central(mass)
        return wrap(lower), wrap(upper)

    def highest(self, mass: float) -> tuple[Array, Array]:
        lower, upper = search.shortest(_Unrolled(self), mass, limit=1.0 + mass)
        return wrap(lower), wrap(upper)


class _Unrolled(Law):
    """A circular law as its angles before wrapping, where lengths are differences."""

    def __init__(self, circular: CircularLaw) -> None:
        self.circular, self.shape, self.unimodal = circular, circular.shape, False

    def quantile(self, q: Array) -> Array:
        return self.circular.unrolled(q)

    def between(self, q: Array, lower: Array, upper: Array) -> Array:
        start = self.circular.mean() - math.pi
        base = self.circular.wound(start)
        return search.crossing(lambda y: self.circular.wound(y) - base, self.log_density, q, lower, upper, steps=15)

    def log_density(self, y: Array) -> Array:
        return self.circular.log_density(wrap(y))


class VonMisesLaw(CircularLaw):
    """Symmetric about loc with one peak: both kinds of interval are the central one. Flat at 0: then loc stands."""

    loc: Array
    concentration: Array
    claims = CircularLaw.claims | {
        "mode": Claim("exact", "loc, at concentration 0 too"),
        "median": Claim("exact", "loc"),
    }

    def mode(self) -> Array:
        return wrap(self.loc)

    def mean(self) -> Array:
        return wrap(self.loc)

    def median(self) -> Array:
        return wrap(self.loc)

    def wound(self, y: Array) -> Array:
        return von_mises_cdf(y - wrap(self.loc), self.concentration)

    def unrolled(self, q: Array) -> Array:
        q = np.broadcast_to(q, np.broadcast_shapes(np.shape(q), self.shape))
        turns = np.floor(q)
        part = q - turns
        tail = np.minimum(part, 1.0 - part)
        zero = np.zeros(part.shape)
        angle = search.smallest(lambda z: von_mises_cdf(z, self.concentration) < tail, zero - math.pi, zero)
        return wrap(self.loc) + np.where(part < 0.5, angle, -angle) + 2.0 * math.pi * turns

    def log_density(self, y: Array) -> Array:
        height = -2.0 * self.concentration * np.sin(0.5 * (y - self.loc)) ** 2
        return height - np.log(2.0 * math.pi * special.i0e(self.concentration))

    def highest(self, mass: float) -> tuple[Array, Array]:
        return self.central(mass)


def von_mises_cdf(z: Array, concentration: Array) -> Array:
    """The mass of VonMises(0, concentration) below z, along the unrolled circle: 1/2 at 0, one more with each turn.

    By scipy up to concentration 30; beyond it, where scipy's is off by 1e-6, by `_concentrated_tail`.
    """
    z, k = np.broadcast_arrays(z, concentration)
    uniform = 0.5 + (z + k * np.sin(z)) / (2.0 * math.pi)
    low = stats.vonmises.cdf(z, np.clip(k, 1e-9, _LARGE))
    turns = np.round(z / (2.0 * math.pi))
    rest = z - 2.0 * math.pi * turns
    tail = _concentrated_tail(np.sin(0.5 * rest), np.maximum(k, _LARGE))
    high = turns + np.where(rest < 0.0, tail, 1.0 - tail)
    return np.where(k < 1e-9, uniform, np.where(k <= _LARGE, low, high))


def _concentrated_tail(sine: Array, k: Array) -> Array:
    """The mass beyond the angle of which `sine` is the sine of the half, on its side of the mean, k >= 30.

    With t = 2 sqrt(k) sin(z / 2) the density is exp(-t^2 / 2) (1 - t^2 / (4 k))^(-1/2); its second factor is expanded:
    the sum over n of (1/2)_n / n! Gamma(n + 1/2) (2 k)^-n Q(n + 1/2, t^2 / 2), Q the incomplete gamma function, by its
    recurrence, over the same sum at t = 0.
    """
    x = 2.0 * k * sine * sine
    term, part, power = np.ones_like(x), special.erfc(np.sqrt(x)), np.sqrt(x / math.pi) * 2.0 * np.exp(-x)
    total, whole = part.copy(), term.copy()
    for n in range(1, _TERMS):
        part = part + power
        power = power * x / (n + 0.5)
        term = term * (n - 0.5) ** 2 / (n * 2.0 * k)
        total, whole = total + term * part, whole + term
    return 0.5 * total / whole


def resultant(concentration: Array) -> Array:
    """The length of the expected unit vector, I1 / I0."""
    length: Array = special.i1e(concentration) / special.i0e(concentration)
    return length


@law_of.register(dist.VonMises)
def _von_mises(of: dist.VonMises) -> Law:
    loc = numbers(of.loc)
    if hasattr(of, "vector"):
        along, across = np.moveaxis(numbers(of.vector), -1, 0)
        loc = np.arctan2(across, along)
    return VonMisesLaw(loc=loc, concentration=numbers(of.concentration))
