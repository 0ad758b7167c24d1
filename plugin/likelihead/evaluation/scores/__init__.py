"""Scores of predictions, one value per row, in float64 on the CPU; closed forms where they exist.

>>> import torch
>>> from pyro.distributions import Normal
>>> from likelihead.evaluation.scores import aggregate, scores
>>> sorted(scores(Normal(torch.zeros(3), torch.ones(3)), torch.zeros(3)))[:3]
['absolute_error', 'coverage_0.9', 'crps']
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from likelihead.distributions.joint import Joint
from likelihead.evaluation.quantiles import UNCALIBRATED, Quantiles
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
    width,
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
    "width",
]

Score = Callable[..., Tensor]


class ScoreSpec(NamedTuple):
    """A score, and the functions of the distribution that must be defined for it.

    A score `from_quantiles` takes a `Quantiles` as its third argument.
    """

    score: Score
    needs: tuple[str, ...] = ()
    from_quantiles: bool = False


#: The scores by the names that target types list.
SCORES: dict[str, ScoreSpec] = {
    "nll": ScoreSpec(nll),
    "crps": ScoreSpec(crps, ("quantile", "cdf")),
    "squared_error": ScoreSpec(squared_error, ("mean",)),
    "absolute_error": ScoreSpec(absolute_error, ("median",), True),
    "pinball_0.05": ScoreSpec(partial(pinball, q=0.05), ("quantile",), True),
    "pinball_0.95": ScoreSpec(partial(pinball, q=0.95), ("quantile",), True),
    "interval_score_0.9": ScoreSpec(interval_score, ("interval",), True),
    "coverage_0.9": ScoreSpec(coverage, ("interval",), True),
    "width_0.9": ScoreSpec(width, ("interval",), True),
    "energy": ScoreSpec(energy, ("quantile",)),
    "accuracy": ScoreSpec(accuracy, ("mode",)),
    "brier": ScoreSpec(brier),
    "angular_error": ScoreSpec(angular_error, ("mean",)),
    "kendall_tau": ScoreSpec(kendall_tau, ("mode",)),
}


@np.errstate(all="ignore")
def scores(
    dist: Any, y: Tensor, quantiles: Quantiles | None = None, names: Collection[str] | None = None
) -> dict[str, Tensor]:
    """The scores that suit the target type; for vectors means over coordinates.

    - All: nll.
    - Numbers: crps, squared_error (of the mean), absolute_error (of the median), pinball_0.05, pinball_0.95,
      interval_score_0.9, coverage_0.9 and width_0.9 (of the central interval); for vectors also energy.
    - Classes: accuracy and brier; for ordered classes also crps (the ranked probability score) and absolute_error.
    - Directions: angular_error, coverage_0.9 and width_0.9.
    - Rankings: kendall_tau, and accuracy of the first item.
    - Joint targets: nll, and the scores of each target with its name in front, NaN where it is missing.

    Scores that need an undefined statistic (the mean of a Cauchy distribution, quantiles without a cdf) are left out.

    Args:
        dist: a distribution of any batch_shape.
        y: targets, batch_shape + event_shape.
        quantiles: a calibration, whose quantiles are scored in place of those of the distribution.
        names: the scores to compute, as far as they suit; None for all.

    Returns:
        Each score by name, of shape batch_shape.

    Raises:
        LikelihoodError: y has another shape, or a parameter is NaN.

    >>> import torch
    >>> from pyro.distributions import Categorical
    >>> sorted(scores(Categorical(logits=torch.zeros(3, 4)), torch.tensor([0, 1, 2])))
    ['accuracy', 'brier', 'nll']
    """
    if isinstance(dist, Joint):
        return _joint_scores(dist, y, names)
    claims = law(dist).claims
    defined = {name for name, claim in claims.items() if claim.how != "undefined"}
    suitable = {name: SCORES[name] for name in class_of(dist).scores if set(SCORES[name].needs) <= defined}
    if len(dist.event_shape) != 1:
        suitable.pop("energy", None)
    source = UNCALIBRATED if quantiles is None else quantiles
    return {
        name: spec.score(dist, y, **({"quantiles": source} if spec.from_quantiles else {}))
        for name, spec in suitable.items()
        if names is None or name in names
    }


def _joint_scores(joint: Joint, y: Tensor, names: Collection[str] | None) -> dict[str, Tensor]:
    found = {"nll": -joint.log_prob(y)}
    for target, dist, values, known in joint.targets(y):
        for name, each in scores(dist, values, None, names).items():
            found[f"{target}.{name}"] = each.masked_fill(~known, torch.nan)
    return found
