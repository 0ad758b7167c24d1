"""Laws on finitely many values: Bernoulli, levels in order, classes without order."""

from __future__ import annotations

import numpy as np
import pyro.distributions as dist
from scipy import special

from likelihead.laws import search
from likelihead.laws.law import Array, Claim, Law, claims, law_of, numbers

_NO_ORDER = Claim("undefined", "classes have no order: use mode(dist) or the probabilities dist.probs")


class FiniteLaw(Law):
    """The values 0, …, K - 1 with probabilities (*shape, K). Quantiles are the smallest value whose cdf reaches q."""

    discrete = True
    claims = claims(
        mode=Claim("exact", "of equal ones the smallest"),
        mean=Claim("exact", "of the values as numbers"),
        pit=Claim("exact", "randomised"),
    )

    def __init__(self, probabilities: Array, cumulative: Array | None = None) -> None:
        self.shape = probabilities.shape[:-1]
        self.probabilities = probabilities
        summed = np.cumsum(probabilities, -1) if cumulative is None else cumulative
        self.cumulative = np.minimum(summed, 1.0)
        self.cumulative[..., -1] = 1.0

    @property
    def size(self) -> int:
        return self.probabilities.shape[-1]

    def bounds(self) -> tuple[Array, Array]:
        return np.zeros(self.shape), np.full(self.shape, self.size - 1.0)

    def mode(self) -> Array:
        return np.argmax(self.probabilities, -1).astype(float)

    def mean(self) -> Array:
        return self.probabilities @ np.arange(self.size, dtype=float)

    def quantile(self, q: Array) -> Array:
        reached = self.cumulative < np.expand_dims(q, -1)
        return np.minimum(reached.sum(-1), self.size - 1).astype(float)

    def cdf(self, y: Array) -> Array:
        index = np.clip(np.floor(y), 0, self.size - 1)
        return np.where(y < 0.0, 0.0, self._at(self.cumulative, index))

    def log_density(self, y: Array) -> Array:
        inside = (y >= 0.0) & (y <= self.size - 1)
        return np.log(np.where(inside, self._at(self.probabilities, np.clip(y, 0, self.size - 1)), 0.0))

    def highest(self, mass: float) -> tuple[Array, Array]:
        starts = np.arange(self.size, dtype=float).reshape(-1, *[1] * len(self.shape)) + np.zeros(self.shape)
        return search.shortest_run(self, np.minimum(starts, self.quantile(np.full(self.shape, 1.0 - mass))), mass)

    def _at(self, table: Array, index: Array) -> Array:
        index = np.broadcast_to(index, np.broadcast_shapes(np.shape(index), self.shape))
        rows = np.broadcast_to(table, (*index.shape, self.size))
        return np.take_along_axis(rows, index[..., None].astype(int), -1)[..., 0]


class BernoulliLaw(FiniteLaw):
    """0 and 1; the mode of a fair coin is 0."""

    claims = FiniteLaw.claims | {"mode": Claim("exact", "0 at 1/2"), "mean": Claim("exact", "the probability of 1")}


class LevelLaw(FiniteLaw):
    """Levels in order: the mean is that of the level's number, which counts from 0."""

    labels = True
    claims = FiniteLaw.claims | {"mean": Claim("exact", "of the level's number, from 0")}


class ClassLaw(FiniteLaw):
    """Classes without order: what rests on an order is undefined but the cdf, which the PIT needs."""

    labels = True
    claims = claims(
        mode=Claim("exact", "of equal ones the smallest index"),
        mean=_NO_ORDER,
        median=_NO_ORDER,
        quantile=_NO_ORDER,
        interval=_NO_ORDER,
        cdf=Claim("exact", "in the order of the indices"),
        pit=Claim("exact", "randomised, in the order of the indices"),
    )


@law_of.register(dist.Bernoulli)
def _bernoulli(of: dist.Bernoulli) -> Law:
    logits = numbers(of.logits)
    return BernoulliLaw(np.stack([special.expit(-logits), special.expit(logits)], -1))


@law_of.register(dist.Categorical)
def _categorical(of: dist.Categorical) -> Law:
    return ClassLaw(special.softmax(numbers(of.logits), -1))


@law_of.register(dist.OrderedLogistic)
def _ordered_logistic(of: dist.OrderedLogistic) -> Law:
    # P(level k) = sigmoid(above) - sigmoid(below), each difference taken on the side where it does not cancel.
    edges = numbers(of.cutpoints) - numbers(of.predictor)[..., None]
    infinite = np.full((*edges.shape[:-1], 1), np.inf)
    above, below = np.concatenate([edges, infinite], -1), np.concatenate([-infinite, edges], -1)
    swap = below > 0.0
    upper, lower = np.where(swap, -below, above), np.where(swap, -above, below)
    return LevelLaw(special.expit(upper) - special.expit(lower), special.expit(above))
