"""Functions of rankings: the probability of coming first, and expected ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from likelihead.laws.law import law


def first_probability(dist: Any) -> torch.Tensor:
    """The probability that each item is ranked first, batch_shape + (K,): the softmax of the logits.

    Raises:
        LikelihoodError: the distribution is not one of rankings.

    >>> from likelihead.distributions import PlackettLuce
    >>> first_probability(PlackettLuce(torch.tensor([0.0, 0.0])))
    tensor([0.5000, 0.5000], dtype=torch.float64)
    """
    return torch.from_numpy(np.ascontiguousarray(law(dist).first_probability()))


def expected_ranks(dist: Any) -> torch.Tensor:
    """The expected rank of each item, batch_shape + (K,), 1 for the first.

    Raises:
        LikelihoodError: the distribution is not one of rankings.

    >>> from likelihead.distributions import PlackettLuce
    >>> expected_ranks(PlackettLuce(torch.tensor([100.0, 0.0, 0.0])))
    tensor([1.0000, 2.5000, 2.5000], dtype=torch.float64)
    """
    return torch.from_numpy(law(dist).expected_ranks())
