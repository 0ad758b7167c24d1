"""Student's t distribution, right for any degrees of freedom up to the normal limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyro.distributions as dist
import torch
from scipy import special
from torch import Tensor
from torch.distributions.utils import broadcast_all
from torch.types import _size

from likelihead.distributions.formula import Derivatives, Formula
from likelihead.distributions.stirling import HALF_LOG_2PI, half_step_slope, half_step_value, wide
from likelihead.distributions.tail_integral import log_integral
from likelihead.distributions.tails import LogTails, from_tail, log_tails
from likelihead.laws.law import Array, Claim, Law, claims, law_of
from likelihead.laws.location_scale import LocationScaleLaw

#: Where z^2 / df is beyond this, Student's tails are a power of z to the last digit.
_FAR = 1e200
#: Within this distance of one degree of freedom the CRPS is averaged over both ends: its formula divides by df - 1.
_GAP = 1e-5


class _LogProb(Formula):
    @staticmethod
    def forward(y: Tensor, df: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
        dtype = torch.promote_types(y.dtype, loc.dtype)
        x = 0.5 * wide(df)
        z = (wide(y) - wide(loc)) / wide(scale)
        decay = ((x + 0.5) * (z * z * (0.5 / x)).log1p_()).to(dtype)
        return (half_step_value(0.5 * df, dtype) - decay - scale.log()).sub_(HALF_LOG_2PI)

    @staticmethod
    def derivatives(
        needed: Sequence[bool], value: Tensor, y: Tensor, df: Tensor, loc: Tensor, scale: Tensor
    ) -> Derivatives:
        dtype = value.dtype
        x, wide_scale = 0.5 * wide(df), wide(scale)
        inverse = 0.5 / x
        z = (wide(y) - wide(loc)) / wide_scale
        squared = z * z * inverse
        weight = (1.0 + inverse) / (1.0 + squared)
        d_half_df = (weight * squared).sub_(squared.log1p()).add_(half_step_slope(0.5 * df, dtype))
        weighted = weight * z
        d_loc = (weighted / wide_scale).to(dtype)
        d_scale = ((weighted * z).sub_(1.0) / wide_scale).to(dtype)
        return -d_loc if needed[0] else None, 0.5 * d_half_df.to(dtype), d_loc, d_scale


def student_t_log_prob(y: Tensor, df: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
    """log p(y) of StudentT(df, loc, scale), all of one shape.

    >>> student_t_log_prob(*torch.tensor([0.0, 3.2e7, 0.0, 1.0]).unbind())
    tensor(-0.9189)
    """
    return _LogProb.of(*torch.broadcast_tensors(y, df, loc, scale))


class StudentT(dist.StudentT):
    """StudentT(df, loc, scale), all of shape (...): heavy tails for small df, the normal distribution for large df.

    With x = df / 2 and z = (y - loc) / scale,
    log p(y) = h(x) - log(2 pi) / 2 - log(scale) - (x + 1/2) log(1 + z^2 / df), where
    h(x) = lgamma(x + 1/2) - lgamma(x) - log(x) / 2 goes to 0 as df grows. Pyro's own subtracts the two lgamma: off by
    15 at df = 3e7 in float32.

    >>> StudentT(torch.tensor(3.2e7), torch.tensor(0.0), torch.tensor(1.0)).log_prob(torch.tensor(0.0))
    tensor(-0.9189)
    """

    def __init__(
        self,
        df: Tensor | float,
        loc: Tensor | float = 0.0,
        scale: Tensor | float = 1.0,
        validate_args: bool | None = None,
    ) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        # Not torch's constructor: its inner distribution validates whatever this one does.
        self._chi2 = dist.Chi2(self.df, validate_args=False)
        super(torch.distributions.StudentT, self).__init__(self.df.shape, validate_args=validate_args)  # type: ignore[misc]

    def expand(self, batch_shape: _size, _instance: Any = None) -> Any:
        """The same distribution for a larger batch_shape."""
        return super().expand(batch_shape, self._get_checked_instance(StudentT, _instance))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        return student_t_log_prob(value, self.df, self.loc, self.scale)


class StudentTLaw(LocationScaleLaw):
    """Student's t: the mean of one or fewer degrees of freedom does not exist, and is given as loc."""

    df: Array
    claims = claims(mean=Claim("exact", "loc for df <= 1 too, where only the principal value of the integral exists"))

    def cdf(self, y: Array) -> Array:
        return t_cdf(self.df, self.standardised(y))

    def quantile(self, q: Array) -> Array:
        return self.loc + self.scale * t_quantile(self.df, q)

    def log_density(self, y: Array) -> Array:
        # Not by the distribution, which squares z: quantiles of small df lie beyond 1e154.
        return t_log_density(self.df, self.standardised(y)) - np.log(self.scale)

    def crps(self, y: Array) -> Array:
        """Jordan, Krüger & Lerch (2019), which holds down to df = 1/2 by continuation; infinite from there."""
        z = self.standardised(y)
        near = np.abs(self.df - 1.0) < _GAP
        below, above = np.where(near, 1.0 - _GAP, self.df), np.where(near, 1.0 + _GAP, self.df)
        score = 0.5 * (_standard_crps(below, z) + _standard_crps(above, z))
        return np.where(self.df > 0.5, self.scale * score, np.inf)


def _standard_crps(df: Array, z: Array) -> Array:
    peak = np.exp(t_log_density(df, z) + 2.0 * np.log(np.hypot(np.sqrt(df), z)))
    ratio = np.exp(special.betaln(0.5, np.maximum(df - 0.5, 0.0)) - 2.0 * special.betaln(0.5, 0.5 * df))
    score: Array = z * (2.0 * t_cdf(df, z) - 1.0) + 2.0 / (df - 1.0) * (peak - np.sqrt(df) * ratio)
    return score


def t_log_density(df: Array, z: Array) -> Array:
    """The log-density of the standard t; log(1 + z^2 / df) by way of log z where z^2 would overflow."""
    peak = -special.betaln(0.5, 0.5 * df) - 0.5 * np.log(df)
    ratio = np.abs(z) / np.sqrt(df)
    growth = np.where(ratio < 1e100, np.log1p(np.minimum(ratio, 1e100) ** 2), 2.0 * np.log(ratio))
    density: Array = peak - 0.5 * (df + 1.0) * growth
    return density


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
    log_tail: Array = np.log(half) + special.betaln(half, 0.5)
    return log_tail


@law_of.register
def _law(student_t: dist.StudentT) -> Law:
    return StudentTLaw(student_t, df=student_t.df, loc=student_t.loc, scale=student_t.scale)


@log_tails.register
def _log_tails(student_t: dist.StudentT, y: Tensor) -> LogTails:
    """Along v = asinh(z / sqrt(df)) the density is a power of 1 / cosh v, which is log-concave."""
    df, loc, scale, y = torch.broadcast_tensors(*map(wide, (student_t.df, student_t.loc, student_t.scale, y)))
    z = (y - loc) / scale
    size = torch.where(z > 0.0, z, -z)
    radius = torch.hypot(df.sqrt(), z)
    rest = df / (radius * (radius + size))  # 1 - tanh v

    def g(s: Tensor) -> Tensor:
        return -df * (s + torch.log1p(0.5 * rest * torch.expm1(-2.0 * s)))

    start = _LogProb.of(y, df, loc, scale) + scale.log() + radius.log()
    return from_tail(start + log_integral(g, df.shape, df), z > 0.0)
