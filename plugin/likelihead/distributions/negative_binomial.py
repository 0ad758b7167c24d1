"""The negative binomial distribution by its mean and dispersion, right down to the Poisson limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyro.distributions as dist
import torch
from pyro.distributions import TorchDistribution
from scipy import special
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.utils import broadcast_all
from torch.types import _size

from likelihead.distributions.formula import Derivatives, Formula
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
from likelihead.laws.counts import CountLaw
from likelihead.laws.crps import crps_from_moments
from likelihead.laws.law import Array, Law, law_of, numbers


class _LogProb(Formula):
    @staticmethod
    def forward(y: Tensor, mean: Tensor, dispersion: Tensor) -> Tensor:
        dtype, a, m, count = mean.dtype, wide(dispersion), wide(mean), wide(y)
        z, r, of_y = count + 1.0, a.reciprocal(), a * count + 1.0
        ratio = log_ratio_value(of_y, a * m + 1.0, a * (count - m))
        leading = ratio.mul_(r + count).add_(torch.xlogy(count, m / z)).sub_(of_y.mul_(z).log_(), alpha=0.5)
        of_sum, of_r, of_z = (remainder_value(x.to(dtype), dtype) for x in (r + count, r, z))
        return leading.to(dtype).add_(of_sum.sub_(of_r).sub_(of_z)).add_(1.0 - HALF_LOG_2PI)

    @staticmethod
    def derivatives(needed: Sequence[bool], value: Tensor, y: Tensor, mean: Tensor, dispersion: Tensor) -> Derivatives:
        dtype = value.dtype
        a, m, count = wide(dispersion), wide(mean), wide(y)
        excess, of_mean = a * (count - m), a * m + 1.0
        step = excess / of_mean
        leading = (step - log_ratio(a * count + 1.0, of_mean, excess)) / a
        r = a.reciprocal().to(dtype)
        remainders = digamma_remainder(r, dtype) - digamma_remainder((a.reciprocal() + count).to(dtype), dtype)
        return None, (step / (a * m)).to(dtype), (leading.to(dtype) + r * remainders) / dispersion


class NegativeBinomial(TorchDistribution):
    """NegativeBinomial(mean, dispersion), both (...): counts with variance mean + dispersion mean^2.

    The NB2 of Cameron & Trivedi (1998). With r = 1 / dispersion, a = dispersion and m = mean,
    log p(y) = lgamma(y + r) - lgamma(r) - log(y!) + y log(a m) - (y + r) log(1 + a m). By Stirling's formula, with its
    remainder mu and z = y + 1, that is (r + y) log((1 + a y) / (1 + a m)) + y log(m / z) - log((1 + a y) z) / 2
    + 1 - log(2 pi) / 2 + mu(r + y) - mu(r) - mu(z), in which nothing grows with r.
    As a goes to 0 it is the Poisson distribution; Pyro's class is off by 200 there.

    >>> NegativeBinomial(torch.tensor(2.0), torch.tensor(1e-10)).log_prob(torch.tensor(3.0))
    tensor(-1.7123)
    """

    arg_constraints = {"mean": constraints.positive, "dispersion": constraints.positive}  # noqa: RUF012
    support = constraints.nonnegative_integer
    #: What an exposure multiplies.
    exposure_parameter = "mean"

    def __init__(self, mean: Tensor | float, dispersion: Tensor | float, validate_args: bool | None = None) -> None:
        self._mean, self.dispersion = broadcast_all(mean, dispersion)
        super().__init__(self._mean.shape, validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: Any = None) -> NegativeBinomial:
        """The same distribution for a larger batch_shape."""
        shape = torch.Size(batch_shape)
        return type(self)(self._mean.expand(shape), self.dispersion.expand(shape), validate_args=self._validate_args)

    @property
    def mean(self) -> Tensor:
        """The expected count."""
        return self._mean

    @property
    def variance(self) -> Tensor:
        """mean + dispersion mean^2."""
        return self.mean + self.dispersion * self.mean.square()

    @property
    def mode(self) -> Tensor:
        """The likeliest count, floor(mean (1 - dispersion)); 0 from dispersion 1 on."""
        return (self.mean * (1.0 - self.dispersion)).clamp(min=0.0).floor()

    @property
    def total_count(self) -> Tensor:
        """r = 1 / dispersion, as Pyro and scipy call it."""
        return self.dispersion.reciprocal()

    @property
    def logits(self) -> Tensor:
        """log(dispersion mean), the log-odds in Pyro's parametrisation."""
        return self.dispersion.log() + self.mean.log()

    @property
    def probs(self) -> Tensor:
        """dispersion mean / (1 + dispersion mean), the probability in Pyro's parametrisation."""
        return self.logits.sigmoid()

    @torch.no_grad()
    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Counts of shape sample_shape + batch_shape: a Poisson with a gamma distributed rate."""
        shape = self._extended_shape(torch.Size(sample_shape))
        r, mean = wide(self.total_count).expand(shape), wide(self.mean)
        rate = torch._standard_gamma(r) / r * mean
        return torch.poisson(rate).to(self.mean.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for whole numbers of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        y = value.to(self.mean.dtype)
        return _LogProb.of(*torch.broadcast_tensors(y, self.mean, self.dispersion))


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

    def cdf_at_count(self, count: Array) -> Array:
        return _cdf(count, self.failures, self.average, self.failures)

    def crps(self, y: Array) -> Array:
        count = np.floor(y) - 1.0
        share = _cdf(np.maximum(count, 0.0), self.failures + 1.0, self.average, self.failures)
        return crps_from_moments(
            y, self.cdf(y), self.mean(), np.where(count < 0.0, 0.0, share), self._half_gini() / self.average
        )

    def _half_gini(self) -> Array:
        """E|Y - Y'| / 2 = 1 / (2 pi) times the integral over (0, pi) of (1 - |phi(t)|^2) / (1 - cos t).

        phi is the characteristic function: |phi|^2 = (1 + 4 V s^2 / r)^-r, s = sin(t / 2), V the variance and r the
        number of failures. Gauss-Legendre on intervals that halve towards 0 until far below the width of phi.
        """
        nodes, weights = np.polynomial.legendre.leggauss(8)
        tops = math.pi * 2.0 ** -np.arange(0.0, 60.0)
        bottoms = np.append(tops[1:], 0.0)
        t = (0.5 * (tops + bottoms)[:, None] + 0.5 * (tops - bottoms)[:, None] * nodes).ravel()
        weight = (0.5 * (tops - bottoms)[:, None] * weights).ravel()
        total = np.zeros(self.shape)
        odds = 4.0 * self.deviation() ** 2 / self.failures
        for square, share in zip(np.sin(0.5 * t) ** 2, weight, strict=True):
            total += share * -np.expm1(-self.failures * np.log1p(odds * square)) / (2.0 * square)
        return total / (2.0 * math.pi)


def _cdf(count: Array, failures: Array, success: Array, failure: Array) -> Array:
    """P(Y <= count) with `failures` failures, the odds of a success against a failure being `success` to `failure`.

    The incomplete beta function of the smaller of the two probabilities, so that neither limit loses digits.
    """
    count, failures, success, failure = np.broadcast_arrays(count, failures, success, failure)
    total, fails_less = success + failure, failure < success
    result = np.empty(count.shape)
    special.betainc(failures, count + 1.0, failure / total, out=result, where=fails_less)
    special.betaincc(count + 1.0, failures, success / total, out=result, where=~fails_less)
    return result


@law_of.register
def _law(counts: NegativeBinomial) -> Law:
    return NegativeBinomialLaw(counts, average=counts.mean, failures=counts.total_count)


@law_of.register
def _law_by_odds(counts: dist.NegativeBinomial) -> Law:
    average = numbers(counts.total_count) * np.exp(numbers(counts.logits))
    return NegativeBinomialLaw(counts, average=average, failures=counts.total_count)


@law_of.register
def _law_of_geometric(counts: dist.Geometric) -> Law:
    return NegativeBinomialLaw(counts, average=np.exp(-numbers(counts.logits)), failures=1.0)


@law_of.register
def _law_of_gamma_poisson(counts: dist.GammaPoisson) -> Law:
    return NegativeBinomialLaw(counts, average=counts.concentration / counts.rate, failures=counts.concentration)


@log_tails.register
def _log_tails(counts: NegativeBinomial, y: Tensor) -> LogTails:
    """P(Y <= y) = P(Z <= p), Z ~ Beta(r, y + 1) and p = 1 / (1 + dispersion mean)."""
    mean, dispersion, y = torch.broadcast_tensors(wide(counts.mean), wide(counts.dispersion), wide(y))
    r, z, odds = dispersion.reciprocal(), y + 1.0, dispersion * mean
    success, failure = odds / (1.0 + odds), 1.0 / (1.0 + odds)
    is_upper = mean < z
    pairs = ((z, r), (r, z), (success, failure), (failure, success))
    beyond = log_beta_tail(*(torch.where(is_upper, above, below) for above, below in pairs))
    start = _LogProb.of(y, mean, dispersion) + mean.log() + log_ratio(1.0 + dispersion * y, 1.0 + odds)
    return from_tail(start + beyond, is_upper)


@log_tails.register
def _log_tails_by_odds(counts: dist.NegativeBinomial, y: Tensor) -> LogTails:
    total = wide(counts.total_count)
    return log_tails(NegativeBinomial(total * wide(counts.logits).exp(), total.reciprocal()), y)
