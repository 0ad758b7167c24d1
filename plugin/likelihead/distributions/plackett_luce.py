"""The Plackett-Luce distribution over rankings, which neither Pyro nor torch has."""

from __future__ import annotations

from typing import Any

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.constraints import Constraint
from torch.nn import functional
from torch.types import _size

from likelihead.distributions.stirling import wide


class Permutation(Constraint):
    """Orders of K items: each of 0, ..., K-1 once, in the last dimension."""

    is_discrete = True
    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Whether each row (..., K) names every item once."""
        items = torch.arange(value.shape[-1], device=value.device, dtype=value.dtype)
        return (value.sort(dim=-1).values == items).all(-1)


permutation = Permutation()


class PlackettLuce(TorchDistribution):
    """PlackettLuce(logits), logits (..., K): y (..., K) orders K items, y[..., 0] the index of the best.

    The first item is chosen with probability softmax(logits), the next in the same way from the items left (Luce, 1959;
    Plackett, 1975), so log p(y) = - sum over places i of log(1 + sum over later places j of exp(z_j - z_i)), z the
    logits in the order y. Leaving the chosen item out of its own sum keeps a confidently right ranking alive.
    The mode puts the items in falling order of their logits.

    >>> PlackettLuce(torch.zeros(3)).log_prob(torch.tensor([2, 0, 1])).exp()
    tensor(0.1667)
    """

    arg_constraints = {"logits": constraints.real_vector}  # noqa: RUF012
    support = permutation

    def __init__(self, logits: Tensor, validate_args: bool | None = None) -> None:
        self.logits = logits
        super().__init__(logits.shape[:-1], logits.shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: Any = None) -> PlackettLuce:
        """The same distribution for a larger batch_shape."""
        logits = self.logits.expand(torch.Size(batch_shape) + self.event_shape)
        return type(self)(logits, validate_args=self._validate_args)

    @property
    def mode(self) -> Tensor:
        """The likeliest order, (..., K); items with equal logits keep the order of their indices."""
        return self.logits.argsort(dim=-1, descending=True, stable=True)

    @torch.no_grad()
    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Orders of shape sample_shape + batch_shape + (K,): logits with Gumbel noise, sorted (Yellott, 1977)."""
        shape = self._extended_shape(torch.Size(sample_shape))
        noise = torch.empty(shape, dtype=self.logits.dtype, device=self.logits.device).exponential_().log()
        return (self.logits - noise).argsort(dim=-1, descending=True)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for orders (sample_shape + batch_shape + (K,))."""
        if self._validate_args:
            self._validate_sample(value)
        shape = torch.broadcast_shapes(self.logits.shape, value.shape)
        logits = wide(self.logits).expand(shape).gather(-1, value.long().expand(shape))
        left = logits.flip(-1).logcumsumexp(-1).flip(-1)
        return -functional.softplus(left[..., 1:] - logits[..., :-1]).sum(-1).to(self.logits.dtype)
