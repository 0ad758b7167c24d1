"""The Weibull distribution in log space."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor

from likelihead.distributions.stirling import Formula, log_ratio, log_ratio_value, wide


class _LogProb(Formula):
    @staticmethod
    def forward(y: Tensor, scale: Tensor, concentration: Tensor) -> Tensor:
        distance = _distance(y, scale)
        ratio = (wide(concentration) / wide(scale)).log().to(distance.dtype)
        return (concentration - 1.0) * distance - _held((concentration * distance).exp()) + ratio

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        y, scale, concentration = ctx.saved_tensors
        distance = log_ratio(wide(y), wide(scale)).to(gradient.dtype)
        growth = torch.expm1(concentration * distance)
        steep = _held(concentration * growth)
        by_y = -gradient * _held((steep + 1.0) / y) if ctx.needs_input_grad[0] else None
        by_concentration = gradient * ((1.0 - _held(steep * distance)) / concentration)
        return by_y, gradient * _held(steep / scale), by_concentration


def _held(x: Tensor) -> Tensor:
    """x, or the nearest number whose double is finite where x itself is not."""
    largest = torch.finfo(x.dtype).max / 8.0
    return x.clamp(-largest, largest)


def _distance(y: Tensor, scale: Tensor) -> Tensor:
    """log(y / scale), rounded once."""
    x, unit = wide(y), wide(scale)
    return log_ratio_value(x, unit, x - unit).to(torch.promote_types(y.dtype, scale.dtype))


class Weibull(dist.Weibull):
    """Weibull(scale, concentration), all of shape (...), y > 0.

    log p(y) = (k - 1) log(y / scale) - exp(k log(y / scale)) + log(k / scale), k the concentration. Pyro's own goes
    through powers of y, which overflow and underflow on an ordinary grid. The density itself falls doubly
    exponentially: a log-density or a gradient beyond the dtype's range is held at an eighth of its largest number, so
    that training can come back from there.

    >>> Weibull(torch.tensor(1e-6), torch.tensor(3.2)).log_prob(torch.tensor(1e-30))
    tensor(-106.5978)
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        log_prob: Tensor = _LogProb.apply(*torch.broadcast_tensors(value, self.scale, self.concentration))
        return log_prob
