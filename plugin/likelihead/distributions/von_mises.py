"""The von Mises distribution on the circle, right for any concentration."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyro.distributions as dist
import torch
from scipy import special, stats
from torch import Tensor

from likelihead.distributions.formula import Derivatives, Formula
from likelihead.distributions.stirling import wide
from likelihead.laws import search
from likelihead.laws.circular import CircularLaw, wrap
from likelihead.laws.law import Array, Claim, Law, law_of

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
    def derivatives(needed: Sequence[bool], value: Tensor, x: Tensor) -> Derivatives:
        return (-_one_minus_resultant(x, value.exp()),)


def log_i0e(x: Tensor) -> Tensor:
    """log(exp(-x) I0(x)) for x >= 0, (...), with a gradient that is right at any x.

    >>> log_i0e(torch.tensor([1.0, 1e8]))
    tensor([ -0.7641, -10.1293])
    """
    return _LogI0e.of(x)


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


#: Concentration from which the cdf's expansion at large ones is taken, and how many of its terms.
_CONCENTRATED, _TERMS = 30.0, 16


class VonMisesLaw(CircularLaw):
    """Symmetric about loc with one peak: both intervals are the central one. Where it is flat, loc is its mode."""

    loc: Array
    concentration: Array
    claims = CircularLaw.claims | {
        "mode": Claim("exact", "loc, at concentration 0 too"),
        "median": Claim("exact", "loc"),
    }

    def mode(self) -> Array:
        return wrap(self.loc)

    def mean(self) -> Array:
        return wrap(self.loc)

    def median(self) -> Array:
        return wrap(self.loc)

    def expected_vector(self) -> tuple[Array, Array]:
        length = special.i1e(self.concentration) / special.i0e(self.concentration)
        return length * np.cos(self.loc), length * np.sin(self.loc)

    def unrolled_cdf(self, y: Array) -> Array:
        return von_mises_cdf(y - wrap(self.loc), self.concentration)

    def unrolled_quantile(self, q: Array) -> Array:
        q = np.broadcast_to(q, np.broadcast_shapes(np.shape(q), self.shape))
        turns = np.floor(q)
        part = q - turns
        tail = np.minimum(part, 1.0 - part)
        zero = np.zeros(part.shape)
        angle = search.smallest(lambda z: von_mises_cdf(z, self.concentration) < tail, zero - math.pi, zero)
        return wrap(self.loc) + np.where(part < 0.5, angle, -angle) + 2.0 * math.pi * turns

    def highest_interval(self, mass: float) -> tuple[Array, Array]:
        return self.central_interval(mass)


def von_mises_cdf(z: Array, concentration: Array) -> Array:
    """The mass of VonMises(0, concentration) below z, along the unrolled circle: 1/2 at 0, one more with each turn.

    By scipy up to concentration 30; beyond it, where scipy's is off by 1e-6, by `_concentrated_tail`.
    """
    z, k = np.broadcast_arrays(z, concentration)
    uniform = 0.5 + (z + k * np.sin(z)) / (2.0 * math.pi)
    low = stats.vonmises.cdf(z, np.clip(k, 1e-9, _CONCENTRATED))
    turns = np.round(z / (2.0 * math.pi))
    rest = z - 2.0 * math.pi * turns
    tail = _concentrated_tail(np.sin(0.5 * rest), np.maximum(k, _CONCENTRATED))
    high = turns + np.where(rest < 0.0, tail, 1.0 - tail)
    return np.where(k < 1e-9, uniform, np.where(k <= _CONCENTRATED, low, high))


def _concentrated_tail(sine: Array, k: Array) -> Array:
    """The mass beyond the angle of which `sine` is the sine of the half, on its side of the mean, k >= 30.

    With t = 2 sqrt(k) sin(z / 2) the density is exp(-t^2 / 2) (1 - t^2 / (4 k))^(-1/2); its second factor is expanded:
    the sum over n of (1/2)_n / n! Gamma(n + 1/2) (2 k)^-n Q(n + 1/2, t^2 / 2), Q the incomplete gamma function, by its
    recurrence, over the same sum at t = 0.
    """
    x = 2.0 * k * sine * sine
    term, part, power = np.ones_like(x), special.erfc(np.sqrt(x)), np.sqrt(x / math.pi) * 2.0 * np.exp(-x)
    total, whole = part.copy(), term.copy()
    for n in range(1, _TERMS):
        part = part + power
        power = power * x / (n + 0.5)
        term = term * (n - 0.5) ** 2 / (n * 2.0 * k)
        total, whole = total + term * part, whole + term
    tail: Array = 0.5 * total / whole
    return tail


@law_of.register
def _law(von_mises: dist.VonMises) -> Law:
    return VonMisesLaw(von_mises, loc=von_mises.loc, concentration=von_mises.concentration)
