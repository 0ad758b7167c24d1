"""The continuous ranked probability score of a law: closed forms, else a quadrature of the cdf.

CRPS = E|Y - y| - E|Y - Y'| / 2 (Gneiting & Raftery, 2007), Y and Y' independent. With F the cdf and
M(y) = E[Y; Y <= y] it is y (2 F(y) - 1) + E Y - 2 M(y) - G, where G = E|Y - Y'| / 2 is half of Gini's mean difference.
Closed forms are written out here, since those of scoringrules 0.10 are NaN for Poisson and negative binomial means of
1,000, for beta concentrations of 10,000, and wrong for Student's t of fewer than one degree of freedom.
"""

from __future__ import annotations

import math
from functools import singledispatch

import numpy as np
from scipy import special

from likelihead.evaluation.scores.quadrature import crps_by_quadrature, crps_by_summation
from likelihead.laws.counts import NegativeBinomialLaw, PoissonLaw, ZeroInflatedLaw, negative_binomial_cdf
from likelihead.laws.finite import FiniteLaw
from likelihead.laws.law import Array, Law
from likelihead.laws.line import LaplaceLaw, NormalLaw, StudentTLaw, t_cdf, t_log_density
from likelihead.laws.mixture import MixtureLaw
from likelihead.laws.positive import BetaLaw, ExponentialLaw, GammaLaw, LogNormalLaw, WeibullLaw

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
#: Within this distance of one degree of freedom the two ends of the gap are averaged: the formula divides by df - 1.
_GAP = 1e-5


@singledispatch
def crps_of(law: Law, y: Array) -> Array:
    """The CRPS of each y, (..., *law.shape)."""
    return crps_by_summation(law, y) if law.discrete else crps_by_quadrature(law, y)


def _balance(law: Law, y: Array, share: Array, half_gini: Array) -> Array:
    """The identity above, with `share` = M(y) / E Y and `half_gini` = G / E Y."""
    return y * (2.0 * law.cdf(y) - 1.0) + law.mean() * (1.0 - 2.0 * share - half_gini)


@crps_of.register
def _normal(law: NormalLaw, y: Array) -> Array:
    z = law.standardised(y)
    return law.scale * (_folded(z) - 1.0 / math.sqrt(math.pi))


def _folded(z: Array) -> Array:
    """E|Z - z|, Z standard normal."""
    return z * (2.0 * special.ndtr(z) - 1.0) + 2.0 * np.exp(-0.5 * z * z - _HALF_LOG_2PI)


@crps_of.register
def _laplace(law: LaplaceLaw, y: Array) -> Array:
    distance = np.abs(law.standardised(y))
    return law.scale * (distance + np.exp(-distance) - 0.75)


@crps_of.register
def _student_t(law: StudentTLaw, y: Array) -> Array:
    """Jordan, Krüger & Lerch (2019), which holds down to df = 1/2 by continuation; infinite from there."""
    z = law.standardised(y)
    near = np.abs(law.df - 1.0) < _GAP
    below, above = np.where(near, 1.0 - _GAP, law.df), np.where(near, 1.0 + _GAP, law.df)
    score = 0.5 * (_standard_t(below, z) + _standard_t(above, z))
    return np.where(law.df > 0.5, law.scale * score, np.inf)


def _standard_t(df: Array, z: Array) -> Array:
    peak = np.exp(t_log_density(df, z) + 2.0 * np.log(np.hypot(np.sqrt(df), z)))
    ratio = np.exp(special.betaln(0.5, np.maximum(df - 0.5, 0.0)) - 2.0 * special.betaln(0.5, 0.5 * df))
    return z * (2.0 * t_cdf(df, z) - 1.0) + 2.0 / (df - 1.0) * (peak - np.sqrt(df) * ratio)


@crps_of.register
def _exponential(law: ExponentialLaw, y: Array) -> Array:
    return np.abs(y) + (0.5 - 2.0 * law.cdf(y)) / law.rate


@crps_of.register
def _gamma(law: GammaLaw, y: Array) -> Array:
    a = law.concentration
    share = special.gammainc(a + 1.0, law.rate * np.maximum(y, 0.0))
    return _balance(law, y, share, np.exp(-special.betaln(0.5, a) - np.log(a)))


@crps_of.register
def _beta(law: BetaLaw, y: Array) -> Array:
    a, b = law.a, law.b
    share = special.betainc(a + 1.0, b, np.clip(y, 0.0, 1.0))
    spread = special.betaln(2.0 * a, 2.0 * b) - 2.0 * special.betaln(a, b) - np.log(a)
    return _balance(law, y, share, 2.0 * np.exp(spread))


