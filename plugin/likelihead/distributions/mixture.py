"""Mixtures of any univariate or multivariate family, right where no component reaches."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.types import _size


class MixtureSameFamily(dist.MixtureSameFamily):
    """MixtureSameFamily(mixture_distribution, component_distribution): a Categorical (..., K) and components (..., K).

    log p(y) = logsumexp over k of (logits_k + log p_k(y)), logits normalised as a Categorical keeps them. Where every
    log p_k(y) is below the smallest number of the dtype, the result is -inf and its gradient 0; Pyro's own is NaN.

    >>> weights = dist.Categorical(logits=torch.zeros(2))
    >>> mixture = MixtureSameFamily(weights, dist.Normal(torch.tensor([0.0, 1e20]), torch.ones(2)))
    >>> mixture.log_prob(torch.tensor(1.0))
    tensor(-2.1121)
    """

    def expand(self, batch_shape: _size, _instance: Any = None) -> MixtureSameFamily:
        """The same mixture for a larger batch_shape."""
        shape = torch.Size(batch_shape)
        components = self.component_distribution.expand((*shape, self._num_component))
        weights = self.mixture_distribution.expand(shape)
        return type(self)(weights, components, validate_args=self._validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape + event_shape."""
        if self._validate_args:
            self._validate_sample(value)
        each = self.component_distribution.log_prob(self._pad(value))
        joint = each + self.mixture_distribution.logits
        lowest = torch.finfo(joint.dtype).min
        total = torch.logsumexp(joint.clamp(min=lowest), dim=-1)
        return total.masked_fill((joint.detach() <= lowest).all(-1), -torch.inf)
