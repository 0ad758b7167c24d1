"""The Dirichlet distribution, right for any concentrations, and its samples in log space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyro.distributions as dist
import torch
from torch import Tensor
from torch.types import _size

from likelihead.distributions.beta import Beta, BetaLaw
from likelihead.distributions.formula import Derivatives, Formula
from likelihead.distributions.gamma import log_gamma_sample
from likelihead.distributions.stirling import (
    HALF_LOG_2PI,
    digamma_remainder,
    remainder_value,
    wide,
)
from likelihead.laws.law import MARGINAL, Array, Claim, Law, claims, law_of, numbers


class _LogProb(Formula):
    """From y and the concentrations, both (..., K)."""

    @staticmethod
    def forward(y: Tensor, concentration: Tensor) -> Tensor:
        dtype = torch.promote_types(y.dtype, concentration.dtype)
        a, size = wide(concentration), y.shape[-1]
        n = a.sum(-1)
        leading = _log_ratios(y, a, n.unsqueeze(-1)).mul_(a - 1.0).sum(-1) + (size - 0.5) * n.log()
        rest = remainder_value(concentration, dtype).add_(concentration.log(), alpha=0.5).sum(-1)
        return leading.to(dtype) - rest + remainder_value(n, dtype).to(dtype) - (size - 1) * HALF_LOG_2PI

    @staticmethod
    def derivatives(needed: Sequence[bool], value: Tensor, y: Tensor, concentration: Tensor) -> Derivatives:
        dtype = value.dtype
        a = wide(concentration)
        n = a.sum(-1, keepdim=True)
        d_y = ((a - 1.0) / wide(y)).to(dtype) if needed[0] else None
        remainders = digamma_remainder(n, dtype).to(dtype) - digamma_remainder(concentration, dtype)
        return d_y, _log_ratios(y, a, n).to(dtype) + remainders


def _log_ratios(y: Tensor, a: Tensor, n: Tensor) -> Tensor:
    """log(n y / a), finite at y = 0, so that 0 times it is 0."""
    return (n * y / a).log().clamp(min=torch.finfo(a.dtype).min)


class Dirichlet(dist.Dirichlet):
    """Dirichlet(concentration), concentration (..., K) positive, y (..., K) on the simplex.

    With n the sum of the concentrations a and mu Stirling's remainder, log p(y) = sum over k of
    [(a_k - 1) log(n y_k / a_k) - log(a_k) / 2 - mu(a_k)] + (K - 1/2) log n - (K - 1) log(2 pi) / 2 + mu(n), whose
    terms are small near the mean. Samples stay inside the simplex by the smallest normal number of the dtype.

    >>> Dirichlet(torch.full((2,), 1e7)).log_prob(torch.full((2,), 0.5))
    tensor(8.1798)
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape + (K,)."""
        if self._validate_args:
            self._validate_sample(value)
        return _LogProb.of(*torch.broadcast_tensors(value, self.concentration))

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Samples of shape sample_shape + batch_shape + (K,), with gradients."""
        shape = self._extended_shape(sample_shape)
        sample = torch.softmax(log_gamma_sample(self.concentration, shape), -1).to(self.concentration.dtype)
        return sample.clamp(min=torch.finfo(sample.dtype).tiny)


class DirichletLaw(BetaLaw):
    """The beta marginals of a Dirichlet; the mode is that of the joint density.

    With concentrations at or below 1 the mode lies on the face where those coordinates are 0; where none is above 1
    it is the vertex of the largest, and where all are 1 the density is flat and the mode is the mean.
    """

    claims = claims(
        Claim("exact", MARGINAL),
        mode=Claim("exact", "joint; on the face of the concentrations > 1, else the largest's vertex; mean if flat"),
        mean=Claim("exact"),
        interval=Claim("exact", f"{MARGINAL}; the highest-density one is inverted"),
    )

    def mode(self) -> Array:
        excess = np.maximum(self.a - 1.0, 0.0)
        total = excess.sum(-1, keepdims=True)
        vertex = np.arange(self.shape[-1]) == np.argmax(self.a, -1)[..., None]
        mode = np.where(total > 0.0, excess / np.where(total > 0.0, total, 1.0), vertex)
        return np.where((self.a == 1.0).all(-1, keepdims=True), self.mean(), mode)


@law_of.register
def _law(dirichlet: dist.Dirichlet) -> Law:
    a = numbers(dirichlet.concentration)
    rest = np.stack([np.delete(a, k, -1).sum(-1) for k in range(a.shape[-1])], -1)
    marginal = Beta(torch.from_numpy(a), torch.from_numpy(rest), validate_args=False)
    return DirichletLaw(dirichlet, marginal=marginal, a=a, b=rest)
