"""The Dirichlet distribution, right for any concentrations, and its samples in log space."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.types import _size

from likelihead.distributions.gamma import log_gamma_sample
from likelihead.distributions.stirling import (
    HALF_LOG_2PI,
    Formula,
    digamma_remainder,
    remainder_value,
    wide,
)


class _LogProb(Formula):
    """From y and the concentrations, both (..., K)."""

    @staticmethod
    def forward(y: Tensor, concentration: Tensor) -> Tensor:
        dtype = torch.promote_types(y.dtype, concentration.dtype)
        a, size = wide(concentration), y.shape[-1]
        n = a.sum(-1)
        near = _log_ratios(y, a, n.unsqueeze(-1)).mul_(a - 1.0).sum(-1) + (size - 0.5) * n.log()
        rest = remainder_value(concentration, dtype).add_(concentration.log(), alpha=0.5).sum(-1)
        return near.to(dtype) - rest + remainder_value(n, dtype).to(dtype) - (size - 1) * HALF_LOG_2PI

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        y, concentration = ctx.saved_tensors
        dtype, a = concentration.dtype, wide(concentration)
        n, outer = a.sum(-1, keepdim=True), gradient.unsqueeze(-1)
        by_y = outer * ((a - 1.0) / wide(y)).to(dtype) if ctx.needs_input_grad[0] else None
        bend = digamma_remainder(n, dtype).to(dtype) - digamma_remainder(concentration, dtype)
        return by_y, outer * (_log_ratios(y, a, n).to(dtype) + bend)


def _log_ratios(y: Tensor, a: Tensor, n: Tensor) -> Tensor:
    """log(n y / a), finite at y = 0, so that 0 times it is 0."""
    return (n * y).div_(a).log_().clamp(min=torch.finfo(a.dtype).min)


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
        log_prob: Tensor = _LogProb.apply(*torch.broadcast_tensors(value, self.concentration))
        return log_prob

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Samples of shape sample_shape + batch_shape + (K,), with gradients."""
        shape = self._extended_shape(sample_shape)
        sample = torch.softmax(log_gamma_sample(self.concentration, shape), -1).to(self.concentration.dtype)
        return sample.clamp(min=torch.finfo(sample.dtype).tiny)
