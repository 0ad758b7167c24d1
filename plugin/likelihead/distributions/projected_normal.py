"""The projected normal distribution of directions in space, in any number of dimensions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyro.distributions as dist
import torch
from scipy import special
from torch import Tensor
from torch.types import _size

from likelihead.distributions.stirling import HALF_LOG_2PI, wide
from likelihead.laws.law import Array, Claim, Law, claims, law_of, numbers

#: Below minus this the recursion of the radial integral cancels, and its asymptotic series has that many terms.
_FAR, _TERMS = 20.0, 9
#: From this concentration on the mean length is a series in its inverse square.
_LARGE = 30.0


def _log_radial(t: Tensor, power: int) -> Tensor:
    """log of the integral of r^power exp(-(r - t)^2 / 2) over r > 0, plus t^2 / 2 where t < 0; t (...) float64.

    J_k = t J_(k-1) + (k - 1) J_(k-2) for t > -20, and an asymptotic series in 1 / t^2 below.
    """
    near = t.clamp(min=-_FAR)
    x = near * math.sqrt(0.5)
    positive = math.sqrt(0.5 * math.pi) * (1.0 + torch.erf(x.clamp(min=0.0)))
    negative = math.sqrt(0.5 * math.pi) * torch.special.erfcx(-x.clamp(max=0.0))
    before, last = torch.exp(-x.clamp(min=0.0).square()), torch.where(t > 0.0, positive, negative)
    for k in range(1, power + 1):
        factor = 1.0 if k == 1 else k - 1.0
        before, last = last, near * last + factor * before
    size = -t.clamp(max=-_FAR)
    inverse, series, term = 0.5 / size.square(), torch.ones_like(size), torch.ones_like(size)
    for m in range(_TERMS):
        term = -term * (power + 2 * m + 1) * (power + 2 * m + 2) / (m + 1) * inverse
        series = series + term
    far = math.lgamma(power + 1.0) - (power + 1) * size.log() + series.log()
    return torch.where(t > -_FAR, last.log(), far)


class ProjectedNormal(dist.ProjectedNormal):
    """ProjectedNormal(concentration), concentration (..., d): the direction y (..., d), |y| = 1, of a normal vector.

    The normal vector has mean concentration and covariance 1, so that the concentration's direction is the most likely
    one, and its length says how likely. With c the concentration, t = c · y and J(t) the integral of
    r^(d - 1) exp(-(r - t)^2 / 2) over r > 0, log p(y) = log J(t) - |c - t y|^2 / 2 - d log(2 pi) / 2, a density by the
    area of the sphere (Hernandez-Stumpfhauser, Breidt & van der Woerd, 2017). Pyro has d = 2 and 3, and its float32
    fails away from the mean direction.

    >>> ProjectedNormal(torch.zeros(3)).log_prob(torch.tensor([0.0, 0.0, 1.0]))  # -log(4 pi)
    tensor(-2.5310)
    """

    def expand(self, batch_shape: _size, _instance: Any = None) -> Any:
        """The same distribution for a larger batch_shape."""
        shape = (*batch_shape, *self.event_shape)
        return type(self)(self.concentration.expand(shape), validate_args=self._validate_args)

    @property
    def mean(self) -> Tensor:
        """The expected vector, inside the sphere; without gradients."""
        return torch.from_numpy(expected_vector(numbers(self.concentration))).to(self.concentration)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape + (d,)."""
        if self._validate_args:
            self._validate_sample(value)
        dtype = torch.promote_types(value.dtype, self.concentration.dtype)
        c, y = wide(self.concentration), wide(value)
        y = y / torch.linalg.vector_norm(y, dim=-1, keepdim=True)
        t = (c * y).sum(-1)
        beside = (c - t.unsqueeze(-1) * y).square().sum(-1)
        size = self.event_shape[0]
        behind = t.clamp(max=0.0).square()
        return (_log_radial(t, size - 1) - 0.5 * (beside + behind) - size * HALF_LOG_2PI).to(dtype)


def expected_vector(concentration: Array) -> Array:
    """The expectation (..., d): the direction of the concentration, times a mean length below 1."""
    size = concentration.shape[-1]
    length = np.linalg.norm(concentration, axis=-1, keepdims=True)
    x = 0.5 * length**2
    log_ratio = special.gammaln((size + 1) / 2) - special.gammaln(size / 2 + 1)
    near = np.exp(log_ratio) * np.sqrt(0.5) * special.hyp1f1(0.5, size / 2 + 1, -np.minimum(x, 0.5 * _LARGE**2))
    step = 1.0 / np.maximum(x, 1.0)
    first = 0.25 * (1 - size) * step
    far = 1.0 + first * (1.0 + 0.375 * (3 - size) * step * (1.0 + 5.0 / 12.0 * (5 - size) * step))
    return concentration * np.where(length < _LARGE, near, far / np.maximum(length, 1.0))


class ProjectedNormalLaw(Law):
    """A law of directions: its mode, and its expected vector."""

    claims = claims(
        Claim("undefined", "directions in space have no order: use mode(dist) or sample(dist, n)"),
        mode=Claim("exact", "the direction of the concentration; the first axis where that is 0"),
        mean=Claim("exact", "the expected vector, whose length is below 1"),
    )

    def __init__(self, dist: Any) -> None:
        super().__init__(dist)
        self.concentration = numbers(dist.concentration)

    def mode(self) -> Array:
        length = np.linalg.norm(self.concentration, axis=-1, keepdims=True)
        axis = np.eye(self.shape[-1])[0]
        return np.where(length > 0.0, self.concentration / np.where(length > 0.0, length, 1.0), axis)

    def mean(self) -> Array:
        return expected_vector(self.concentration)


@law_of.register
def _law(projected: dist.ProjectedNormal) -> Law:
    return ProjectedNormalLaw(projected)
