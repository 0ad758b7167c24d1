"""The Gumbel distribution of largest values, its loss kept finite far below the location."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyro.distributions as dist
import torch
from torch import Tensor
from torch.types import _size

from likelihead.distributions.formula import Derivatives, Formula, bounded
from likelihead.distributions.stirling import wide
from likelihead.distributions.tails import LogTails, from_log_hazard, log_tails
from likelihead.laws.law import Array, Claim, Law, claims, law_of


class _LogProb(Formula):
    @staticmethod
    def forward(y: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
        z = (y - loc) / scale
        return -bounded(z + (-z).exp()) - scale.log()

    @staticmethod
    def derivatives(needed: Sequence[bool], value: Tensor, y: Tensor, loc: Tensor, scale: Tensor) -> Derivatives:
        z = (y - loc) / scale
        # 1 - exp(-z), which does not cancel near the location.
        slope = bounded(-torch.expm1(-z))
        d_loc = bounded(slope / scale)
        return -d_loc if needed[0] else None, d_loc, bounded((z * slope - 1.0) / scale)


class Gumbel(dist.Gumbel):
    """Gumbel(loc, scale), all of shape (...): log p(y) = -z - exp(-z) - log(scale), z = (y - loc) / scale.

    The limit law of the largest of many values; loc is its mode. Below loc the density falls doubly exponentially: a
    log-density or a gradient beyond the dtype's range is limited to an eighth of its largest number.

    >>> Gumbel(torch.tensor(0.0), torch.tensor(1.0)).log_prob(torch.tensor([0.0, -1000.0])) < 0
    tensor([True, True])
    """

    def expand(self, batch_shape: _size, _instance: Any = None) -> Any:
        """The same distribution for a larger batch_shape."""
        shape = torch.Size(batch_shape)
        return type(self)(self.loc.expand(shape), self.scale.expand(shape), validate_args=self._validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        return _LogProb.of(*torch.broadcast_tensors(value, self.loc, self.scale))


class GumbelLaw(Law):
    loc: Array
    scale: Array
    claims = claims(interval=Claim("exact", "the highest-density one is inverted"))

    def mode(self) -> Array:
        return self.loc

    def mean(self) -> Array:
        return self.loc + np.euler_gamma * self.scale

    def cdf(self, y: Array) -> Array:
        return np.exp(-np.exp(-(y - self.loc) / self.scale))

    def quantile(self, q: Array) -> Array:
        return self.loc - self.scale * np.log(-np.log(q))


@law_of.register
def _law(gumbel: dist.Gumbel) -> Law:
    return GumbelLaw(gumbel, loc=gumbel.loc, scale=gumbel.scale)


@log_tails.register
def _log_tails(gumbel: dist.Gumbel, y: Tensor) -> LogTails:
    # -y has the upper tail of a distribution whose log hazard is linear.
    mirrored = from_log_hazard((wide(gumbel.loc) - wide(y)) / wide(gumbel.scale))
    return LogTails(mirrored.log_survival, mirrored.log_cdf)