@crps_of.register
def _log_normal(law: LogNormalLaw, y: Array) -> Array:
    """2 E Y (Phi(-s / sqrt 2) - Phi(z - s)), each product by its logarithm as E Y overflows first."""
    z, log_mean = law.standardised(y), law.loc + 0.5 * law.scale**2
    excess = np.exp(log_mean + special.log_ndtr(-law.scale / math.sqrt(2.0)))
    share = np.exp(log_mean + special.log_ndtr(z - law.scale))
    score = y * (2.0 * special.ndtr(z) - 1.0) + 2.0 * (excess - share)
    return np.where(np.isnan(score), np.inf, score)


@crps_of.register
def _weibull(law: WeibullLaw, y: Array) -> Array:
    inverse = 1.0 / law.concentration
    log_mean = np.log(law.scale) + special.gammaln(1.0 + inverse)
    excess = np.exp(log_mean - math.log(2.0) * inverse)
    share = np.exp(log_mean + np.log(special.gammainc(1.0 + inverse, law.hazard(y))))
    score = y * (2.0 * law.cdf(y) - 1.0) + excess - 2.0 * share
    return np.where(np.isnan(score), np.inf, score)


@crps_of.register
def _poisson(law: PoissonLaw, y: Array) -> Array:
    return _balance(law, y, law.below(y), special.i0e(2.0 * law.rate) + special.i1e(2.0 * law.rate))


@crps_of.register
def _negative_binomial(law: NegativeBinomialLaw, y: Array) -> Array:
    count = np.floor(y) - 1.0
    reached = negative_binomial_cdf(np.maximum(count, 0.0), law.failures + 1.0, law.average, law.failures)
    return _balance(law, y, np.where(count < 0.0, 0.0, reached), _lattice_gini(law) / law.average)


def _lattice_gini(law: NegativeBinomialLaw) -> Array:
    """E|Y - Y'| / 2 = 1 / (2 pi) times the integral over (0, pi) of (1 - |phi(t)|^2) / (1 - cos t).

    phi is the characteristic function: |phi|^2 = (1 + 4 V s^2 / r)^-r, s = sin(t / 2), V the variance and r the number
    of failures. Gauss-Legendre on intervals that halve towards 0 until far below the width of phi.
    """
    nodes, weights = np.polynomial.legendre.leggauss(8)
    edges = math.pi * 2.0 ** -np.arange(0.0, 60.0)
    tops, bottoms = edges, np.append(edges[1:], 0.0)
    t = (0.5 * (tops + bottoms)[:, None] + 0.5 * (tops - bottoms)[:, None] * nodes).ravel()
    weight = (0.5 * (tops - bottoms)[:, None] * weights).ravel()
    total = np.zeros(law.shape)
    odds = 4.0 * law.deviation() ** 2 / law.failures
    for square, share in zip(np.sin(0.5 * t) ** 2, weight, strict=True):
        total += share * -np.expm1(-law.failures * np.log1p(odds * square)) / (2.0 * square)
    return total / (2.0 * math.pi)


@crps_of.register
def _zero_inflated(law: ZeroInflatedLaw, y: Array) -> Array:
    """A mixture of 0 and the base: open E|B - y| + shut |y| - open shut E B - open^2 G."""
    share = law.open()
    shut, base = special.expit(law.gate), law.base
    zero = np.zeros(law.shape)
    # crps(0) = E B - G gives the base's G.
    gini = base.mean() - crps_of(base, zero)
    distance = crps_of(base, y) + gini
    return share * distance + shut * np.abs(y) - share * shut * base.mean() - share**2 * gini


@crps_of.register
def _finite(law: FiniteLaw, y: Array) -> Array:
    """The ranked probability score: the sum over levels of (cdf - 1[y <= level])^2."""
    levels = np.arange(law.size)
    return ((law.cumulative - (np.asarray(y)[..., None] <= levels)) ** 2).sum(-1)


@crps_of.register
def _mixture(law: MixtureLaw, y: Array) -> Array:
    """Of normals: Grimit, Gneiting, Berrocal & Johnson (2006). Of others: by quadrature or summation."""
    parts = law.parts
    if not isinstance(parts.law, NormalLaw):
        return crps_by_summation(law, y) if law.discrete else crps_by_quadrature(law, y)
    loc, scale, weights = (np.moveaxis(part, parts.axis, 0) for part in (parts.law.loc, parts.law.scale, parts.weights))
    score = np.zeros(np.broadcast_shapes(np.shape(y), law.shape))
    for k in range(len(loc)):
        spread = np.hypot(scale, scale[k])
        pairs = (weights * spread * _folded((loc - loc[k]) / spread)).sum(0)
        score += weights[k] * (scale[k] * _folded((y - loc[k]) / scale[k]) - 0.5 * pairs)
    return score
