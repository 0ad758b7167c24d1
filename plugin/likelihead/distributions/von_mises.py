"""The von Mises distribution on the circle, right for any concentration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor

from likelihead.distributions.stirling import Formula, wide

#: Of 1 - I1(x) / I0(x) in powers of 1/x (Hankel's expansions divided), and from where on they serve, by dtype.
_ASYMPTOTIC = (1 / 2, 1 / 8, 1 / 8, 25 / 128, 13 / 32, 1073 / 1024)
_LARGE = {torch.float32: 16.0, torch.float64: 100.0}
#: I0(x) in powers of (x / 3.75)^2 below 3.75, and sqrt(x) exp(-x) I0(x) in powers of 3.75 / x above it, both to 2e-7
#: (Abramowitz & Stegun, 1964, 9.8.1 and 9.8.2).
_BREAK = 3.75
_SMALL_I0 = (1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813)
_LARGE_I0 = (
    0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281, -0.02057706, 0.02635537, -0.01647633, 0.00392377,
)  # fmt: skip


def one_minus_resultant(x: Tensor) -> Tensor:
    """1 - I1(x) / I0(x), the circular variance at concentration x, (...), with full relative accuracy.

    >>> one_minus_resultant(torch.tensor([0.0, 1.0, 1e8]))
    tensor([1.0000e+00, 5.5361e-01, 5.0000e-09])
    """
    return _one_minus_resultant(x, torch.special.i0e(x))


def _one_minus_resultant(x: Tensor, i0e: Tensor) -> Tensor:
    large = _LARGE.get(x.dtype, 16.0)
    inverse = x.clamp(min=large).reciprocal()
    tail = _horner(inverse, _ASYMPTOTIC) * inverse
    return torch.where(x < large, 1.0 - torch.special.i1e(x) / i0e, tail)


def _horner(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    total = (x * coefficients[-1]).add_(coefficients[-2])
    for coefficient in reversed(coefficients[:-2]):
        total = total.mul_(x).add_(coefficient)
    return total


def _i0e(x: Tensor) -> Tensor:
    """exp(-x) I0(x); in float32 by polynomials, as torch's own takes more time than the rest of the family."""
    if x.dtype != torch.float32:
        return torch.special.i0e(x)
    near, far = x.clamp(max=_BREAK), x.clamp(min=_BREAK)
    inside = _horner((near / _BREAK).square(), _SMALL_I0) * torch.exp(-near)
    return torch.where(x < _BREAK, inside, _horner(_BREAK / far, _LARGE_I0) * far.rsqrt())


class _LogI0e(Formula):
    """log(exp(-x) I0(x)) for x >= 0. Its slope I1 / I0 - 1 cancels at large x if it is taken term by term."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return _i0e(x).log()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        x, value = ctx.saved_tensors
        return -gradient * _one_minus_resultant(x, value.exp())


def log_i0e(x: Tensor) -> Tensor:
    """log(exp(-x) I0(x)) for x >= 0, (...), with a gradient that is right at any x.

    >>> log_i0e(torch.tensor([1.0, 1e8]))
    tensor([ -0.7641, -10.1293])
    """
    value: Tensor = _LogI0e.apply(x)
    return value


class VonMises(dist.VonMises):
    """VonMises(loc, concentration), all of shape (...): angles y around loc, uniform at concentration 0.

    log p(y) = -2 k sin^2((y - loc) / 2) - log(2 pi) - log(exp(-k) I0(k)), k the concentration, with the difference
    of angles in float64. Any y and loc are taken modulo 2 pi.

    >>> VonMises(torch.tensor(0.0), torch.tensor(1e8)).log_prob(torch.tensor(0.0))
    tensor(8.2914)
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        turn = wide(value) - wide(self.loc)
        turn = turn - (turn.detach() / (2.0 * math.pi)).round_().mul_(2.0 * math.pi)
        sine = (0.5 * turn.to(torch.promote_types(value.dtype, self.loc.dtype))).sin()
        distance = self.concentration * sine * sine
        return -2.0 * distance - log_i0e(self.concentration) - math.log(2.0 * math.pi)

    @property
    def variance(self) -> Tensor:
        """The circular variance 1 - I1(k) / I0(k)."""
        return one_minus_resultant(self.concentration)
