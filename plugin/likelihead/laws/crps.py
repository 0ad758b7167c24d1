"""The continuous ranked probability score: the integral, or the sum, of (F(x) - 1[y <= x])^2, F the cdf.

Closed forms are methods of their laws. Those of scoringrules 0.10 are not used, since they are NaN for Poisson
and negative binomial means of 1,000 and for beta concentrations of 10,000, and wrong for Student's t of fewer than one
degree of freedom.
"""

from __future__ import annotations

import itertools

import numpy as np

from likelihead.laws.search import Array, Scorable
from likelihead.laws.shortest import Searchable

_TAIL = np.array([1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.03])
#: Ranks between whose quantiles the cdf is smooth enough for eight nodes.
RANKS = np.concatenate([_TAIL, np.linspace(0.06, 0.94, 23), 1.0 - _TAIL[::-1]])


def crps_by_quadrature(law: Searchable, y: Array) -> Array:
    """The CRPS of a continuous law, by Gauss-Legendre between its pieces and y.

    Right to 1e-6 where the law has a variance; what lies beyond the outer pieces, at rank 1e-14, is left out.

    Args:
        law: with cdf and pieces.
        y: (..., *law.shape), finite.
    """
    y = np.broadcast_to(y, np.broadcast_shapes(np.shape(y), law.shape))
    knots = np.clip(law.pieces(), -1e300, 1e300)
    knots = knots.reshape(len(knots), *[1] * (y.ndim - len(law.shape)), *law.shape)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    total = np.maximum(knots[0] - y, 0.0) + np.maximum(y - knots[-1], 0.0)
    for start, end in itertools.pairwise(knots):
        middle = np.clip(y, start, end)
        for low, high, risen in ((start, middle, 0.0), (middle, end, 1.0)):
            half = 0.5 * (high - low)
            for node, weight in zip(nodes, weights, strict=True):
                total = total + weight * half * (law.cdf(low + half * (1.0 + node)) - risen) ** 2
    return total


def crps_by_summation(law: Searchable, y: Array) -> Array:
    """The CRPS of a law of counts, the sum over all counts up to rank 1 - 1e-14; exact, and as slow as that is long."""
    last = law.quantile(np.full(law.shape, 1.0 - 1e-14))
    end = int(max(np.max(last, initial=0.0), np.max(y, initial=0.0)))
    total = np.maximum(-np.asarray(y), 0.0) + np.zeros(np.broadcast_shapes(np.shape(y), law.shape))
    for count in range(end + 1):
        total = total + (law.cdf(np.full(law.shape, float(count))) - (y <= count)) ** 2
    return total


def crps_from_moments(y: Array, cdf: Array, mean: Array, share: Array, half_gini: Array) -> Array:
    """The CRPS y (2 F(y) - 1) + E Y (1 - 2 M - G) of a law on the positive half-line.

    Args:
        cdf: F(y).
        mean: E Y.
        share: M = E[Y; Y <= y] / E Y.
        half_gini: G = E|Y - Y'| / (2 E Y), half of Gini's mean difference over the mean.
    """
    score: Array = y * (2.0 * cdf - 1.0) + mean * (1.0 - 2.0 * share - half_gini)
    return score


def crps_with_mass(base: Scorable, share: Array, y: Array, at: float = 0.0) -> Array:
    """The CRPS of a law B on one side of a point that has a share s, and the point itself the rest 1 - s.

    s E|B - y| + (1 - s) |y - at| - s (1 - s) E|B - at| - s^2 G, where G = E|B - B'| / 2 is half of Gini's mean
    difference. The share may exceed 1: then some of the point's own probability in B is taken away.
    """
    reach = np.abs(base.mean() - at)
    # The base's score at the point is E|B - at| - G.
    half_gini = reach - base.crps(np.full(base.shape, at))
    distance = base.crps(y) + half_gini
    score: Array = share * distance + (1.0 - share) * np.abs(y - at) - share * (1.0 - share) * reach
    return score - share**2 * half_gini
