"""The gamma distribution by its mean and shape: what a regression on magnitudes predicts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.utils import broadcast_all, lazy_property
from torch.types import _size

from likelihead.distributions.gamma import Gamma, GammaLaw, gamma_log_prob
from likelihead.distributions.stirling import wide
from likelihead.laws.law import Law, law_of


class GammaMean(Gamma):
    """GammaMean(mean, concentration), all of shape (...), y > 0 (McCullagh & Nelder, 1989).

    Gamma with rate = concentration / mean: variance mean^2 / concentration, so that the coefficient of variation is
    1 / sqrt(concentration) at every mean. `log_prob` takes the rate in float64.

    >>> GammaMean(torch.tensor(3.0), torch.tensor(2.0)).log_prob(torch.tensor(3.0))
    tensor(-1.7123)
    """

    arg_constraints = {"mean": constraints.positive, "concentration": constraints.positive}  # noqa: RUF012
    #: What an exposure multiplies.
    exposure_parameter = "mean"
    exposed = staticmethod(torch.mul)

    def __init__(self, mean: Tensor | float, concentration: Tensor | float, validate_args: bool | None = None) -> None:
        self._mean, self.concentration = broadcast_all(mean, concentration)
        # Not the constructor of Gamma: the rate is computed only when it is used.
        super(torch.distributions.Gamma, self).__init__(self._mean.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """The expectation."""
        return self._mean

    @lazy_property
    def rate(self) -> Tensor:
        """concentration / mean."""
        return self.concentration / self.mean

    def expand(self, batch_shape: _size, _instance: Any = None) -> GammaMean:
        """The same distribution for a larger batch_shape."""
        shape = torch.Size(batch_shape)
        return type(self)(self.mean.expand(shape), self.concentration.expand(shape), validate_args=self._validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        dtype = torch.promote_types(value.dtype, self.mean.dtype)
        concentration = wide(self.concentration)
        return gamma_log_prob(wide(value), concentration, concentration / wide(self.mean)).to(dtype)


@law_of.register
def _law(gamma: GammaMean) -> Law:
    return GammaLaw(gamma, concentration=gamma.concentration, rate=gamma.concentration / gamma.mean)
