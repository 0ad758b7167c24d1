"""Scores of predictions, a value for each row: closed forms where they exist, in float64 on the CPU.

>>> import torch
>>> from pyro.distributions import Normal
>>> from likelihead.evaluation.scores import aggregate, scores
>>> sorted(scores(Normal(torch.zeros(3), torch.ones(3)), torch.zeros(3)))[:3]
['absolute_error', 'coverage_0.9', 'crps']
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from likelihead.evaluation.scores.aggregation import aggregate
from likelihead.evaluation.scores.points import (
    absolute_error,
    accuracy,
    angular_error,
    brier,
    coverage,
    crps,
    energy,
    interval_score,
    kendall_tau,
    nll,
    pinball,
    squared_error,
)
from likelihead.laws.law import law
from likelihead.target_types.detect import class_of

__all__ = [
    "absolute_error",
    "accuracy",
    "aggregate",
    "angular_error",
    "brier",
    "coverage",
    "crps",
    "energy",
    "interval_score",
    "kendall_tau",
    "nll",
    "pinball",
    "scores",
    "squared_error",
]

Score = Callable[[Any, Tensor], Tensor]


class Scored(NamedTuple):
    """A score, and the functions of the distribution that it is computed from."""

    score: Score
    needs: tuple[str, ...] = ()


#: The scores by the names that a target type lists.
SCORES: dict[str, Scored] = {
    "nll": Scored(nll),
    "crps": Scored(crps, ("quantile", "cdf")),
    "squared_error": Scored(squared_error, ("mean",)),
    "absolute_error": Scored(absolute_error, ("median",)),
    "pinball_0.05": Scored(partial(pinball, q=0.05), ("quantile",)),
    "pinball_0.95": Scored(partial(pinball, q=0.95), ("quantile",)),
    "interval_score_0.9": Scored(interval_score, ("interval",)),
    "coverage_0.9": Scored(coverage, ("interval",)),
    "energy": Scored(energy, ("quantile",)),
    "accuracy": Scored(accuracy, ("mode",)),
    "brier": Scored(brier),
    "angular_error": Scored(angular_error, ("mean",)),
    "kendall_tau": Scored(kendall_tau, ("mode",)),
}


@np.errstate(all="ignore")
def scores(dist: Any, y: Tensor) -> dict[str, Tensor]:
    """The scores that suit the target type, each of shape batch_shape; for vectors the mean over coordinates.

    All have: nll. Numbers: crps, squared_error (of the mean), absolute_error (of the median), pinball_0.05,
    pinball_0.95, interval_score_0.9, coverage_0.9; for vectors energy too. Classes: accuracy, brier; levels in order
    also crps (the ranked probability score) and absolute_error. Directions: angular_error, coverage_0.9. Rankings:
    kendall_tau, and accuracy of the first item. A score of something that is undefined (the mean of a Cauchy
    distribution, the quantiles of one without a cdf) is left out.

    Args:
        dist: a distribution of any batch_shape.
        y: batch_shape + event_shape.

    Raises:
        LikelihoodError: y has another shape; a parameter is NaN.
    """
    claims = law(dist).claims
    defined = {name for name, claim in claims.items() if claim.how != "undefined"}
    suited = {name: SCORES[name] for name in class_of(dist).scores if set(SCORES[name].needs) <= defined}
    if len(dist.event_shape) != 1:
        suited.pop("energy", None)
    return {name: scored.score(dist, y) for name, scored in suited.items()}
