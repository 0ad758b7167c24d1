"""The score functions, one value per row: of densities, point predictions, intervals, classes, angles and rankings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from likelihead.errors import LikelihoodError
from likelihead.evaluation.quantiles import UNCALIBRATED, Quantiles
from likelihead.inference.functions import mean, mode
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
        raise LikelihoodError(f"y has shape {tuple(y.shape)}, but the distribution has shape {shape}: reshape y")
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
    """The continuous ranked probability score, (*batch_shape); for ordered classes the ranked probability score.

    It has the unit of y; for vectors it is the mean over coordinates. It is a closed form if the law has one, otherwise
    a quadrature.

    Raises:
        LikelihoodError: classes, directions and rankings, which have no cdf on the real line.

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


def absolute_error(dist: Any, y: Tensor, quantiles: Quantiles = UNCALIBRATED) -> Tensor:
    """|y - median|, (*batch_shape); for vectors the mean over coordinates."""
    return rows(dist, (targets(dist, y) - quantiles.median(dist)).abs())


def pinball(dist: Any, y: Tensor, q: float, quantiles: Quantiles = UNCALIBRATED) -> Tensor:
    """The quantile loss (1[y < x] - q) (x - y) at x = quantile(dist, q), (*batch_shape)."""
    excess = quantiles.quantile(dist, q) - targets(dist, y)
    return rows(dist, torch.where(excess > 0.0, (1.0 - q) * excess, -q * excess))


def interval_score(dist: Any, y: Tensor, quantiles: Quantiles = UNCALIBRATED, mass: float = 0.9) -> Tensor:
    """The width of the central interval plus 2 / (1 - mass) times the distance of y from it, (*batch_shape)."""
    value, (lower, upper) = targets(dist, y), quantiles.interval(dist, mass)
    missed = (lower - value).clamp(min=0.0) + (value - upper).clamp(min=0.0)
    return rows(dist, upper - lower + 2.0 / (1.0 - mass) * missed)


def coverage(dist: Any, y: Tensor, quantiles: Quantiles = UNCALIBRATED, mass: float = 0.9) -> Tensor:
    """1 where the central interval contains y, else 0, (*batch_shape); for vectors the share of coordinates."""
    value, (lower, upper) = targets(dist, y), quantiles.interval(dist, mass)
    crossing = lower > upper
    within = torch.where(crossing, (value >= lower) | (value <= upper), (value >= lower) & (value <= upper))
    return rows(dist, within.double())


def width(dist: Any, y: Tensor, quantiles: Quantiles = UNCALIBRATED, mass: float = 0.9) -> Tensor:
    """The width of the central interval, (*batch_shape); for vectors the mean over coordinates; for angles its arc.

    >>> from pyro.distributions import Uniform
    >>> width(Uniform(torch.zeros(1), torch.tensor([2.0])), torch.ones(1))
    tensor([1.8000], dtype=torch.float64)
    """
    targets(dist, y)
    lower, upper = quantiles.interval(dist, mass)
    return rows(dist, torch.where(lower > upper, upper - lower + 2.0 * math.pi, upper - lower))


def accuracy(dist: Any, y: Tensor) -> Tensor:
    """1 where the mode is y, else 0, (*batch_shape); for rankings where the first items agree."""
    hits = law(dist).hits(targets(dist, y).numpy())
    return rows(dist, torch.from_numpy(np.array(hits, dtype=float)))


def brier(dist: Any, y: Tensor) -> Tensor:
    """The Brier score, (*batch_shape): the sum over classes of (p - 1[y])^2; for binary y just (p - y)^2.

    Raises:
        LikelihoodError: the distribution is not one over finitely many classes.
    """
    its_law = law(dist)
    probabilities = its_law.probabilities
    if probabilities is None:
        raise LikelihoodError(f"the Brier score is defined for classes, and {its_law.name} has none: use crps")
    hits = targets(dist, y).numpy()[..., None] == np.arange(probabilities.shape[-1])
    score = torch.from_numpy(((probabilities - hits) ** 2).sum(-1))
    return rows(dist, score if its_law.labels else 0.5 * score)


@np.errstate(all="ignore")
def energy(dist: Any, y: Tensor) -> Tensor:
    """The energy score of vectors, (*batch_shape): exact for normal ones, else from 200 pairs of samples (seed 0)."""
    return torch.from_numpy(np.array(law(dist).energy(targets(dist, y).numpy())))


def angular_error(dist: Any, y: Tensor) -> Tensor:
    """The angle between y and the mean direction, in [0, pi], (*batch_shape)."""
    difference = wrap((targets(dist, y) - mean(dist)).numpy())
    return rows(dist, torch.from_numpy(np.array(np.abs(difference))))


def kendall_tau(dist: Any, y: Tensor) -> Tensor:
    """Kendall's rank correlation of y with the most probable ranking, from -1 to 1, (*batch_shape).

    Only pairs of items that y lists count (-1 stands for none).
    """
    observed, expected = targets(dist, y).long(), mode(dist)
    size = observed.shape[-1]
    # The ranks that y gives to the items in their predicted order: a pair is discordant if its ranks decrease.
    slots = torch.full((*observed.shape[:-1], size + 1), -1)
    places = torch.arange(size).expand(observed.shape)
    ranks = slots.scatter(-1, observed.masked_fill(observed < 0, size), places)[..., :-1]
    ranks = ranks.gather(-1, expected.clamp(min=0)).masked_fill(expected < 0, -1)
    none = torch.zeros(observed.shape[:-1], dtype=torch.int64)
    discordant = sum((((ranks[..., k, None] > ranks[..., k + 1 :]) & (ranks[..., k + 1 :] >= 0)).sum(-1)
                      for k in range(size)), none)  # fmt: skip
    listed = (observed >= 0).sum(-1)
    return 1.0 - discordant.double() / (listed * (listed - 1) / 4.0).clamp(min=0.25)
