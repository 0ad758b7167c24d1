"""The normal distribution, right for any scale that the dtype holds."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor

from likelihead.distributions.stirling import HALF_LOG_2PI, Formula


class _LogProb(Formula):
    @staticmethod
    def forward(y: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
        z = (y - loc) / scale
        return -0.5 * z * z - (scale.log() + HALF_LOG_2PI)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        y, loc, scale = ctx.saved_tensors
        largest = torch.finfo(gradient.dtype).max
        # Held finite, so that a mixture's component with no share in y (gradient 0) passes on 0 and not NaN.
        z = ((y - loc) / scale).clamp(-largest, largest)
        pull = gradient * z
        by_loc = pull / scale
        return -by_loc if ctx.needs_input_grad[0] else None, by_loc, (pull * z - gradient) / scale


class Normal(dist.Normal):
    """Normal(loc, scale), all of shape (...): log p(y) = -z^2 / 2 - log(scale) - log(2 pi) / 2, z = (y - loc) / scale.

    Pyro's own squares scale and y - loc, which underflows below scale 1e-23 and overflows above 1e19. Here only z is
    squared.

    >>> Normal(torch.tensor(0.0), torch.tensor(1e-30)).log_prob(torch.tensor(1e-30))
    tensor(67.6586)
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        log_prob: Tensor = _LogProb.apply(*torch.broadcast_tensors(value, self.loc, self.scale))
        return log_prob
