"""Laws on the circle.

Angles lie in (-pi, pi]. The mean is the circular mean, the direction of the expected unit vector. The cdf runs from
-pi. Ranks run the other way: quantiles, the median and intervals count from the antipode of the mean direction, so the
quantiles on either side of 1/2 lie on either side of the median wherever pi falls. An interval whose lower end is
above its upper end crosses pi.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np

from likelihead.laws import search
from likelihead.laws.law import Array, Claim, Law, claims
from likelihead.laws.shortest import shortest

_FROM_ANTIPODE = "from the antipode of the mean direction"


def wrap(angle: Array) -> Array:
    """The same angle in (-pi, pi].

    >>> wrap(np.array([0.5, -np.pi, 4.0 * np.pi]))
    array([0.5       , 3.14159265, 0.        ])
    """
    wrapped: Array = angle - 2.0 * math.pi * np.ceil((angle - math.pi) / (2.0 * math.pi)) + 0.0
    return wrapped


class CircularLaw(Law, ABC):
    """A law of angles, defined by its cdf along the unrolled circle, which grows by 1 with each turn."""

    on_circle = True
    claims = claims(
        mean=Claim("exact", "the circular mean"),
        median=Claim("inverted", _FROM_ANTIPODE),
        quantile=Claim("inverted", _FROM_ANTIPODE),
        interval=Claim("inverted", "crosses pi where lower > upper"),
        cdf=Claim("exact", "from -pi"),
        pit=Claim("exact", "from -pi"),
    )

    @abstractmethod
    def unrolled_cdf(self, y: Array) -> Array:
        """The mass between a fixed angle and y; y any real number."""

    @abstractmethod
    def expected_vector(self) -> tuple[Array, Array]:
        """The expected cosine and sine."""

    def mean(self) -> Array:
        cosine, sine = self.expected_vector()
        return np.arctan2(sine, cosine)

    def bounds(self) -> tuple[Array, Array]:
        return np.full(self.shape, -math.pi), np.full(self.shape, math.pi)

    def cdf(self, y: Array) -> Array:
        start = np.full(self.shape, -math.pi)
        return np.clip(self.unrolled_cdf(np.clip(y, -math.pi, math.pi)) - self.unrolled_cdf(start), 0.0, 1.0)

    def quantile(self, q: Array) -> Array:
        return wrap(self.unrolled_quantile(q))

    def unrolled_quantile(self, q: Array) -> Array:
        """The quantile before it is wrapped into (-pi, pi], counted from the antipode; q in [0, 2]."""
        start = self.mean() - math.pi
        base, turns = self.unrolled_cdf(start), np.floor(q)
        part = np.broadcast_to(q - turns, np.broadcast_shapes(np.shape(q), self.shape))
        whole = np.full(part.shape, 2.0 * math.pi)
        arc = search.smallest(lambda t: self.unrolled_cdf(start + t) - base < part, np.zeros(part.shape), whole)
        return start + arc + 2.0 * math.pi * turns

    def central_interval(self, mass: float) -> tuple[Array, Array]:
        lower, upper = super().central_interval(mass)
        return wrap(lower), wrap(upper)

    def highest_interval(self, mass: float) -> tuple[Array, Array]:
        lower, upper = shortest(_Unrolled(self), mass, limit=1.0 + mass)
        return wrap(lower), wrap(upper)


class _Unrolled(Law):
    """A circular law as its angles before wrapping, where lengths are differences."""

    unimodal = False

    def __init__(self, circular: CircularLaw) -> None:
        self.circular, self.shape = circular, circular.shape

    def quantile(self, q: Array) -> Array:
        return self.circular.unrolled_quantile(q)

    def cdf(self, y: Array) -> Array:
        return self.circular.unrolled_cdf(y) - self.circular.unrolled_cdf(self.circular.mean() - math.pi)

    def log_density(self, y: Array) -> Array:
        return self.circular.log_density(wrap(y))
