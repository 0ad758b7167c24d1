"""Scores of rows: the log score, and what measures point predictions, quantiles, classes, directions and rankings."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from likelihead.errors import LikelihoodError
from likelihead.evaluation.scores.distances import gaussian_energy, sampled_energy
from likelihead.evaluation.scores.ranked import crps_of
from likelihead.inference.functions import interval, mean, median, mode, quantile
from likelihead.inference.rankings import RankingLaw
from likelihead.laws.circular import wrap
from likelihead.laws.finite import FiniteLaw
from likelihead.laws.float64 import in_float64
from likelihead.laws.law import law
from likelihead.laws.line import NormalLaw
from likelihead.laws.vectors import MultivariateNormalLaw


def rows(dist: Any, per_element: Tensor) -> Tensor:
    """The mean over the coordinates of an event: (..., *event_shape) to (...)."""
    size = len(dist.event_shape)
    return per_element.flatten(per_element.dim() - size).mean(-1) if size else per_element


def targets(dist: Any, y: Tensor) -> Tensor:
    """y in float64 on the CPU, of shape batch_shape + event_shape.

    Raises:
        LikelihoodError: it has another shape.
    """
    shape = tuple(dist.batch_shape + dist.event_shape)
    if tuple(y.shape) != shape:
        raise LikelihoodError(f"y has shape {tuple(y.shape)}, but the distribution is of shape {shape}")
    return y.detach().cpu().double()


def nll(dist: Any, y: Tensor) -> Tensor:
    """-log p(y) in nats, in float64, (*batch_shape).

    >>> from pyro.distributions import Normal
    >>> nll(Normal(torch.zeros(1), torch.ones(1)), torch.zeros(1))
    tensor([0.9189], dtype=torch.float64)
    """
    value = targets(dist, y)
    log_prob: Tensor = in_float64(dist).log_prob(value.long() if law(dist).labels else value)
    return -log_prob


@np.errstate(all="ignore")
def crps(dist: Any, y: Tensor) -> Tensor:
    """The continuous ranked probability score, (*batch_shape); of levels the ranked probability score.

    In the unit of y; for vectors the mean over coordinates. The closed forms are in `ranked.py`.

    Raises:
        LikelihoodError: classes, directions and rankings, which have no cdf on a line.

    >>> from pyro.distributions import Bernoulli
    >>> crps(Bernoulli(logits=torch.zeros(1)), torch.ones(1))
    tensor([0.2500], dtype=torch.float64)
    """
    found = law(dist)
    if "undefined" in (found.claims["quantile"].how, found.claims["cdf"].how):
        raise found.refusal("quantile")
    scored = crps_of(found, targets(dist, y).numpy())
    return rows(dist, torch.from_numpy(np.array(scored, dtype=float)))


def squared_error(dist: Any, y: Tensor) -> Tensor:
    """(y - mean)^2, (*batch_shape); for vectors the mean over coordinates."""
    return rows(dist, (targets(dist, y) - mean(dist)).square())


def absolute_error(dist: Any, y: Tensor) -> Tensor:
    """|y - median|, (*batch_shape); for vectors the mean over coordinates."""
    return rows(dist, (targets(dist, y) - median(dist)).abs())


def pinball(dist: Any, y: Tensor, q: float) -> Tensor:
    """The quantile loss (1[y < x] - q) (x - y) of x = quantile(dist, q), (*batch_shape)."""
    excess = quantile(dist, q) - targets(dist, y)
    return rows(dist, torch.where(excess > 0.0, (1.0 - q) * excess, -q * excess))


def interval_score(dist: Any, y: Tensor, mass: float = 0.9) -> Tensor:
    """The width of the central interval plus 2 / (1 - mass) times the distance of y from it, (*batch_shape)."""
    value, (lower, upper) = targets(dist, y), interval(dist, mass)
    missed = (lower - value).clamp(min=0.0) + (value - upper).clamp(min=0.0)
    return rows(dist, upper - lower + 2.0 / (1.0 - mass) * missed)


def coverage(dist: Any, y: Tensor, mass: float = 0.9) -> Tensor:
    """1 where y lies in the central interval and 0 elsewhere, (*batch_shape); for vectors the share of coordinates."""
    value, (lower, upper) = targets(dist, y), interval(dist, mass)
    crossing = lower > upper
    within = torch.where(crossing, (value >= lower) | (value <= upper), (value >= lower) & (value <= upper))
    return rows(dist, within.double())


def accuracy(dist: Any, y: Tensor) -> Tensor:
    """1 where the mode is y and 0 elsewhere, (*batch_shape); of rankings, where the first item is right."""
    hit = (mode(dist).double() == targets(dist, y)).double()
    return hit[..., 0] if isinstance(law(dist), RankingLaw) else rows(dist, hit)


def brier(dist: Any, y: Tensor) -> Tensor:
    """The Brier score, (*batch_shape): the sum over classes of (p - 1[y])^2, and for 0 and 1 alone (p - y)^2.

    Raises:
        LikelihoodError: the distribution has no finite set of classes.
    """
    found = law(dist)
    if not isinstance(found, FiniteLaw):
        raise LikelihoodError(f"the Brier score is one of classes, and {found.name} has none: use crps")
    hit = targets(dist, y).numpy()[..., None] == np.arange(found.size)
    score = torch.from_numpy(((found.probabilities - hit) ** 2).sum(-1))
    return rows(dist, score if found.labels else 0.5 * score)


@np.errstate(all="ignore")
def energy(dist: Any, y: Tensor) -> Tensor:
    """The energy score of vectors, (*batch_shape): exact for normal ones, else by 200 pairs of samples (seed 0)."""
    found, value = law(dist), targets(dist, y)
    if isinstance(found, NormalLaw):
        diagonal = found.scale[..., None] * np.eye(value.shape[-1])
        factor = found.factor if isinstance(found, MultivariateNormalLaw) else diagonal
        return torch.from_numpy(np.array(gaussian_energy(found.loc, factor, value.numpy())))
    return sampled_energy(dist, value)


def angular_error(dist: Any, y: Tensor) -> Tensor:
    """The angle between y and the mean direction, in [0, pi], (*batch_shape)."""
    turned = wrap((targets(dist, y) - mean(dist)).numpy())
    return rows(dist, torch.from_numpy(np.array(np.abs(turned))))


def kendall_tau(dist: Any, y: Tensor) -> Tensor:
    """Kendall's rank correlation of y with the most probable ranking, from -1 to 1, (*batch_shape)."""
    seen, expected = targets(dist, y).long(), mode(dist)
    # The place that y gives to each item, in the order of the prediction: a pair is discordant where it falls.
    places = torch.argsort(seen, -1).gather(-1, expected)
    size = places.shape[-1]
    discordant = sum(((places[..., k, None] > places[..., k + 1 :]).sum(-1) for k in range(size)), torch.tensor(0))
    return 1.0 - discordant.double() / max(size * (size - 1) / 4.0, 0.25)
