"""Student's t distribution, right for any degrees of freedom up to the normal limit."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions.utils import broadcast_all
from torch.types import _size

from likelihead.distributions.stirling import HALF_LOG_2PI, Formula, half_step_slope, half_step_value, wide


class _LogProb(Formula):
    @staticmethod
    def forward(y: Tensor, df: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
        dtype = torch.promote_types(y.dtype, loc.dtype)
        x = 0.5 * wide(df)
        z = (wide(y) - wide(loc)).div_(wide(scale))
        falls = (x + 0.5).mul_((z * z).mul_(0.5 / x).log1p_()).to(dtype)
        return half_step_value(0.5 * df, dtype).sub_(falls).sub_(scale.log()).sub_(HALF_LOG_2PI)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        y, df, loc, scale = ctx.saved_tensors
        dtype = gradient.dtype
        x, width = 0.5 * wide(df), wide(scale)
        inverse = 0.5 / x
        z = (wide(y) - wide(loc)) / width
        squared = z * z * inverse
        pull = (1.0 + inverse) / (1.0 + squared)
        by_df = (pull * squared).sub_(squared.log1p()).add_(half_step_slope(0.5 * df, dtype))
        pull = pull * z
        by_loc = (pull / width).to(dtype) * gradient
        by_scale = ((pull * z).sub_(1.0) / width).to(dtype) * gradient
        return -by_loc if ctx.needs_input_grad[0] else None, by_df.to(dtype) * (0.5 * gradient), by_loc, by_scale


class StudentT(dist.StudentT):
    """StudentT(df, loc, scale), all of shape (...): heavy tails for small df, the normal distribution for large df.

    With x = df / 2 and z = (y - loc) / scale,
    log p(y) = h(x) - log(2 pi) / 2 - log(scale) - (x + 1/2) log(1 + z^2 / df), where
    h(x) = lgamma(x + 1/2) - lgamma(x) - log(x) / 2 goes to 0 as df grows. Pyro's own subtracts the two lgamma: off by
    15 at df = 3e7 in float32.

    >>> StudentT(torch.tensor(3.2e7), torch.tensor(0.0), torch.tensor(1.0)).log_prob(torch.tensor(0.0))
    tensor(-0.9189)
    """

    def __init__(
        self,
        df: Tensor | float,
        loc: Tensor | float = 0.0,
        scale: Tensor | float = 1.0,
        validate_args: bool | None = None,
    ) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        # Not torch's constructor: its inner distribution validates whatever this one does.
        self._chi2 = dist.Chi2(self.df, validate_args=False)
        super(torch.distributions.StudentT, self).__init__(self.df.shape, validate_args=validate_args)  # type: ignore[misc]

    def expand(self, batch_shape: _size, _instance: Any = None) -> Any:
        """The same distribution for a larger batch_shape."""
        return super().expand(batch_shape, self._get_checked_instance(StudentT, _instance))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        log_prob: Tensor = _LogProb.apply(*torch.broadcast_tensors(value, self.df, self.loc, self.scale))
        return log_prob
