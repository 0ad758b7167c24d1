"""The negative binomial distribution by its mean and dispersion, right down to the Poisson limit."""

from __future__ import annotations

from typing import Any

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.utils import broadcast_all
from torch.types import _size

from likelihead.distributions.stirling import (
    HALF_LOG_2PI,
    Formula,
    digamma_remainder,
    log_ratio,
    log_ratio_value,
    remainder_value,
    wide,
)


class _LogProb(Formula):
    @staticmethod
    def forward(y: Tensor, mean: Tensor, dispersion: Tensor) -> Tensor:
        dtype, a, m, count = mean.dtype, wide(dispersion), wide(mean), wide(y)
        z, r, of_y = count + 1.0, a.reciprocal(), a * count + 1.0
        ratio = log_ratio_value(of_y, a * m + 1.0, a * (count - m))
        near = ratio.mul_(r + count).add_(torch.xlogy(count, m / z)).sub_(of_y.mul_(z).log_(), alpha=0.5)
        of_sum, of_r, of_z = (remainder_value(x.to(dtype), dtype) for x in (r + count, r, z))
        return near.to(dtype).add_(of_sum.sub_(of_r).sub_(of_z)).add_(1.0 - HALF_LOG_2PI)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, Tensor]:
        y, mean, dispersion = ctx.saved_tensors
        dtype, a, m, count = mean.dtype, wide(dispersion), wide(mean), wide(y)
        excess, of_mean = a * (count - m), a * m + 1.0
        step = excess / of_mean
        near = (step - log_ratio(a * count + 1.0, of_mean, excess)) / a
        r = a.reciprocal().to(dtype)
        bend = digamma_remainder(r, dtype) - digamma_remainder((a.reciprocal() + count).to(dtype), dtype)
        by_mean = (step / (a * m)).to(dtype)
        return None, gradient * by_mean, gradient * ((near.to(dtype) + r * bend) / dispersion)


class NegativeBinomial(TorchDistribution):
    """NegativeBinomial(mean, dispersion), both (...): counts with variance mean + dispersion mean^2.

    The NB2 of Cameron & Trivedi (1998). With r = 1 / dispersion, a = dispersion and m = mean,
    log p(y) = lgamma(y + r) - lgamma(r) - log(y!) + y log(a m) - (y + r) log(1 + a m). By Stirling's formula, with its
    remainder mu and z = y + 1, that is (r + y) log((1 + a y) / (1 + a m)) + y log(m / z) - log((1 + a y) z) / 2
    + 1 - log(2 pi) / 2 + mu(r + y) - mu(r) - mu(z), in which nothing grows with r.
    As a goes to 0 it is the Poisson distribution; Pyro's own is off by 200 there.

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
        log_prob: Tensor = _LogProb.apply(*torch.broadcast_tensors(y, self.mean, self.dispersion))
        return log_prob
