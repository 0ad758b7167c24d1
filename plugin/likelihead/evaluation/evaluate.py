"""Scores of a trained model on a split: float64, on the CPU, all rows at once."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from likelihead.data import Split
from likelihead.errors import LikelihoodError
from likelihead.evaluation.scores import aggregate, scores
from likelihead.heads.distribution_head import DistributionHead
from likelihead.heads.parameters import Learned
from likelihead.training.module import LikelihoodModule


def double(values: Tensor | None) -> Tensor | None:
    """Real numbers in float64; labels and rankings stay whole numbers."""
    return values.double() if values is not None and values.is_floating_point() else values


@torch.no_grad()
def distribution(module: LikelihoodModule, split: Split) -> Any:
    """The predicted distribution of each row in float64, batch_shape (n,)."""
    exact = deepcopy(module).cpu().double().eval()
    return exact(split.x.double(), double(split.exposure))


def targets(split: Split) -> Tensor:
    """The targets in float64, (n, *event_shape).

    Raises:
        LikelihoodError: the rows have no targets.
    """
    y = double(split.y)
    if y is None:
        raise LikelihoodError("these rows have no targets, so there is nothing to score")
    return y


@torch.no_grad()
def evaluate(module: LikelihoodModule, split: Split) -> dict[str, Any]:
    """`n`, `nll` (mean over rows, nats) and the scores that suit the family; without rows `n` 0 and `nll` None."""
    if not len(split):
        return {"n": 0, "nll": None}
    per_row = scores(distribution(module, split), targets(split))
    return {"n": len(split), **aggregate(per_row, split.weight)}


@torch.no_grad()
def marginal_nll(module: LikelihoodModule, split: Split) -> float | None:
    """Mean NLL of the marginal fit, at which training started."""
    if not len(split):
        return None
    head = _untrained(module.head)
    log_prob = head.marginal(len(split), double(split.exposure)).log_prob(targets(split))
    return mean_nll(log_prob, split)


def _untrained(head: DistributionHead) -> DistributionHead:
    """The head where it started: constants learned since then go back to the marginal fit."""
    copied = deepcopy(head).cpu().double()
    with torch.no_grad():
        for parameter in copied.parameter.values():
            if isinstance(parameter, Learned):
                parameter.raw.zero_()
    return copied


def oracle_nll(split: Split) -> float | None:
    """Mean NLL of the true distribution, where the data set knows it."""
    return mean_nll(split.oracle, split) if split.oracle is not None and len(split) else None


def mean_nll(log_prob: Tensor, split: Split) -> float:
    """Weighted mean of minus log_prob (n,)."""
    weight = torch.ones(len(split), dtype=torch.float64) if split.weight is None else split.weight.double()
    return float(-(weight * log_prob.double()).sum() / weight.sum())


@torch.no_grad()
def standard_errors(module: LikelihoodModule, split: Split) -> dict[str, float]:
    """The standard error of each score's mean over rows; empty for fewer than two rows."""
    if len(split) < 2:
        return {}
    per_row = scores(distribution(module, split), targets(split))
    found = aggregate(per_row, split.weight, errors=True)
    return {name: found[f"{name}_se"] for name in per_row}
