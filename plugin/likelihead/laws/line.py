"""Laws on the whole line: normal, Laplace, Student's t."""

from __future__ import annotations

import math

import numpy as np
import pyro.distributions as dist
from scipy import special

from likelihead.laws.law import Array, Claim, Law, claims, law_of, numbers

#: Where z^2 / df is beyond this, Student's tails are a power of z to the last digit.
_FAR = 1e200


class LocationScale(Law):
    """A symmetric law with one peak: loc + scale z. Both kinds of interval are the central one."""

    loc: Array
    scale: Array

    def standardised(self, y: Array) -> Array:
        return (y - self.loc) / self.scale

    def mode(self) -> Array:
        return self.loc

    def mean(self) -> Array:
        return self.loc

    def median(self) -> Array:
        return self.loc

    def highest(self, mass: float) -> tuple[Array, Array]:
        return self.central(mass)


class NormalLaw(LocationScale):
    def cdf(self, y: Array) -> Array:
        return special.ndtr(self.standardised(y))

    def quantile(self, q: Array) -> Array:
        return self.loc + self.scale * special.ndtri(q)

    def log_density(self, y: Array) -> Array:
        return -0.5 * self.standardised(y) ** 2 - np.log(self.scale) - 0.5 * math.log(2.0 * math.pi)


class LaplaceLaw(LocationScale):
    def cdf(self, y: Array) -> Array:
        z = self.standardised(y)
        tail = 0.5 * np.exp(-np.abs(z))
        return np.where(z < 0.0, tail, 1.0 - tail)

    def quantile(self, q: Array) -> Array:
        z = np.log(2.0 * np.minimum(q, 1.0 - q))
        return self.loc + self.scale * np.where(q < 0.5, z, -z)

    def log_density(self, y: Array) -> Array:
        return -np.abs(self.standardised(y)) - np.log(2.0 * self.scale)


class StudentTLaw(LocationScale):
    """Student's t: the mean of one or fewer degrees of freedom does not exist, and is given as loc."""

    df: Array
    claims = claims(mean=Claim("exact", "loc for df <= 1 too, where only the principal value of the integral exists"))

    def cdf(self, y: Array) -> Array:
        return t_cdf(self.df, self.standardised(y))

    def quantile(self, q: Array) -> Array:
        return self.loc + self.scale * t_quantile(self.df, q)

    def log_density(self, y: Array) -> Array:
        return t_log_density(self.df, self.standardised(y)) - np.log(self.scale)


def t_log_density(df: Array, z: Array) -> Array:
    """The log-density of the standard t; log(1 + z^2 / df) by way of log z where z^2 would overflow."""
    peak = -special.betaln(0.5, 0.5 * df) - 0.5 * np.log(df)
    ratio = np.abs(z) / np.sqrt(df)
    grown = np.where(ratio < 1e100, np.log1p(np.minimum(ratio, 1e100) ** 2), 2.0 * np.log(ratio))
    return peak - 0.5 * (df + 1.0) * grown


def t_cdf(df: Array, z: Array) -> Array:
    """P(T <= z), by the incomplete beta function of whichever of df / (df + z^2) and its complement is the smaller."""
    half, ratio = 0.5 * df, z * (z / df)
    share, small = 1.0 / (1.0 + ratio), 1.0 / (1.0 + 1.0 / np.maximum(ratio, 1e-300))
    tail = np.where(ratio > 1.0, special.betainc(half, 0.5, share), special.betaincc(0.5, half, small))
    power = half * (np.log(df) - 2.0 * np.log(np.abs(z))) - _log_tail(half)
    tail = 0.5 * np.where(ratio > _FAR, np.exp(np.minimum(power, 0.0)), tail)
    return np.where(z < 0.0, tail, 1.0 - tail)


def t_quantile(df: Array, q: Array) -> Array:
    """The inverse of `t_cdf`, infinite at ranks 0 and 1 and where it exceeds the range of float64."""
    half, p = 0.5 * df, 2.0 * np.minimum(q, 1.0 - q)
    log_share = (np.log(p) + _log_tail(half)) / half
    share = special.betaincinv(half, 0.5, p)
    rest = special.betainccinv(0.5, half, p)
    far = np.sqrt(np.maximum(1.0 / share - 1.0, 0.0))
    near = np.sqrt(rest / np.maximum(1.0 - rest, 1e-300))
    size = np.where(share < 0.5, far, near)
    size = np.sqrt(df) * np.where(log_share < -math.log(_FAR), np.exp(-0.5 * log_share), size)
    return np.where(q < 0.5, -size, size)


def _log_tail(half: Array) -> Array:
    """Of the incomplete beta function I_x(half, 1/2) = x^half / c for small x, log c."""
    return np.log(half) + special.betaln(half, 0.5)


@law_of.register(dist.Normal)
def _normal(of: dist.Normal) -> Law:
    return NormalLaw(loc=numbers(of.loc), scale=numbers(of.scale))


@law_of.register(dist.Laplace)
def _laplace(of: dist.Laplace) -> Law:
    return LaplaceLaw(loc=numbers(of.loc), scale=numbers(of.scale))


@law_of.register(dist.StudentT)
def _student_t(of: dist.StudentT) -> Law:
    return StudentTLaw(df=numbers(of.df), loc=numbers(of.loc), scale=numbers(of.scale))


@law_of.register(dist.Cauchy)
def _cauchy(of: dist.Cauchy) -> Law:
    return StudentTLaw(df=1.0, loc=numbers(of.loc), scale=numbers(of.scale))
