"""Scores of rows: the log score, and what measures point predictions, quantiles, classes, directions and rankings."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from likelihead.errors import LikelihoodError
from likelihead.inference.functions import interval, mean, median, mode, quantile
from likelihead.laws.circular import wrap
from likelihead.laws.float64 import in_float64
from likelihead.laws.law import law


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

    In the unit of y; for vectors the mean over coordinates. A closed form where the law has one, else a quadrature.

    Raises:
        LikelihoodError: classes, directions and rankings, which have no cdf on a line.

    >>> from pyro.distributions import Bernoulli
    >>> crps(Bernoulli(logits=torch.zeros(1)), torch.ones(1))
    tensor([0.2500], dtype=torch.float64)
    """
    its_law = law(dist)
    if "undefined" in (its_law.claims["quantile"].how, its_law.claims["cdf"].how):
        raise its_law.refusal("quantile")
    score = its_law.crps(targets(dist, y).numpy())
    return rows(dist, torch.from_numpy(np.array(score, dtype=float)))


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
    hits = law(dist).hits(targets(dist, y).numpy())
    return rows(dist, torch.from_numpy(np.array(hits, dtype=float)))


def brier(dist: Any, y: Tensor) -> Tensor:
    """The Brier score, (*batch_shape): the sum over classes of (p - 1[y])^2, and for 0 and 1 alone (p - y)^2.

    Raises:
        LikelihoodError: the distribution has no finite set of classes.
    """
    its_law = law(dist)
    probabilities = its_law.probabilities
    if probabilities is None:
        raise LikelihoodError(f"the Brier score is one of classes, and {its_law.name} has none: use crps")
    hits = targets(dist, y).numpy()[..., None] == np.arange(probabilities.shape[-1])
    score = torch.from_numpy(((probabilities - hits) ** 2).sum(-1))
    return rows(dist, score if its_law.labels else 0.5 * score)


@np.errstate(all="ignore")
def energy(dist: Any, y: Tensor) -> Tensor:
    """The energy score of vectors, (*batch_shape): exact for normal ones, else by 200 pairs of samples (seed 0)."""
    return torch.from_numpy(np.array(law(dist).energy(targets(dist, y).numpy())))


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
