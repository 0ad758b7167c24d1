"""The Plackett-Luce distribution of rows that rank only some of the items: those present, or the first few."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.distributions.constraints import Constraint
from torch.nn import functional

from likelihead.distributions.plackett_luce import PlackettLuce, RankingLaw
from likelihead.distributions.stirling import wide
from likelihead.laws.law import Array, Law, law_of

#: What y holds after its last item.
UNLISTED = -1
#: The logit of an item that is known to be absent: beside any other, its probability is 0 in float32.
ABSENT = -1e4
#: By how much the logits that stand for -1 fall: each then adds exp(-100) to the loss, which is nothing, while a masked
#: term would make the second derivatives of `logcumsumexp` NaN.
_STEP = 100.0


class PartialPermutation(Constraint):
    """Orders of some of K items: each at most once, then -1 up to the end of the last dimension."""

    is_discrete = True
    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Whether each row (..., K) lists at least one item, and none twice."""
        listed = value != UNLISTED
        known = (value >= 0) & (value < value.shape[-1]) & (value == value.floor() if value.is_floating_point() else 1)
        is_item = (known.bool() | ~listed).all(-1)
        # Items before all -1, which are put behind every item for the comparison of neighbours.
        is_first = (listed[..., :-1] | ~listed[..., 1:]).all(-1) & listed[..., 0]
        ordered = value.masked_fill(~listed, value.shape[-1]).sort(dim=-1).values
        is_once = ((ordered[..., 1:] > ordered[..., :-1]) | (ordered[..., 1:] == value.shape[-1])).all(-1)
        inside: Tensor = is_item & is_first & is_once
        return inside


partial_permutation = PartialPermutation()


class PartialPlackettLuce(PlackettLuce):
    """PartialPlackettLuce(logits), logits (..., K): y (..., K) orders the items that are present, then holds -1.

    An item that a row does not list was absent, as a driver who is not in the race: log p(y) is that of the order of
    those present, given who they are (Hunter, 2004). Samples and the mode are orders of all items; the mode leaves out
    those whose logit is -10,000 or less, which are known to be absent.

    >>> PartialPlackettLuce(torch.zeros(4)).log_prob(torch.tensor([2, 0, -1, -1])).exp()
    tensor(0.5000)
    """

    support: Constraint = partial_permutation
    target_type = "partial_ranking"

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for orders (sample_shape + batch_shape + (K,)), -1 after the last item."""
        if self._validate_args:
            self._validate_sample(value)
        shape = torch.broadcast_shapes(self.logits.shape, value.shape)
        logits, y = wide(self.logits).expand(shape), value.long().expand(shape)
        listed = y >= 0
        never = _below(logits) - _STEP * torch.arange(y.shape[-1] + 1, device=y.device)
        chosen = torch.where(listed, logits.gather(-1, y.clamp(min=0)), never[..., :-1])
        later = torch.cat([chosen, never[..., -1:]], -1).flip(-1).logcumsumexp(-1).flip(-1)[..., 1:]
        later = torch.where(listed, self._with_unlisted(later, logits, y), later)
        return -functional.softplus(later - chosen).sum(-1).to(self.logits.dtype)

    def _with_unlisted(self, later: Tensor, logits: Tensor, y: Tensor) -> Tensor:
        """The log-odds (..., K) of what could have come at each place, with the items that y does not list."""
        return later


def _below(logits: Tensor) -> Tensor:
    """A logit below all of a row, (..., 1)."""
    return logits.detach().amin(-1, keepdim=True) - _STEP


class TopPlackettLuce(PartialPlackettLuce):
    """TopPlackettLuce(logits), logits (..., K): y (..., K) names the first few items in their order, then holds -1.

    The items that a row does not list came after the others, in any order: log p(y) is the probability of the first
    places.

    >>> TopPlackettLuce(torch.zeros(4)).log_prob(torch.tensor([2, 0, -1, -1])).exp()
    tensor(0.0833)
    """

    def _with_unlisted(self, later: Tensor, logits: Tensor, y: Tensor) -> Tensor:
        slots = torch.zeros((*y.shape[:-1], y.shape[-1] + 1), dtype=torch.bool, device=y.device)
        is_listed = slots.scatter(-1, y.masked_fill(y < 0, y.shape[-1]), True)[..., :-1]
        rest = torch.where(is_listed, _below(logits), logits)
        return torch.logaddexp(later, rest.logsumexp(-1, keepdim=True))


class SomeItemsLaw(RankingLaw):
    """The mode leaves out items that are known to be absent."""

    def absent(self) -> Array:
        absent: Array = self.logits <= ABSENT
        return absent


class PartialRankingLaw(SomeItemsLaw):
    """The best item is compared among those present."""

    def hits(self, y: Array) -> Array:
        """Where the first item is the likeliest of those present, of equal ones the first by index, (..., 1)."""
        listed = np.take_along_axis(np.broadcast_to(self.logits, y.shape), np.maximum(y, 0).astype(np.int64), -1)
        listed = np.where(y < 0, -np.inf, listed)
        likeliest = np.where(listed == listed.max(-1, keepdims=True), y, y.shape[-1]).min(-1, keepdims=True)
        hits: Array = likeliest == y[..., :1]
        return hits

    def listed_as(self, orders: Array, y: Array) -> Array:
        """The orders without the items that y does not list, then -1.

        >>> law = law_of(PartialPlackettLuce(torch.zeros(3)))
        >>> law.listed_as(np.array([[2, 1, 0], [0, 2, 1]]), np.array([0, 1, -1]))
        array([[ 1,  0, -1],
               [ 0,  1, -1]])
        """
        place = np.where(y < 0, y.shape[-1], y).astype(np.int64)
        present = np.zeros((*y.shape[:-1], y.shape[-1] + 1), dtype=bool)
        np.put_along_axis(present, place, True, -1)
        kept = np.take_along_axis(np.broadcast_to(present, (*orders.shape[:-1], present.shape[-1])), orders, -1)
        first = np.argsort(~kept, axis=-1, kind="stable")
        found: Array = np.where(np.take_along_axis(kept, first, -1), np.take_along_axis(orders, first, -1), UNLISTED)
        return found


class TopRankingLaw(SomeItemsLaw):
    """The items that a row does not list came later."""

    def listed_as(self, orders: Array, y: Array) -> Array:
        """As many of the first items as y lists, then -1."""
        found: Array = np.where(y < 0, UNLISTED, orders)
        return found


@law_of.register
def _partial(ranking: PartialPlackettLuce) -> Law:
    return PartialRankingLaw(ranking, logits=ranking.logits)


@law_of.register
def _top(ranking: TopPlackettLuce) -> Law:
    return TopRankingLaw(ranking, logits=ranking.logits)
