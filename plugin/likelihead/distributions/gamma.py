"""The gamma distribution, right for any concentration up to the normal limit."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions.gamma import _standard_gamma

from likelihead.distributions.stirling import (
    HALF_LOG_2PI,
    Formula,
    digamma_remainder,
    log_ratio,
    log_ratio_value,
    remainder_value,
    wide,
)


class _LogProb(Formula):
    @staticmethod
    def forward(y: Tensor, concentration: Tensor, rate: Tensor) -> Tensor:
        dtype = torch.promote_types(y.dtype, rate.dtype)
        a, b = wide(concentration), wide(rate)
        scaled = b * wide(y)
        excess = scaled - a
        near = (a - 1.0) * log_ratio_value(scaled, a, excess) - excess + 0.5 * (b * (b / a)).log()
        return near.to(dtype) - remainder_value(concentration, dtype) - HALF_LOG_2PI

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        y, concentration, rate = ctx.saved_tensors
        a, b, wide_y = wide(concentration), wide(rate), wide(y)
        by_y = ((a - 1.0) / wide_y - b).to(gradient.dtype) * gradient if ctx.needs_input_grad[0] else None
        ratio = log_ratio(b * wide_y, a).to(gradient.dtype)
        bend = digamma_remainder(concentration, gradient.dtype)
        by_rate = (a / b - wide_y).to(gradient.dtype)
        return by_y, gradient * (ratio - bend), gradient * by_rate


def log_gamma_sample(concentration: Tensor, shape: torch.Size) -> Tensor:
    """The logarithm of a standard gamma variate, (*shape), in float64; finite where the variate itself underflows.

    A variate of concentration a is one of a + 1 times U^(1/a) (Marsaglia & Tsang, 2000). Gradients reach the
    concentration.

    >>> bool(log_gamma_sample(torch.tensor(1e-6), torch.Size([5])).isfinite().all())
    True
    """
    a = wide(concentration).expand(shape)
    uniform = torch.rand(shape, dtype=a.dtype, device=a.device).clamp(min=torch.finfo(a.dtype).tiny)
    return _standard_gamma(a + 1.0).log() + uniform.log() / a


class Gamma(dist.Gamma):
    """Gamma(concentration, rate), all of shape (...), y > 0, mean concentration / rate.

    With a the concentration, b the rate and mu Stirling's remainder,
    log p(y) = (a - 1) log(b y / a) - (b y - a) + log(b) - log(a) / 2 - log(2 pi) / 2 - mu(a), in which nothing large
    is left where y is near the mean. Pyro's own cancels terms of the size of a log(a).

    >>> Gamma(torch.tensor(1e7), torch.tensor(1e7)).log_prob(torch.tensor(1.0))
    tensor(7.1401)
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        log_prob: Tensor = _LogProb.apply(*torch.broadcast_tensors(value, self.concentration, self.rate))
        return log_prob
