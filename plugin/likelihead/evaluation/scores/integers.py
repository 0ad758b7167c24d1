"""The score on which counts and densities can be compared: what both say of the same whole number."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from likelihead.distributions.tails import has_log_tails, log_mass
from likelihead.evaluation.scores.points import nll, targets
from likelihead.laws.float64 import in_float64
from likelihead.laws.law import law


@np.errstate(all="ignore")
def integer_nll(dist: Any, y: Tensor) -> Tensor | None:
    """-log P(y - 1/2 < Y <= y + 1/2) in nats for whole numbers y, (*batch_shape).

    For a discrete distribution it is the NLL. Of families with `log_tails` it is right however far out in the tail.

    Args:
        dist: a distribution of single numbers.
        y: targets, batch_shape.

    Returns:
        The score; None where y is not whole, or where the distribution has no cdf or is one of vectors.

    >>> from pyro.distributions import Normal, Poisson
    >>> float(integer_nll(Poisson(torch.ones(1)), torch.zeros(1)))
    1.0
    >>> integer_nll(Normal(torch.zeros(1), torch.ones(1)), torch.zeros(1))
    tensor([0.9599], dtype=torch.float64)
    """
    its_law = law(dist)
    if its_law.discrete:
        return nll(dist, y)
    values = targets(dist, y).numpy()
    is_number = not dist.event_shape and its_law.claims["cdf"].how != "undefined"
    if not is_number or not (values == np.floor(values)).all():
        return None
    if has_log_tails(dist):
        at = torch.from_numpy(values)
        return -log_mass(in_float64(dist), at - 0.5, at + 0.5, at)
    return torch.from_numpy(-np.log(its_law.cdf(values + 0.5) - its_law.cdf(values - 0.5)))
