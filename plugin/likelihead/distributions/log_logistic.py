"""The log-logistic distribution, in log space."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pyro.distributions import TorchDistribution
from scipy import special
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.utils import broadcast_all
from torch.nn import functional
from torch.types import _size

from likelihead.distributions.stirling import log_ratio, wide
from likelihead.distributions.tails import LogTails, log_tails
from likelihead.laws.law import Array, Claim, Law, law_of
from likelihead.laws.positive import PositiveLaw


class LogLogistic(TorchDistribution):
    """LogLogistic(scale, concentration), all of shape (...), y > 0: log y is logistic; the scale is the median of y.

    With k the concentration and d = log(y / scale), log p(y) = log(k / scale) + (k - 1) d - 2 log(1 + exp(k d)). It is
    Fisk's distribution of incomes, and the accelerated-failure-time model whose hazard rises and falls. The mean is
    infinite for k <= 1.

    >>> LogLogistic(torch.tensor(2.0), torch.tensor(3.0)).log_prob(torch.tensor(2.0)).exp()  # 3 / (4 * 2)
    tensor(0.3750)
    """

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}  # noqa: RUF012
    support = constraints.positive
    has_rsample = True
    #: What an exposure multiplies.
    exposure_parameter = "scale"

    def __init__(self, scale: Tensor | float, concentration: Tensor | float, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        super().__init__(self.scale.shape, validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: Any = None) -> LogLogistic:
        """The same distribution for a larger batch_shape."""
        shape = torch.Size(batch_shape)
        return type(self)(self.scale.expand(shape), self.concentration.expand(shape), validate_args=self._validate_args)

    @property
    def mean(self) -> Tensor:
        """scale (pi / k) / sin(pi / k); infinite for concentrations k up to 1."""
        angle = torch.pi / self.concentration.clamp(min=1.0)
        return torch.where(self.concentration > 1.0, self.scale * angle / angle.sin(), torch.inf)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Samples of shape sample_shape + batch_shape, with gradients."""
        shape = self._extended_shape(sample_shape)
        limits = torch.finfo(self.scale.dtype)
        uniform = torch.rand(shape, dtype=self.scale.dtype, device=self.scale.device)
        odds = uniform.clamp(limits.tiny, 1.0 - limits.eps).logit()
        return (self.scale * (odds / self.concentration).exp()).clamp(limits.tiny, limits.max)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        dtype = torch.promote_types(value.dtype, self.scale.dtype)
        distance = log_ratio(*torch.broadcast_tensors(wide(value), wide(self.scale)))
        k = wide(self.concentration)
        log_density = (k - 1.0) * distance + 2.0 * functional.logsigmoid(-k * distance) + (k / wide(self.scale)).log()
        return log_density.to(dtype)


class LogLogisticLaw(PositiveLaw):
    scale: Array
    concentration: Array
    claims = PositiveLaw.claims | {
        "mode": Claim("exact", "0, the edge, for concentration <= 1"),
        "mean": Claim("exact", "infinite for concentration <= 1"),
    }

    def mode(self) -> Array:
        k = self.concentration
        return self.scale * (np.maximum(k - 1.0, 0.0) / (k + 1.0)) ** (1.0 / k)

    def mean(self) -> Array:
        angle = np.pi / np.maximum(self.concentration, 1.0)
        return np.where(self.concentration > 1.0, self.scale * angle / np.sin(angle), np.inf)

    def median(self) -> Array:
        return self.scale

    def cdf(self, y: Array) -> Array:
        return special.expit(self.concentration * (np.log(np.maximum(y, 0.0)) - np.log(self.scale)))

    def quantile(self, q: Array) -> Array:
        return self.scale * np.exp(special.logit(q) / self.concentration)

    def log_density_at_rank(self, q: Array) -> Array:
        # The quantile itself overflows or underflows at small concentrations.
        inverse = 1.0 / self.concentration
        power = special.xlogy(1.0 - inverse, q) + special.xlogy(1.0 + inverse, 1.0 - q)
        return np.log(self.concentration) - np.log(self.scale) + power

    def crps(self, y: Array) -> Array:
        return np.where(self.concentration > 1.0, super().crps(y), np.inf)


@law_of.register
def _law(log_logistic: LogLogistic) -> Law:
    return LogLogisticLaw(log_logistic, scale=log_logistic.scale, concentration=log_logistic.concentration)


@log_tails.register
def _log_tails(log_logistic: LogLogistic, y: Tensor) -> LogTails:
    z = wide(log_logistic.concentration) * (wide(y).log() - wide(log_logistic.scale).log())
    return LogTails(functional.logsigmoid(z), functional.logsigmoid(-z))
