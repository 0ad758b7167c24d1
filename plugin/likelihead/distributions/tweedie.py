"""The Tweedie distribution with a power between 1 and 2: a Poisson number of gamma variates, so often exactly 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from pyro.distributions import TorchDistribution
from scipy import special
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.utils import broadcast_all
from torch.types import _size

from likelihead.distributions.formula import Derivatives, Formula
from likelihead.distributions.gamma import log_gamma_sample
from likelihead.distributions.stirling import remainder, remainder_slope, remainder_value, wide
from likelihead.distributions.tail_integral import log_gamma_tail
from likelihead.distributions.tails import LogTails, from_tail, log_tails
from likelihead.laws import search
from likelihead.laws.law import INVERTED, Array, Claim, Law, claims, law_of

#: The terms of the series that are summed, for densities and for tails, and how many standard deviations of them on
#: either side of the largest.
_NODES, _TAIL_NODES, _REACH = 80, 120, 8.5
#: The rounding errors of the cdf, a sum of about a hundred terms, as a share of it.
_ROUNDING = 1e-13
_LOG_2PI = float(np.log(2.0 * np.pi))


def _nodes(peak: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers of claims (..., n) at which the terms of the series count, and the step (...) between them."""
    deviation = (peak / (1.0 + shape)).sqrt()
    return _grid(peak - _REACH * deviation, peak + _REACH * deviation + 12.0 / (1.0 + shape) + 2.0, _NODES)


