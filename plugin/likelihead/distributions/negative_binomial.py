"""The negative binomial distribution by its mean and dispersion, right down to the Poisson limit."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.utils import broadcast_all

from likelihead.distributions.stirling import lgamma_difference, wide


class NegativeBinomial(TorchDistribution):
    """NegativeBinomial(mean, dispersion), both (...): counts with variance mean + dispersion mean^2.

    The NB2 of Cameron & Trivedi (1998). With r = 1 / dispersion, a = dispersion and m = mean,
    log p(y) = lgamma(y + r) - lgamma(r) - log(y!) + y log(a m) - (y + r) log(1 + a m), written so that what grows with
    r meets before it is rounded. As a goes to 0 it is the Poisson distribution; Pyro's own is off by 200 there.

    >>> NegativeBinomial(torch.tensor(2.0), torch.tensor(1e-10)).log_prob(torch.tensor(3.0))
    tensor(-1.7123)
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"mean": constraints.positive, "dispersion": constraints.positive}
    support = constraints.nonnegative_integer
    #: What an exposure multiplies.
    exposure_parameter = "mean"

    def __init__(self, mean: Tensor | float, dispersion: Tensor | float, validate_args: bool | None = None) -> None:
        self._mean, self.dispersion = broadcast_all(mean, dispersion)
        super().__init__(self._mean.shape, validate_args=validate_args)

    def expand(self, batch_shape: torch.Size, _instance: Any = None) -> NegativeBinomial:
        """The same distribution for a larger batch_shape."""
        shape = torch.Size(batch_shape)
        return type(self)(self._mean.expand(shape), self.dispersion.expand(shape), validate_args=self._validate_args)

    @property
    def mean(self) -> Tensor:
        """The expected count."""
        return self._mean

    @property
    def variance(self) -> Tensor:
        """mean + dispersion mean^2."""
        return self.mean + self.dispersion * self.mean.square()

    @property
    def mode(self) -> Tensor:
        """The likeliest count, floor(mean (1 - dispersion)); 0 from dispersion 1 on."""
        return (self.mean * (1.0 - self.dispersion)).clamp(min=0.0).floor()

    @property
    def total_count(self) -> Tensor:
        """r = 1 / dispersion, as Pyro and scipy call it."""
        return self.dispersion.reciprocal()

    @property
    def logits(self) -> Tensor:
        """log(dispersion mean), the log-odds in Pyro's parametrisation."""
        return self.dispersion.log() + self.mean.log()

    @property
    def probs(self) -> Tensor:
        """dispersion mean / (1 + dispersion mean), the probability in Pyro's parametrisation."""
        return self.logits.sigmoid()

    @torch.no_grad()
    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:
        """Counts of shape sample_shape + batch_shape: a Poisson with a gamma distributed rate."""
        shape = self._extended_shape(torch.Size(sample_shape))
        r, mean = wide(self.total_count).expand(shape), wide(self.mean)
        rate = torch._standard_gamma(r) / r * mean
        return torch.poisson(rate).to(self.mean.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for whole numbers of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        y, a, mean = torch.broadcast_tensors(wide(value), wide(self.dispersion), wide(self.mean))
        r = a.reciprocal()
        # The y log(a) of the second term cancels that of the first: y log(y + r) = y log(1 + a y) - y log(a).
        rising = lgamma_difference(r, y, self.mean.dtype) - y * (y + r).log()
        counts = y * (a * y).log1p() + torch.xlogy(y, mean) - torch.lgamma(y + 1.0)
        return (rising + counts - (y + r) * (a * mean).log1p()).to(self.mean.dtype)
