"""The multivariate normal distribution with a diagonal covariance: a vector of independent normal variates."""

from __future__ import annotations

from typing import Any

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints
from torch.types import _size

from likelihead.distributions.normal import Normal
from likelihead.laws.law import Law, law, law_of


class DiagonalNormal(TorchDistribution):
    """DiagonalNormal(loc, scale), both (..., d), for vectors y (..., d) whose entries are independent.

    log p(y) is the sum of the normal log-densities of the entries: that of `MultivariateNormal` with a diagonal
    scale_tril, with d parameters in place of d (d + 1) / 2.

    >>> DiagonalNormal(torch.zeros(2), torch.ones(2)).log_prob(torch.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints = {  # noqa: RUF012
        "loc": constraints.real_vector,
        "scale": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, scale: Tensor, validate_args: bool | None = None) -> None:
        self.loc, self.scale = torch.broadcast_tensors(loc, scale)
        super().__init__(self.loc.shape[:-1], self.loc.shape[-1:], validate_args=validate_args)

    @property
    def entries(self) -> Normal:
        """The normal distribution of each entry, of batch_shape (..., d)."""
        return Normal(self.loc, self.scale, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The expectation, loc."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The variance of each entry."""
        return self.scale.square()

    def expand(self, batch_shape: _size, _instance: Any = None) -> DiagonalNormal:
        """The same distribution for a larger batch_shape."""
        shape = (*batch_shape, *self.event_shape)
        return type(self)(self.loc.expand(shape), self.scale.expand(shape), validate_args=self._validate_args)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Samples of shape sample_shape + batch_shape + (d,), with gradients."""
        return self.entries.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape + (d,)."""
        if self._validate_args:
            self._validate_sample(value)
        return self.entries.log_prob(value).sum(-1)


@law_of.register
def _law(normal: DiagonalNormal) -> Law:
    entries = law(normal.entries.to_event(1))
    entries.name = type(normal).__name__
    return entries
