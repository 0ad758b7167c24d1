"""The generalised Pareto distribution of excesses over a threshold, with a heavy or an exponential tail."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.utils import broadcast_all
from torch.types import _size

from likelihead.distributions.stirling import wide
from likelihead.distributions.tails import LogTails, from_log_hazard, log_tails
from likelihead.laws.law import Array, Claim, Law, law_of
from likelihead.laws.positive import PositiveLaw


class GeneralizedPareto(TorchDistribution):
    """GeneralizedPareto(scale, concentration), all of shape (...), y >= 0: excesses over a threshold.

    With k the concentration, log p(y) = -log(scale) - (1 + 1/k) log(1 + k y / scale) (Pickands, 1975): the tail is that
    of y^(-1/k), and as k goes to 0 exponential; k < 1, so that there is a mean. Pyro's class also takes a location and
    concentrations below 0, whose support ends at a point that moves with the parameters, where the likelihood is 0 and
    has no gradient.

    >>> GeneralizedPareto(torch.tensor(1.0), torch.tensor(1e-9)).log_prob(torch.tensor(2.0))
    tensor(-2.)
    """

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.unit_interval}  # noqa: RUF012
    support = constraints.nonnegative
    has_rsample = True
    #: What an exposure multiplies.
    exposure_parameter = "scale"

    def __init__(self, scale: Tensor | float, concentration: Tensor | float, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        super().__init__(self.scale.shape, validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: Any = None) -> GeneralizedPareto:
        """The same distribution for a larger batch_shape."""
        shape = torch.Size(batch_shape)
        return type(self)(self.scale.expand(shape), self.concentration.expand(shape), validate_args=self._validate_args)

    @property
    def mean(self) -> Tensor:
        """scale / (1 - k)."""
        return self.scale / (1.0 - self.concentration)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Samples of shape sample_shape + batch_shape, with gradients."""
        shape = self._extended_shape(sample_shape)
        k = wide(self.concentration)
        hazard = torch.empty(shape, dtype=k.dtype, device=k.device).exponential_()
        return (wide(self.scale) * torch.expm1(k * hazard) / k).to(self.scale.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        dtype = torch.promote_types(value.dtype, self.scale.dtype)
        scale = wide(self.scale)
        z = wide(value) / scale
        u = wide(self.concentration) * z
        return -(torch.log1p(u) + z * _mean_of_inverse(u) + scale.log()).to(dtype)


def _mean_of_inverse(u: Tensor) -> Tensor:
    """log(1 + u) / u, the mean of 1 / (1 + t) for t between 0 and u; by its series near 0, where the slope is -1/2."""
    is_small = u < 1e-5
    apart = torch.where(is_small, torch.ones_like(u), u)
    return torch.where(is_small, 1.0 - u / 2.0 + u.square() / 3.0, torch.log1p(apart) / apart)


class GeneralizedParetoLaw(PositiveLaw):
    """The density falls from 0 on, so that the highest-density interval starts there."""

    scale: Array
    concentration: Array
    claims = PositiveLaw.claims | {
        "mode": Claim("exact", "0, the edge"),
        "interval": Claim("exact"),
    }

    def mode(self) -> Array:
        return np.zeros(self.shape)

    def mean(self) -> Array:
        return self.scale / (1.0 - self.concentration)

    def cdf(self, y: Array) -> Array:
        z = self.concentration * np.maximum(y, 0.0) / self.scale
        return -np.expm1(-np.log1p(z) / self.concentration)

    def quantile(self, q: Array) -> Array:
        return self.scale * np.expm1(-self.concentration * np.log1p(-q)) / self.concentration

    def highest_interval(self, mass: float) -> tuple[Array, Array]:
        return np.zeros(self.shape), self.quantile(np.full(self.shape, mass))

    def crps(self, y: Array) -> Array:
        """Friederichs & Thorarinsdottir (2012): s (z - 2 (1 - (1 - F)^(1 - k)) / (1 - k) + 1 / (2 - k)), z = y / s."""
        k, z = self.concentration, np.asarray(y) / self.scale
        # 1 - F(y) = (1 + k z)^(-1/k), 1 below 0.
        share = -np.expm1((1.0 - 1.0 / k) * np.log1p(k * np.maximum(z, 0.0))) / (1.0 - k)
        return self.scale * (np.abs(z) - 2.0 * share + 1.0 / (2.0 - k))


@law_of.register
def _law(pareto: GeneralizedPareto) -> Law:
    return GeneralizedParetoLaw(pareto, scale=pareto.scale, concentration=pareto.concentration)


@log_tails.register
def _log_tails(pareto: GeneralizedPareto, y: Tensor) -> LogTails:
    z = wide(y) / wide(pareto.scale)
    hazard = z * _mean_of_inverse(wide(pareto.concentration) * z)
    return from_log_hazard(hazard.clamp(min=torch.finfo(hazard.dtype).tiny).log())
