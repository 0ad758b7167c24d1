"""Scores of predictions, a value for each row: closed forms where they exist, in float64 on the CPU.

>>> import torch
>>> from pyro.distributions import Normal
>>> from likelihead.evaluation.scores import aggregate, scores
>>> sorted(scores(Normal(torch.zeros(3), torch.ones(3)), torch.zeros(3)))[:3]
['absolute_error', 'coverage_0.9', 'crps']
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
from likelihead.inference.rankings import RankingLaw
from likelihead.laws.circular import CircularLaw
from likelihead.laws.finite import BernoulliLaw, ClassLaw, LevelLaw
from likelihead.laws.law import Law, law

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

_LINE: dict[str, Score] = {
    "nll": nll,
    "crps": crps,
    "squared_error": squared_error,
    "absolute_error": absolute_error,
    "pinball_0.05": lambda dist, y: pinball(dist, y, 0.05),
    "pinball_0.95": lambda dist, y: pinball(dist, y, 0.95),
    "interval_score_0.9": interval_score,
    "coverage_0.9": coverage,
}
_CLASSES: dict[str, Score] = {"nll": nll, "accuracy": accuracy, "brier": brier}
_LEVELS = _CLASSES | {"crps": crps, "absolute_error": absolute_error}
_ANGLES: dict[str, Score] = {"nll": nll, "angular_error": angular_error, "coverage_0.9": coverage}
_RANKINGS: dict[str, Score] = {"nll": nll, "kendall_tau": kendall_tau, "accuracy": accuracy}


def _suited(dist: Any, found: Law) -> dict[str, Score]:
    for kind, suited in ((RankingLaw, _RANKINGS), (CircularLaw, _ANGLES), (LevelLaw, _LEVELS)):
        if isinstance(found, kind):
            return suited
    if isinstance(found, (BernoulliLaw, ClassLaw)):
        return _CLASSES
    if found.claims["quantile"].how == "undefined":
        return {"nll": nll}
    return _LINE | {"energy": energy} if len(dist.event_shape) == 1 else _LINE


@np.errstate(all="ignore")
def scores(dist: Any, y: Tensor) -> dict[str, Tensor]:
    """The scores that suit the family, each of shape batch_shape; for vectors the mean over coordinates.

    All have: nll. On the line: crps, squared_error (of the mean), absolute_error (of the median), pinball_0.05,
    pinball_0.95, interval_score_0.9, coverage_0.9; for vectors energy too. Classes: accuracy, brier; levels in order
    also crps (the ranked probability score) and absolute_error. Directions: angular_error, coverage_0.9. Rankings:
    kendall_tau, and accuracy of the first item.

    Args:
        dist: a distribution of any batch_shape.
        y: batch_shape + event_shape.

    Raises:
        LikelihoodError: y has another shape; a parameter is NaN.
    """
    return {name: score(dist, y) for name, score in _suited(dist, law(dist)).items()}
