"""The multinomial distribution by logits, with a number of trials in each row."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints
from torch.types import _size

from likelihead.distributions.binomial import Binomial, BinomialLaw
from likelihead.distributions.stirling import wide
from likelihead.laws.law import MARGINAL, Array, Claim, Law, claims, law_of, numbers


class Multinomial(TorchDistribution):
    """Multinomial(total_count, logits), (...) and (..., K): how often each of K classes occurs in n trials.

    log p(y) = log n! + sum over k of [y_k log p_k - log y_k!], n the total_count and p = softmax(logits); -inf where
    the counts y (..., K) do not sum to n. An exposure is the number of trials of each row, and takes the place of
    total_count.

    >>> Multinomial(torch.tensor(4.0), torch.zeros(2)).log_prob(torch.tensor([1.0, 3.0])).exp()
    tensor(0.2500)
    """

    arg_constraints = {  # noqa: RUF012
        "total_count": constraints.nonnegative_integer,
        "logits": constraints.independent(constraints.real, 1),
    }
    support = constraints.independent(constraints.nonnegative_integer, 1)
    target_type = "class_counts"
    #: What an exposure takes the place of.
    exposure_parameter = "total_count"

    def __init__(self, total_count: Tensor | float, logits: Tensor, validate_args: bool | None = None) -> None:
        total = torch.as_tensor(total_count, dtype=logits.dtype, device=logits.device)
        shape = torch.broadcast_shapes(total.shape, logits.shape[:-1])
        self.total_count, self.logits = total.expand(shape), logits.expand(*shape, logits.shape[-1])
        super().__init__(shape, self.logits.shape[-1:], validate_args=validate_args)

    @staticmethod
    def exposed(total_count: Tensor, exposure: Tensor) -> Tensor:
        """The number of trials of rows with an exposure."""
        return exposure.to(total_count.dtype).expand(total_count.shape)

    def expand(self, batch_shape: _size, _instance: Any = None) -> Any:
        """The same distribution for a larger batch_shape."""
        shape = torch.Size(batch_shape)
        logits = self.logits.expand(*shape, *self.event_shape)
        return type(self)(self.total_count.expand(shape), logits, validate_args=self._validate_args)

    @property
    def mean(self) -> Tensor:
        """total_count softmax(logits), (..., K)."""
        return self.total_count.unsqueeze(-1) * torch.softmax(self.logits, -1)

    @torch.no_grad()
    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Counts of shape sample_shape + batch_shape + (K,): class by class, of the trials that are left."""
        shape, logits = self._extended_shape(torch.Size(sample_shape)), wide(self.logits)
        beyond = logits.flip(-1).logcumsumexp(-1).flip(-1)
        left, counts = wide(self.total_count).expand(shape[:-1]).contiguous(), []
        for k in range(shape[-1] - 1):
            share = torch.sigmoid(logits[..., k] - beyond[..., k + 1]).expand(left.shape)
            counts.append(torch.binomial(left, share.contiguous()))
            left = left - counts[-1]
        return torch.stack([*counts, left], -1).to(self.logits.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for whole numbers of shape sample_shape + batch_shape + (K,)."""
        if self._validate_args:
            self._validate_sample(value)
        y, n = wide(value), wide(self.total_count)
        each = y * torch.log_softmax(wide(self.logits), -1) - torch.lgamma(y + 1.0)
        log_prob = torch.lgamma(n + 1.0) + each.sum(-1)
        return log_prob.masked_fill(y.sum(-1) != n, -torch.inf).to(self.logits.dtype)


class MultinomialLaw(BinomialLaw):
    """The binomial marginals of a multinomial; the mode is that of the joint mass."""

    shares: Array
    claims = claims(
        Claim("inverted", MARGINAL),
        mode=Claim("exact", "joint; of equal ones that with more in the first classes"),
        mean=Claim("exact"),
        cdf=Claim("exact", MARGINAL),
        pit=Claim("exact", f"{MARGINAL}, randomised"),
    )

    def mode(self) -> Array:
        """D'Hondt's apportionment: each further trial goes to the class with the largest p_k / (y_k + 1).

        No trial can move from class i to class j and raise the mass if p_j / (y_j + 1) <= p_i / y_i for all i and j
        (Finucan, 1964), which holds after every such step and also for y_k = floor(n p_k).
        """
        counts: Array = np.floor(self.total * self.shares)
        left = self.total[..., 0] - counts.sum(-1)
        for _ in range(self.shape[-1]):
            first = np.argmax(self.shares / (counts + 1.0), -1)[..., None]
            is_next = (np.arange(self.shape[-1]) == first) & (left > 0.0)[..., None]
            counts, left = counts + is_next, left - is_next.any(-1)
        return counts


@law_of.register
def _law(multinomial: Multinomial) -> Law:
    """Of each class against all others together."""
    logits, size = wide(multinomial.logits), multinomial.event_shape[0]
    own = torch.eye(size, dtype=torch.bool)
    others = logits.unsqueeze(-2).masked_fill(own, -torch.inf).logsumexp(-1)
    total = wide(multinomial.total_count).unsqueeze(-1).expand(logits.shape)
    marginal = Binomial(total, logits - others, validate_args=False)
    shares = numbers(torch.softmax(logits, -1))
    return MultinomialLaw(multinomial, marginal, total=total, logits=marginal.logits, shares=shares)
