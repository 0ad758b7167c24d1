"""The normal distribution, right for any scale that the dtype holds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyro.distributions as dist
import torch
from scipy import special
from torch import Tensor

from likelihead.distributions.formula import Derivatives, Formula
from likelihead.distributions.stirling import HALF_LOG_2PI, wide
from likelihead.distributions.tails import LogTails, log_ndtr, log_tails
from likelihead.laws.energy import gaussian_energy
from likelihead.laws.law import Array, Law, law_of
from likelihead.laws.location_scale import LocationScaleLaw


class _LogProb(Formula):
    @staticmethod
    def forward(y: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
        z = (y - loc) / scale
        return -0.5 * z * z - (scale.log() + HALF_LOG_2PI)

    @staticmethod
    def derivatives(needed: Sequence[bool], value: Tensor, y: Tensor, loc: Tensor, scale: Tensor) -> Derivatives:
        # Finite, so that a mixture's component with no share in y (gradient 0) passes on 0 and not NaN.
        largest = torch.finfo(value.dtype).max
        z = (y - loc) / scale
        d_loc = (z / scale).clamp(-largest, largest)
        return -d_loc if needed[0] else None, d_loc, ((z * z - 1.0) / scale).clamp(max=largest)


class Normal(dist.Normal):
    """Normal(loc, scale), all of shape (...): log p(y) = -z^2 / 2 - log(scale) - log(2 pi) / 2, z = (y - loc) / scale.

    Pyro's class squares scale and y - loc, which underflows below scale 1e-23 and overflows above 1e19. Here only z is
    squared.

    >>> Normal(torch.tensor(0.0), torch.tensor(1e-30)).log_prob(torch.tensor(1e-30))
    tensor(67.6586)
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        return _LogProb.of(*torch.broadcast_tensors(value, self.loc, self.scale))


class NormalLaw(LocationScaleLaw):
    def cdf(self, y: Array) -> Array:
        return special.ndtr(self.standardised(y))

    def quantile(self, q: Array) -> Array:
        return self.loc + self.scale * special.ndtri(q)

    def crps(self, y: Array) -> Array:
        return self.scale * (mean_distance(self.standardised(y)) - 1.0 / math.sqrt(math.pi))

    def energy(self, y: Array) -> Array:
        return gaussian_energy(self.loc, self.scale[..., None] * np.eye(y.shape[-1]), y)


def mean_distance(z: Array) -> Array:
    """E|Z - z|, Z standard normal.

    >>> round(float(mean_distance(np.array(0.0))), 6)
    0.797885
    """
    distance: Array = z * (2.0 * special.ndtr(z) - 1.0) + 2.0 * np.exp(-0.5 * z * z - HALF_LOG_2PI)
    return distance


@law_of.register
def _law(normal: dist.Normal) -> Law:
    return NormalLaw(normal, loc=normal.loc, scale=normal.scale)


@log_tails.register
def _log_tails(normal: dist.Normal, y: Tensor) -> LogTails:
    z = (wide(y) - wide(normal.loc)) / wide(normal.scale)
    return LogTails(log_ndtr(z), log_ndtr(-z))