def _grid(first: Tensor, last: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """`count` numbers from 1 or `first` on (..., n), and the step (...) between them.

    All whole numbers where that many reach to `last`; else every step-th, which gives the same sum to the last digit,
    since the terms are then a smooth curve many steps wide, and nothing is left of it at 1.
    """
    first = torch.floor(first.detach()).clamp(min=1.0)
    step = ((last.detach() - first) / (count - 1)).clamp(min=1.0)
    numbers = torch.arange(count, dtype=first.dtype, device=first.device)
    return first.unsqueeze(-1) + step.unsqueeze(-1) * numbers, step


def _deviance(j: Tensor, m: Tensor) -> Tensor:
    """j log(m / j) + j - m, which is 0 at j = m and negative elsewhere, without cancellation."""
    ratio = (j - m) / m
    # The series of (1 + x) log(1 + x) - x in powers of -x, from the highest on.
    near = torch.zeros_like(ratio)
    for k in range(9, 1, -1):
        near = near * -ratio + 1.0 / (k * (k - 1))
    near = near * ratio * ratio
    far = ratio - (1.0 + ratio) * torch.log(j / m)
    return m * torch.where(ratio.abs() < 0.01, -near, far)


class _LogSeries(Formula):
    """log of the sum over j >= 1 of Poisson(j; m) times x Gamma(x; j shape, 1) at x = m shape; m and shape (...).

    By Stirling's formula each term is sqrt(shape) / (2 pi) exp((1 + shape) (j log(m / j) + j - m) - mu(j)
    - mu(j shape)), mu being the remainder of the formula, in which nothing large cancels.
    """

    @staticmethod
    def forward(m: Tensor, shape: Tensor, precision: torch.dtype) -> Tensor:
        j, step = _nodes(m, shape)
        a = shape.unsqueeze(-1)
        remainders = remainder_value(j, precision) + remainder_value(j * a, precision)
        exponents = (1.0 + a) * _deviance(j, m.unsqueeze(-1)) - remainders
        return exponents.logsumexp(-1) + (step * shape.sqrt()).log() - _LOG_2PI

    @staticmethod
    def derivatives(needed: Sequence[bool], value: Tensor, m: Tensor, shape: Tensor) -> Derivatives:
        j, _ = _nodes(m, shape)
        wide_m, a = m.unsqueeze(-1), shape.unsqueeze(-1)
        deviance = _deviance(j, wide_m)
        share = torch.softmax((1.0 + a) * deviance - remainder(j) - remainder(j * a), -1)
        d_m = (1.0 + shape) * (share * (j - wide_m)).sum(-1) / m
        each = deviance - j * remainder_slope(j * a, m.dtype)
        return d_m, (share * each).sum(-1) + 0.5 / shape, None


def _rate(mean: Tensor, dispersion: Tensor, power: Tensor) -> Tensor:
    """The expected number of gamma variates: mean^(2 - power) / (dispersion (2 - power))."""
    above = 2.0 - power
    return mean.pow(above) / (dispersion * above)


def tweedie_log_prob(y: Tensor, mean: Tensor, dispersion: Tensor, power: Tensor, precision: torch.dtype) -> Tensor:
    """log p(y) in float64; all of one shape and float64. See `Tweedie`."""
    above, below = 2.0 - power, power - 1.0
    is_zero = y == 0.0
    y = torch.where(is_zero, mean.detach(), y)
    peak = _rate(y, dispersion, power)
    ratio = (mean / y).log()
    deviance = above * peak * (torch.expm1(-below * ratio) / below + torch.expm1(above * ratio) / above)
    some = _LogSeries.of(peak, above / below, precision) - y.log() - deviance
    return torch.where(is_zero, -_rate(mean, dispersion, power), some)


class Tweedie(TorchDistribution):
    """Tweedie(mean, dispersion, power), all of shape (...), 1 < power < 2, y >= 0: variance dispersion mean^power.

    The sum of N gamma variates, where N is Poisson of rate mean^(2 - power) / (dispersion (2 - power)): the claims of a
    year, the rain of a day. y = 0 has probability exp(-rate). With m = y^(2 - power) / (dispersion (2 - power)) and the
    shape a = (2 - power) / (power - 1) of one gamma variate,
    log p(y) = log S(m, a) - log y - d(y) / (2 dispersion), where d is the unit deviance and S a sum over N
    (Dunn & Smyth, 2005) that is taken to the last digit of float64.

    >>> rain = Tweedie(torch.tensor(2.0), torch.tensor(1.0), torch.tensor(1.5))
    >>> rain.log_prob(torch.tensor([0.0, 2.0]))
    tensor([-2.8284, -1.5122])
    """

    arg_constraints = {  # noqa: RUF012
        "mean": constraints.positive,
        "dispersion": constraints.positive,
        "power": constraints.interval(1.0, 2.0),
    }
    support = constraints.nonnegative
    #: 0 has a probability of its own.
    has_mass_at_zero = True
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
        mean, dispersion, power = (part.expand(shape) for part in (self.mean, self.dispersion, self.power))
        return type(self)(mean, dispersion, power, validate_args=self._validate_args)

    @torch.no_grad()
    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Samples of shape sample_shape + batch_shape: a gamma variate whose shape is that of N of them."""
        mean, dispersion, power = wide(self.mean), wide(self.dispersion), wide(self.power)
        above, below = 2.0 - power, power - 1.0
        rate = _rate(mean, dispersion, power)
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
        parts = map(wide, (value, self.mean, self.dispersion, self.power))
        y, mean, dispersion, power = torch.broadcast_tensors(*parts)
        return tweedie_log_prob(y, mean, dispersion, power, dtype).to(dtype)


class TweedieLaw(Law):
    """A Poisson number of gamma variates: `rate` of them, each of shape `shape` and scale `scale`."""

    rate: Array
    gamma_shape: Array
    scale: Array
    atom = True
    unimodal = False
    claims = claims(
        mode=Claim("undefined", "a mass at 0 and a density do not compare: use median(dist)"),
        median=INVERTED,
        quantile=Claim("inverted", "0 up to the mass at 0"),
        interval=Claim("inverted", "the highest-density one starts at 0"),
        pit=Claim("exact", "randomised at 0"),
    )

    def mean(self) -> Array:
        return self.rate * self.gamma_shape * self.scale

    def _numbers(self) -> tuple[Array, Array]:
        """Numbers of gamma variates (n, *shape), and the probability of each."""
        rate, shape = torch.from_numpy(self.rate.copy()), torch.from_numpy(self.gamma_shape.copy())
        first, last = rate - _REACH * rate.sqrt(), rate + _REACH * rate.sqrt() + 14.0
        wanted = (last - first) / (0.17 * (rate / (1.0 + shape)).sqrt()).clamp(min=1.0)
        j, _ = _grid(first, last, int(wanted.max().clamp(2.0, 1e5)) + 2)
        exponents = _deviance(j, rate.unsqueeze(-1)) - 0.5 * j.log() - remainder(j)
        share = torch.softmax(exponents, -1) * -torch.expm1(-rate).unsqueeze(-1)
        return np.moveaxis(j.numpy(), -1, 0), np.moveaxis(share.numpy(), -1, 0)

    def _sum(self, y: Array, further: float, weigh: bool = False) -> Array:
        """The sum over the numbers of P(gamma variate <= y), its shape larger by `further`; weighed by the number."""
        scaled = np.maximum(y, 0.0) / self.scale
        total = np.zeros(np.broadcast_shapes(np.shape(y), self.shape))
        for number, share in zip(*self._numbers(), strict=True):
            weight = share * number if weigh else share
            total += weight * special.gammainc(number * self.gamma_shape + further, scaled)
        return total

    def cdf(self, y: Array) -> Array:
        return np.where(y < 0.0, 0.0, np.minimum(np.exp(-self.rate) + self._sum(y, 0.0), 1.0))

    def below(self, y: Array) -> Array:
        return np.where(y <= 0.0, 0.0, self.cdf(y))

    def quantile(self, q: Array) -> Array:
        q = np.broadcast_to(q, np.broadcast_shapes(np.shape(q), self.shape))
        zero = np.exp(-self.rate)
        deviation = self.scale * np.sqrt(self.rate * self.gamma_shape * (1.0 + self.gamma_shape))
        # Cantelli's inequality.
        upper = self.mean() + deviation * np.sqrt(q / np.maximum(1.0 - q, 1e-16))
        inside = np.clip(q, zero, 1.0 - 1e-16)
        found = search.crossing(
            self.cdf, self.log_density, inside, np.full(q.shape, 1e-300), upper, tolerance=_ROUNDING
        )
        return np.where(q <= zero, 0.0, np.where(q < 1.0, found, np.inf))

    def highest_interval(self, mass: float) -> tuple[Array, Array]:
        """From 0 on: the mass there is more than any density."""
        return np.zeros(self.shape), self.quantile(np.full(self.shape, mass))

    def crps(self, y: Array) -> Array:
        """E|Y - y| - E|Y - Y'| / 2, the first from the partial mean, the second from the characteristic function."""
        below = self.gamma_shape * self.scale * self._sum(y, 1.0, weigh=True)
        return y * (2.0 * self.cdf(y) - 1.0) + self.mean() - 2.0 * below - self._half_gini()

    def _half_gini(self) -> Array:
        """E|Y - Y'| / 2: one over pi times the integral over t > 0 of (1 - |E exp(itY)|^2) / t^2, along log t."""
        a = self.gamma_shape
        unit = 1.0 / np.sqrt(self.rate * a * (1.0 + a))
        step = min(0.1, 0.7 / float(np.sqrt(max(a.max(initial=0.0), 1.0))))
        total = np.zeros(self.shape)
        for place in np.arange(-37.0, 37.0, step):
            t = unit * np.exp(place)
            real = np.exp(-0.5 * a * np.log1p(t * t)) * np.cos(a * np.arctan(t))
            total -= np.expm1(-2.0 * self.rate * (1.0 - real)) / t
        return self.scale * step * total / np.pi


@law_of.register
def _law(tweedie: Tweedie) -> Law:
    above, below = 2.0 - tweedie.power, tweedie.power - 1.0
    rate = _rate(tweedie.mean, tweedie.dispersion, tweedie.power)
    scale = tweedie.dispersion * below * tweedie.mean.pow(below)
    return TweedieLaw(tweedie, rate=rate, gamma_shape=above / below, scale=scale)


@log_tails.register
def _log_tails(tweedie: Tweedie, y: Tensor) -> LogTails:
    """The sum over the numbers of gamma variates near that which is the most likely at y."""
    parts = map(wide, (y, tweedie.mean, tweedie.dispersion, tweedie.power))
    y, mean, dispersion, power = torch.broadcast_tensors(*parts)
    above, below = 2.0 - power, power - 1.0
    shape, rate = above / below, _rate(mean, dispersion, power)
    is_zero, is_upper = y == 0.0, y > mean
    y = torch.where(is_zero, mean.detach(), y)
    peak = _rate(y, dispersion, power)
    reach = _REACH * peak.sqrt()
    j, step = _grid(peak - reach, peak + reach + 14.0, _TAIL_NODES)
    scaled = (y / (dispersion * below * mean.pow(below))).unsqueeze(-1)
    weights = _deviance(j, rate.unsqueeze(-1)) - 0.5 * j.log() - remainder(j) - 0.5 * _LOG_2PI
    tail = _gamma_tail(j * shape.unsqueeze(-1), scaled, is_upper.unsqueeze(-1))
    log_tail = (weights + tail).logsumexp(-1) + step.log()
    log_tail = torch.where(is_upper, log_tail, torch.logaddexp(log_tail, -rate))
    return from_tail(torch.where(is_zero, -rate, log_tail), is_upper)


def _gamma_tail(a: Tensor, x: Tensor, is_upper: Tensor) -> Tensor:
    """log P(X > x) of a gamma variate of shape a where `is_upper`, else log P(X <= x); (..., n) float64."""
    a, x, is_upper = torch.broadcast_tensors(a, x, is_upper)
    is_far = x > a
    density = a * x.log() - x - torch.lgamma(a)
    tails = from_tail(density + log_gamma_tail(a, x, is_far), is_far)
    return torch.where(is_upper, tails.log_survival, tails.log_cdf)
