"""The Tweedie distribution with a power between 1 and 2: a Poisson number of gamma variates, so often exactly 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.utils import broadcast_all
from torch.types import _size

from likelihead.distributions.formula import Derivatives, Formula
from likelihead.distributions.gamma import log_gamma_sample
from likelihead.distributions.stirling import remainder_slope, remainder_value, wide
from likelihead.laws.law import Law, law_of
from likelihead.laws.tweedie import TweedieLaw

#: The terms of the series that are summed, and how many standard deviations of them on either side of the largest.
_NODES, _REACH = 80, 8.5
_LOG_2PI = float(np.log(2.0 * np.pi))


def _nodes(peak: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers of claims (..., n) at which the terms of the series count, and the step (...) between them.

    All whole numbers where n of them reach; else every step-th, which gives the same sum to the last digit, since the
    terms are then a smooth curve many steps wide, and nothing is left of it at 1.
    """
    deviation = (peak / (1.0 + shape)).sqrt()
    first = torch.floor(peak - _REACH * deviation).clamp(min=1.0)
    last = peak + _REACH * deviation + 12.0 / (1.0 + shape) + 2.0
    step = ((last - first) / (_NODES - 1)).clamp(min=1.0)
    numbers = torch.arange(_NODES, dtype=peak.dtype, device=peak.device)
    return first.unsqueeze(-1) + step.unsqueeze(-1) * numbers, step


def _deviance(j: Tensor, m: Tensor) -> Tensor:
    """j log(m / j) + j - m, which is 0 at j = m and negative elsewhere, without cancellation."""
    ratio = (j - m) / m
    # The series of x - (1 + x) log(1 + x).
    near = sum(((-ratio) ** k / (k * (k - 1)) for k in range(9, 1, -1)), torch.zeros_like(ratio))
    far = ratio - (1.0 + ratio) * torch.log(j / m)
    return m * torch.where(ratio.abs() < 0.01, -near, far)


def _exponents(m: Tensor, shape: Tensor, precision: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """The numbers of claims (..., n), the logarithms of their terms, and those of the steps (...)."""
    j, step = _nodes(m, shape)
    m, shape = m.unsqueeze(-1), shape.unsqueeze(-1)
    remainders = remainder_value(j, precision) + remainder_value(j * shape, precision)
    return j, (1.0 + shape) * _deviance(j, m) - remainders, step.log()


class _LogSeries(Formula):
    """log of the sum over j >= 1 of Poisson(j; m) times x Gamma(x; j shape, 1) at x = m shape; m and shape (...).

    By Stirling's formula each term is sqrt(shape) / (2 pi) exp((1 + shape) (j log(m / j) + j - m) - mu(j)
    - mu(j shape)), mu being the remainder of the formula, in which nothing large cancels.
    """

    @staticmethod
    def forward(m: Tensor, shape: Tensor, precision: torch.dtype) -> Tensor:
        _, exponents, log_step = _exponents(m, shape, precision)
        return exponents.logsumexp(-1) + log_step + 0.5 * shape.log() - _LOG_2PI

    @staticmethod
    def derivatives(needed: Sequence[bool], value: Tensor, m: Tensor, shape: Tensor) -> Derivatives:
        j, exponents, _ = _exponents(m, shape, torch.float64)
        share = torch.softmax(exponents, -1)
        wide_m, wide_shape = m.unsqueeze(-1), shape.unsqueeze(-1)
        d_m = (1.0 + shape) * (share * (j - wide_m) / wide_m).sum(-1)
        each = _deviance(j, wide_m) - j * remainder_slope(j * wide_shape, torch.float64)
        return d_m, (share * each).sum(-1) + 0.5 / shape, None


def tweedie_log_prob(y: Tensor, mean: Tensor, dispersion: Tensor, power: Tensor, precision: torch.dtype) -> Tensor:
    """log p(y) in float64; all of one shape and float64. See `Tweedie`."""
    above, below = 2.0 - power, power - 1.0
    is_zero = y == 0.0
    y = torch.where(is_zero, mean.detach(), y)
    none = -mean.pow(above) / (dispersion * above)
    peak = y.pow(above) / (dispersion * above)
    ratio = (mean / y).log()
    deviance = above * peak * (torch.expm1(-below * ratio) / below + torch.expm1(above * ratio) / above)
    some = _LogSeries.of(peak, above / below, precision) - y.log() - deviance
    return torch.where(is_zero, none, some)


class Tweedie(TorchDistribution):
    """Tweedie(mean, dispersion, power), all of shape (...), 1 < power < 2, y >= 0: variance dispersion mean^power.

    The sum of N gamma variates, N being a Poisson variate of rate mean^(2 - power) / (dispersion (2 - power)): claims of
    a year, rain of a day. y = 0 has probability exp(-rate). With m = y^(2 - power) / (dispersion (2 - power)) and
    the shape a = (2 - power) / (power - 1) of one gamma variate,
    log p(y) = log S(m, a) - log y - d(y) / (2 dispersion), where d is the unit deviance and S a sum over N
    (Dunn & Smyth, 2005) that is taken to the last digit of float64.

    >>> rain = Tweedie(torch.tensor(2.0), torch.tensor(1.0), torch.tensor(1.5))
    >>> rain.log_prob(torch.tensor([0.0, 2.0]))
    tensor([-2.8284, -1.4862])
    """

    arg_constraints = {  # noqa: RUF012
        "mean": constraints.positive,
        "dispersion": constraints.positive,
        "power": constraints.interval(1.0, 2.0),
    }
    support = constraints.nonnegative
    #: What an exposure multiplies.
    exposure_parameter = "mean"

    def __init__(
        self,
        mean: Tensor | float,
        dispersion: Tensor | float,
        power: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        self._mean, self.dispersion, self.power = broadcast_all(mean, dispersion, power)
        super().__init__(self._mean.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """The expectation."""
        return self._mean

    @property
    def variance(self) -> Tensor:
        """dispersion mean^power."""
        return self.dispersion * self.mean.pow(self.power)

    def expand(self, batch_shape: _size, _instance: Any = None) -> Tweedie:
        """The same distribution for a larger batch_shape."""
        shape = torch.Size(batch_shape)
        parts = (part.expand(shape) for part in (self.mean, self.dispersion, self.power))
        return type(self)(*parts, validate_args=self._validate_args)

    @torch.no_grad()
    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Samples of shape sample_shape + batch_shape: a gamma variate whose shape is that of N of them."""
        mean, dispersion, power = wide(self.mean), wide(self.dispersion), wide(self.power)
        above, below = 2.0 - power, power - 1.0
        rate = mean.pow(above) / (dispersion * above)
        number = torch.poisson(rate.expand(self._extended_shape(sample_shape)))
        concentration = (number * above / below).clamp(min=torch.finfo(number.dtype).tiny)
        drawn = (log_gamma_sample(concentration, number.shape) + (dispersion * below).log() + below * mean.log()).exp()
        least = torch.finfo(self.mean.dtype).tiny
        return torch.where(number > 0.0, drawn.clamp(min=least), 0.0).to(self.mean.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        dtype = torch.promote_types(value.dtype, self.mean.dtype)
        parts = torch.broadcast_tensors(*map(wide, (value, self.mean, self.dispersion, self.power)))
        return tweedie_log_prob(*parts, dtype).to(dtype)


@law_of.register
def _law(tweedie: Tweedie) -> Law:
    return TweedieLaw(tweedie, average=tweedie.mean, dispersion=tweedie.dispersion, power=tweedie.power)
