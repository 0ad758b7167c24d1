"""The half-normal distribution with an exposure, and its law."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyro.distributions as dist
import torch
from scipy import special
from torch import Tensor
from torch.types import _size

from likelihead.distributions.stirling import wide
from likelihead.distributions.tails import LogTails, log1mexp, log_ndtr, log_tails
from likelihead.laws.law import Array, Claim, Law, law_of
from likelihead.laws.positive import PositiveLaw


class HalfNormal(dist.HalfNormal):
    """HalfNormal(scale), scale (...), y >= 0: Pyro's class, with an exposure that multiplies the scale.

    >>> import torch
    >>> HalfNormal(torch.tensor(1.0)).log_prob(torch.tensor(0.0))
    tensor(-0.2258)
    """

    #: What an exposure multiplies.
    exposure_parameter = "scale"

    def expand(self, batch_shape: _size, _instance: Any = None) -> Any:
        """The same distribution for a larger batch_shape."""
        return super().expand(batch_shape, self._get_checked_instance(HalfNormal, _instance))


class HalfNormalLaw(PositiveLaw):
    """The absolute value of a centred normal variate: the highest-density interval starts at 0."""

    scale: Array
    claims = PositiveLaw.claims | {"mode": Claim("exact", "0, the edge"), "interval": Claim("exact")}

    def mode(self) -> Array:
        return np.zeros(self.shape)

    def mean(self) -> Array:
        return self.scale * math.sqrt(2.0 / math.pi)

    def cdf(self, y: Array) -> Array:
        return special.erf(np.maximum(y, 0.0) / (self.scale * math.sqrt(2.0)))

    def quantile(self, q: Array) -> Array:
        return self.scale * math.sqrt(2.0) * special.erfinv(q)

    def highest_interval(self, mass: float) -> tuple[Array, Array]:
        return np.zeros(self.shape), self.quantile(np.full(self.shape, mass))


@law_of.register
def _law(half_normal: dist.HalfNormal) -> Law:
    return HalfNormalLaw(half_normal, scale=half_normal.scale)


@log_tails.register
def _log_tails(half_normal: dist.HalfNormal, y: Tensor) -> LogTails:
    log_survival = math.log(2.0) + log_ndtr(-wide(y) / wide(half_normal.scale))
    log_survival = log_survival.clamp(max=-torch.finfo(log_survival.dtype).eps)
    return LogTails(log1mexp(log_survival), log_survival)
