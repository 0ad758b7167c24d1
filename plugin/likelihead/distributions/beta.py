"""The beta distribution, right for any concentrations, and its samples in log space."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions.utils import broadcast_all
from torch.types import _size

from likelihead.distributions.gamma import log_gamma_sample
from likelihead.distributions.stirling import (
    HALF_LOG_2PI,
    Formula,
    digamma_remainder,
    log_ratio,
    log_ratio_value,
    remainder_value,
    wide,
)

#: Below it lgamma(x) is -log(x) in any dtype, and float32 nears its end.
_SMALLEST = 1e-30


class _LogProb(Formula):
    @staticmethod
    def forward(y: Tensor, concentration1: Tensor, concentration0: Tensor, dtype: torch.dtype) -> Tensor:
        a, b, y = wide(concentration1), wide(concentration0), wide(y)
        n, rest = a + b, 1.0 - y
        excess = b * y - a * rest
        near = (a - 1.0) * log_ratio_value(n * y, a, excess) + (b - 1.0) * log_ratio_value(n * rest, b, -excess)
        n, a, b = n.clamp(min=_SMALLEST), a.clamp(min=_SMALLEST), b.clamp(min=_SMALLEST)
        near = near + 0.5 * (n * (n / a) * (n / b)).log()
        of_n, of_a, of_b = (remainder_value(x.to(dtype), dtype) for x in (n, a, b))
        return near.to(dtype) + (of_n - of_a - of_b - HALF_LOG_2PI)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:3])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        y, concentration1, concentration0 = ctx.saved_tensors
        dtype, a, b, y = gradient.dtype, wide(concentration1), wide(concentration0), wide(y)
        n, rest = a + b, 1.0 - y
        by_y = ((a - 1.0) / y - (b - 1.0) / rest).to(dtype) * gradient if ctx.needs_input_grad[0] else None
        excess = (b * y - a * rest).detach()
        total = _bend(n, dtype)
        by_a = (log_ratio(n * y, a, excess) + total - _bend(a, dtype)).to(concentration1.dtype)
        by_b = (log_ratio(n * rest, b, -excess) + total - _bend(b, dtype)).to(concentration0.dtype)
        return by_y, gradient * by_a, gradient * by_b, None


def _bend(x: Tensor, dtype: torch.dtype) -> Tensor:
    """digamma(x) - log(x), widened; at tiny x it is -1/x."""
    held = x.clamp(min=_SMALLEST)
    return wide(digamma_remainder(held.to(dtype), dtype)) * (held / x)


def beta_log_prob(y: Tensor, concentration1: Tensor, concentration0: Tensor, dtype: torch.dtype) -> Tensor:
    """log p(y) of Beta(concentration1, concentration0) in `dtype`; the concentrations may be wider than that.

    With a and b the concentrations, n = a + b and mu Stirling's remainder, log p(y) = (a - 1) log(n y / a)
    + (b - 1) log(n (1 - y) / b) + (3 log n - log a - log b - log(2 pi)) / 2 + mu(n) - mu(a) - mu(b). Both ratios
    differ from 1 by the same excess b y - a (1 - y), over a and over b, so their large first terms cancel exactly.

    >>> beta_log_prob(torch.tensor(0.5), torch.tensor(1e7), torch.tensor(1e7), torch.float32)
    tensor(8.1798)
    """
    log_prob: Tensor = _LogProb.apply(*torch.broadcast_tensors(y, concentration1, concentration0), dtype)
    return log_prob


class Beta(dist.Beta):
    """Beta(concentration1, concentration0), all of shape (...), 0 < y < 1, mean concentration1 / (sum of both).

    The formula is that of `beta_log_prob`. Samples are drawn in log space, as Pyro's own are all 1/2 at tiny
    concentrations; they stay inside (0, 1) by the smallest step of the dtype.

    >>> Beta(torch.tensor(1e7), torch.tensor(1e7)).log_prob(torch.tensor(0.5))
    tensor(8.1798)
    """

    def __init__(
        self, concentration1: Tensor | float, concentration0: Tensor | float, validate_args: bool | None = None
    ) -> None:
        pair = torch.stack(broadcast_all(concentration1, concentration0), -1)
        # Not torch's constructor: its inner distribution validates whatever this one does.
        self._dirichlet = dist.Dirichlet(pair, validate_args=False)
        super(torch.distributions.Beta, self).__init__(pair.shape[:-1], validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: Any = None) -> Any:
        """The same distribution for a larger batch_shape."""
        return super().expand(batch_shape, self._get_checked_instance(Beta, _instance))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        a, b = self.concentration1, self.concentration0
        dtype = torch.promote_types(value.dtype, a.dtype)
        return beta_log_prob(value, a, b, dtype)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Samples of shape sample_shape + batch_shape, with gradients."""
        a, b = self.concentration1, self.concentration0
        shape = self._extended_shape(sample_shape)
        sample = torch.sigmoid(log_gamma_sample(a, shape) - log_gamma_sample(b, shape)).to(a.dtype)
        limits = torch.finfo(a.dtype)
        return sample.clamp(limits.tiny, 1.0 - limits.eps / 2.0)
