"""The Plackett-Luce distribution over rankings, which neither Pyro nor torch has."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import torch
from pyro.distributions import TorchDistribution
from scipy import special
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.constraints import Constraint
from torch.nn import functional
from torch.types import _size

from likelihead.distributions.stirling import wide
from likelihead.laws.law import Array, Claim, Law, claims, law_of, numbers

_UNDEFINED = Claim(
    "undefined", "rankings have no order: use mode(dist), expected_ranks(dist) or first_probability(dist)"
)
#: Pairs of items compared at once.
_MOST_PAIRS = 2**24
#: A mixture's orders of so many items are all compared to find its mode.
_MOST_ITEMS = 5


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
    logits in the order y. As the chosen item is left out of its own sum, the gradient of a confident
    and right ranking does not vanish.
    The mode puts the items in falling order of their logits.

    >>> PlackettLuce(torch.zeros(3)).log_prob(torch.tensor([2, 0, 1])).exp()
    tensor(0.1667)
    """

    arg_constraints = {"logits": constraints.real_vector}  # noqa: RUF012
    support: Constraint = permutation

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


class RankingLaw(Law):
    """Plackett-Luce with scores (..., K): y[..., 0] is the index of the best item."""

    logits: Array
    labels = True
    claims = claims(
        _UNDEFINED,
        mode=Claim("exact", "by argsort; of equal scores the smaller index first"),
        mean=Claim("exact", "the expected rank of each item, from 1"),
    )

    def order(self) -> Array:
        """All items in falling order of their logits, (..., K)."""
        return np.argsort(-self.logits, axis=-1, kind="stable")

    def absent(self) -> Array:
        """Where an item is known to be absent, (..., K): nowhere."""
        return np.zeros(self.shape, dtype=bool)

    def mode(self) -> Array:
        return self._of_present(self.order())

    def _of_present(self, order: Array) -> Array:
        """Orders (..., K), with -1 for the items at the end that are known to be absent."""
        found: Array = np.where(np.take_along_axis(self.absent(), order, -1), -1, order)
        return found

    def mean(self) -> Array:
        """E[rank of item i] = 1 + the sum over j != i of P(j before i) = sigmoid(s_j - s_i)."""
        rows = self.logits.reshape(-1, self.shape[-1])
        step = max(1, _MOST_PAIRS // self.shape[-1] ** 2)
        parts = [rows[start : start + step] for start in range(0, len(rows), step)]
        # Of an item against itself sigmoid(0) = 1/2 is counted, so 1/2 is added instead of 1.
        ranks = [0.5 + special.expit(part[:, None, :] - part[:, :, None]).sum(-1) for part in parts]
        return np.concatenate([*ranks, np.empty((0, self.shape[-1]))]).reshape(self.shape)

    def expected_ranks(self) -> Array:
        return self.mean()

    def first_probability(self) -> Array:
        probability: Array = special.softmax(self.logits, -1)
        return probability

    def hits(self, y: Array) -> Array:
        """Where the first item is that of the mode, (..., 1)."""
        return super().hits(y)[..., :1]

    def listed_as(self, orders: Array, y: Array) -> Array:
        """Orders of all items (S, ..., K) as rows whose observed order is y (..., K) would have listed them."""
        return orders


class RankingMixtureLaw(RankingLaw):
    """A mixture of Plackett-Luce distributions with weights (..., M) and components of shape (..., M, K)."""

    claims = RankingLaw.claims | {
        "mode": Claim(
            "inverted",
            f"of all orders of up to {_MOST_ITEMS} items; of more items, the likeliest that exchanging neighbours "
            "reaches from the modes of the components and from the order of the expected ranks",
        )
    }

    def __init__(self, dist: Any, weights: Array, each: RankingLaw) -> None:
        super().__init__(dist)
        self.weights, self.each = weights[..., None], each

    def mean(self) -> Array:
        return (self.weights * self.each.mean()).sum(-2)

    def first_probability(self) -> Array:
        return (self.weights * self.each.first_probability()).sum(-2)

    def mode(self) -> Array:
        size = self.shape[-1]
        if size <= _MOST_ITEMS:
            orders = np.array(list(permutations(range(size))))
            found = self._log_mass(orders.reshape(-1, *[1] * (len(self.shape) - 1), size)).argmax(0)
            return self._of_present(orders[found])
        starts = [np.argsort(self.mean(), -1, kind="stable")[None], np.moveaxis(self.each.order(), -2, 0)]
        orders = self._climbed(np.concatenate(starts))
        best = self._log_mass(orders).argmax(0)
        return self._of_present(np.take_along_axis(orders, best[None, ..., None], 0)[0])

    def absent(self) -> Array:
        absent: Array = np.asarray(self.each.absent().all(-2))
        return absent

    def listed_as(self, orders: Array, y: Array) -> Array:
        return self.each.listed_as(orders, y)

    def _climbed(self, orders: Array) -> Array:
        """Orders (n, *shape) with neighbours exchanged until no exchange makes them likelier."""
        mass = self._log_mass(orders)
        improves = True
        while improves:
            improves = False
            for place in range(self.shape[-1] - 1):
                exchanged = orders.copy()
                exchanged[..., [place, place + 1]] = orders[..., [place + 1, place]]
                candidate = self._log_mass(exchanged)
                better = candidate > mass + 1e-12
                orders, mass = np.where(better[..., None], exchanged, orders), np.where(better, candidate, mass)
                improves |= bool(better.any())
        return orders

    def _log_mass(self, orders: Array) -> Array:
        return numbers(self.dist.log_prob(torch.from_numpy(orders).expand(len(orders), *self.shape)))


@law_of.register
def _law(ranking: PlackettLuce) -> Law:
    return RankingLaw(ranking, logits=ranking.logits)
