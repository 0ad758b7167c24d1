"""The categorical distribution by its logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyro.distributions as dist
import torch
from scipy import special
from torch import Tensor
from torch.distributions import constraints
from torch.types import _size

from likelihead.laws.finite import ClassLaw
from likelihead.laws.law import Law, law_of, numbers


class Categorical(dist.Categorical):
    """Categorical(logits), logits (..., K): y = k in 0, ..., K-1 with probability softmax(logits)[k].

    The logits are normalised as differences from the largest: Pyro's class loses precision to an offset that all of
    them share, and compares the identity of objects in log_prob, which breaks a compiled graph at each call.

    >>> Categorical(torch.zeros(4)).log_prob(torch.tensor(2))
    tensor(-1.3863)
    """

    arg_constraints = {"logits": constraints.real_vector}  # noqa: RUF012

    def __init__(self, logits: Tensor, validate_args: bool | None = None) -> None:
        # Not torch's constructor, which takes the logarithm of a sum from the logits as they are; and not log_softmax,
        # which on a CPU takes three times as long for few classes.
        shifted = logits - logits.detach().amax(-1, keepdim=True)
        self._param = self.logits = shifted - shifted.exp().sum(-1, keepdim=True).log()
        self._num_events = logits.shape[-1]
        super(torch.distributions.Categorical, self).__init__(logits.shape[:-1], validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: Any = None) -> Categorical:
        """The same distribution for a larger batch_shape."""
        logits = self.logits.expand((*batch_shape, self.logits.shape[-1]))
        return type(self)(logits, validate_args=self._validate_args)

    @classmethod
    def equal_mixture(cls, members: Sequence[Categorical]) -> Categorical:
        """The mixture of several, which has their mean probabilities."""
        return cls(torch.stack([member.logits for member in members]).logsumexp(0), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for whole numbers of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        return log_mass_at(self.logits, value)


def log_mass_at(log_mass: Tensor, value: Tensor) -> Tensor:
    """log_mass (..., K) at the class that value (...) names; the two are broadcast."""
    shape = torch.broadcast_shapes(log_mass.shape[:-1], value.shape)
    index = value.long().expand(shape).unsqueeze(-1)
    return log_mass.expand((*shape, log_mass.shape[-1])).gather(-1, index).squeeze(-1)


@law_of.register
def _law(categorical: dist.Categorical) -> Law:
    return ClassLaw(categorical, special.softmax(numbers(categorical.logits), -1))
