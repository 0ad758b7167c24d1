"""The law of rankings: the most probable order, who comes first, and expected ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy import special

from likelihead.distributions import PlackettLuce
from likelihead.errors import LikelihoodError
from likelihead.laws.law import Array, Claim, Law, claims, law, law_of, numbers

_NONE = Claim("undefined", "rankings have no order: use mode(dist), expected_ranks(dist) or first_probability(dist)")
#: Pairs of items compared at once.
_MOST_PAIRS = 2**24


class RankingLaw(Law):
    """Plackett-Luce with scores (..., K): y[..., 0] is the index of the best item."""

    logits: Array
    labels = True
    claims = claims(
        _NONE,
        mode=Claim("exact", "by argsort; of equal scores the smaller index first"),
        mean=Claim("exact", "the expected rank of each item, from 1"),
    )

    def mode(self) -> Array:
        return np.argsort(-self.logits, axis=-1, kind="stable")

    def mean(self) -> Array:
        """E[rank of item i] = 1 + the sum over j != i of P(j before i) = sigmoid(s_j - s_i)."""
        rows = self.logits.reshape(-1, self.shape[-1])
        step = max(1, _MOST_PAIRS // self.shape[-1] ** 2)
        parts = [rows[start : start + step] for start in range(0, len(rows), step)]
        # Of an item against itself sigmoid(0) = 1/2 is counted, so 1/2 is added instead of 1.
        ranks = [0.5 + special.expit(part[:, None, :] - part[:, :, None]).sum(-1) for part in parts]
        return np.concatenate([*ranks, np.empty((0, self.shape[-1]))]).reshape(self.shape)

    def first(self) -> Array:
        found: Array = special.softmax(self.logits, -1)
        return found


@law_of.register(PlackettLuce)
def _plackett_luce(of: PlackettLuce) -> Law:
    return RankingLaw(logits=numbers(of.logits))


def _ranking(dist: Any) -> RankingLaw:
    found = law(dist)
    if not isinstance(found, RankingLaw):
        raise LikelihoodError(f"only rankings have ranks, and {found.name} is none: use PlackettLuce")
    return found


def first_probability(dist: Any) -> torch.Tensor:
    """The probability of each item to be ranked first, batch_shape + (K,): the softmax of the scores.

    >>> first_probability(PlackettLuce(torch.tensor([0.0, 0.0])))
    tensor([0.5000, 0.5000], dtype=torch.float64)
    """
    return torch.from_numpy(np.ascontiguousarray(_ranking(dist).first()))


def expected_ranks(dist: Any) -> torch.Tensor:
    """The expected rank of each item, batch_shape + (K,), 1 for the first.

    >>> expected_ranks(PlackettLuce(torch.tensor([100.0, 0.0, 0.0])))
    tensor([1.0000, 2.5000, 2.5000], dtype=torch.float64)
    """
    return torch.from_numpy(_ranking(dist).mean())
