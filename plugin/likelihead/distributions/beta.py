"""The beta distribution, right for any concentrations, and its samples in log space."""

from __future__ import annotations

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
from likelihead.distributions.gamma import log_gamma_sample
from likelihead.distributions.stirling import (
    HALF_LOG_2PI,
    digamma_remainder,
    log_ratio,
    log_ratio_value,
    remainder_value,
    wide,
)
from likelihead.distributions.tail_integral import log_beta_tail
from likelihead.distributions.tails import LogTails, from_tail, log_tails
from likelihead.laws.crps import crps_from_moments
from likelihead.laws.law import Array, Claim, Law, claims, law_of

#: Below it lgamma(x) is -log(x) in any dtype, and float32 nears its end.
_SMALLEST = 1e-30


class _LogProb(Formula):
    @staticmethod
    def forward(y: Tensor, concentration1: Tensor, concentration0: Tensor, dtype: torch.dtype) -> Tensor:
        a, b, y = wide(concentration1), wide(concentration0), wide(y)
        n, rest = a + b, 1.0 - y
        excess = b * y - a * rest
        leading = (a - 1.0) * log_ratio_value(n * y, a, excess) + (b - 1.0) * log_ratio_value(n * rest, b, -excess)
        n, a, b = n.clamp(min=_SMALLEST), a.clamp(min=_SMALLEST), b.clamp(min=_SMALLEST)
        leading = leading + 0.5 * (n * (n / a) * (n / b)).log()
        of_n, of_a, of_b = (remainder_value(x.to(dtype), dtype) for x in (n, a, b))
        return leading.to(dtype) + (of_n - of_a - of_b - HALF_LOG_2PI)

    @staticmethod
    def derivatives(
        needed: Sequence[bool], value: Tensor, y: Tensor, concentration1: Tensor, concentration0: Tensor
    ) -> Derivatives:
        dtype = value.dtype
        a, b, y = wide(concentration1), wide(concentration0), wide(y)
        n, rest = a + b, 1.0 - y
        d_y = ((a - 1.0) / y - (b - 1.0) / rest).to(dtype) if needed[0] else None
        excess = (b * y - a * rest).detach()
        of_n = _digamma_remainder(n, dtype)
        d_a = (log_ratio(n * y, a, excess) + of_n - _digamma_remainder(a, dtype)).to(concentration1.dtype)
        d_b = (log_ratio(n * rest, b, -excess) + of_n - _digamma_remainder(b, dtype)).to(concentration0.dtype)
        return d_y, d_a, d_b, None


def _digamma_remainder(x: Tensor, dtype: torch.dtype) -> Tensor:
    """digamma(x) - log(x), widened; at tiny x it is -1/x."""
    clamped = x.clamp(min=_SMALLEST)
    return wide(digamma_remainder(clamped.to(dtype), dtype)) * (clamped / x)


def beta_log_prob(y: Tensor, concentration1: Tensor, concentration0: Tensor, dtype: torch.dtype) -> Tensor:
    """log p(y) of Beta(concentration1, concentration0) in `dtype`; the concentrations may be wider than that.

    With a and b the concentrations, n = a + b and mu Stirling's remainder, log p(y) = (a - 1) log(n y / a)
    + (b - 1) log(n (1 - y) / b) + (3 log n - log a - log b - log(2 pi)) / 2 + mu(n) - mu(a) - mu(b). Both ratios
    differ from 1 by the same excess b y - a (1 - y), over a and over b, so their large first terms cancel exactly.

    >>> beta_log_prob(torch.tensor(0.5), torch.tensor(1e7), torch.tensor(1e7), torch.float32)
    tensor(8.1798)
    """
    return _LogProb.of(*torch.broadcast_tensors(y, concentration1, concentration0), dtype)


class Beta(dist.Beta):
    """Beta(concentration1, concentration0), all of shape (...), 0 < y < 1, mean concentration1 / (sum of both).

    The formula is that of `beta_log_prob`. Samples are drawn in log space, as those of Pyro are all 1/2 at tiny
    concentrations; they stay inside (0, 1) by the smallest step of the dtype.

    >>> Beta(torch.tensor(1e7), torch.tensor(1e7)).log_prob(torch.tensor(0.5))
    tensor(8.1798)
    """

    def __init__(
        self, concentration1: Tensor | float, concentration0: Tensor | float, validate_args: bool | None = None
    ) -> None:
        pair = torch.stack(broadcast_all(concentration1, concentration0), -1)
        # Not torch's constructor: its inner distribution validates whatever this one does.
        self._dirichlet = dist.Dirichlet(pair, validate_args=False)
        super(torch.distributions.Beta, self).__init__(pair.shape[:-1], validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: Any = None) -> Any:
        """The same distribution for a larger batch_shape."""
        return super().expand(batch_shape, self._get_checked_instance(Beta, _instance))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        a, b = self.concentration1, self.concentration0
        dtype = torch.promote_types(value.dtype, a.dtype)
        return beta_log_prob(value, a, b, dtype)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Samples of shape sample_shape + batch_shape, with gradients."""
        a, b = self.concentration1, self.concentration0
        shape = self._extended_shape(sample_shape)
        sample = torch.sigmoid(log_gamma_sample(a, shape) - log_gamma_sample(b, shape)).to(a.dtype)
        limits = torch.finfo(a.dtype)
        return sample.clamp(limits.tiny, 1.0 - limits.eps / 2.0)


class BetaLaw(Law):
    """Beta(a, b). Its mode is an edge where a concentration is below 1, and the mean where the density is flat."""

    a: Array
    b: Array
    claims = claims(
        mode=Claim("exact", "an edge where a concentration is < 1: of two the one with more mass, else 0; 1/2 if flat"),
        interval=Claim("exact", "the highest-density one is inverted"),
    )

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

    def crps(self, y: Array) -> Array:
        a, b = self.a, self.b
        share = special.betainc(a + 1.0, b, np.clip(y, 0.0, 1.0))
        log_half_gini = special.betaln(2.0 * a, 2.0 * b) - 2.0 * special.betaln(a, b) - np.log(a)
        return crps_from_moments(y, self.cdf(y), self.mean(), share, 2.0 * np.exp(log_half_gini))


@law_of.register
def _law(beta: dist.Beta) -> Law:
    return BetaLaw(beta, a=beta.concentration1, b=beta.concentration0)


@log_tails.register
def _log_tails(beta: dist.Beta, y: Tensor) -> LogTails:
    return beta_log_tails(wide(y), wide(beta.concentration1), wide(beta.concentration0))


def beta_log_tails(y: Tensor, concentration1: Tensor, concentration0: Tensor) -> LogTails:
    """Both tails of Beta(concentration1, concentration0) at y, all (...) in float64."""
    y, a, b = torch.broadcast_tensors(y, concentration1, concentration0)
    rest = 1.0 - y
    is_upper = y * b > rest * a
    beyond = log_beta_tail(*(torch.where(is_upper, x, z) for x, z in ((b, a), (a, b), (rest, y), (y, rest))))
    return from_tail(beta_log_prob(y, a, b, y.dtype) + y.log() + rest.log() + beyond, is_upper)
