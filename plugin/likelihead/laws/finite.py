"""Laws on finitely many values: 0 and 1, levels in order, classes without order."""

from __future__ import annotations

from typing import Any

import numpy as np

from likelihead.laws.law import Array, Claim, Law, claims
from likelihead.laws.shortest import shortest_run

_NO_ORDER = Claim("undefined", "classes have no order: use mode(dist) or the probabilities dist.probs")


class FiniteLaw(Law):
    """The values 0, …, K - 1 with probabilities (*shape, K). Quantiles are the smallest value whose cdf reaches q."""

    discrete = True
    probabilities: Array
    claims = claims(
        mode=Claim("exact", "of equal ones the smallest"),
        mean=Claim("exact", "of the values as numbers"),
        pit=Claim("exact", "randomised"),
    )

    def __init__(self, dist: Any, probabilities: Array, cumulative: Array | None = None) -> None:
        super().__init__(dist)
        self.probabilities = probabilities
        summed = np.cumsum(probabilities, -1) if cumulative is None else cumulative
        self.cumulative = np.minimum(summed, 1.0)
        self.cumulative[..., -1] = 1.0

    def mixed(self, dist: Any, weights: Array) -> FiniteLaw:
        """The law of a mixture whose components (..., M) these are, with weights (..., M)."""
        return self.of(dist, (weights[..., None] * self.probabilities).sum(-2))

    @classmethod
    def of(cls, dist: Any, probabilities: Array) -> FiniteLaw:
        """The law of the same kind with these probabilities."""
        return cls(dist, probabilities)

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
        before = self.cumulative < np.expand_dims(q, -1)
        return np.minimum(before.sum(-1), self.size - 1).astype(float)

    def cdf(self, y: Array) -> Array:
        index = np.clip(np.floor(y), 0, self.size - 1)
        index = np.broadcast_to(index, np.broadcast_shapes(np.shape(index), self.shape))
        table = np.broadcast_to(self.cumulative, (*index.shape, self.size))
        return np.where(y < 0.0, 0.0, np.take_along_axis(table, index[..., None].astype(int), -1)[..., 0])

    def highest_interval(self, mass: float) -> tuple[Array, Array]:
        starts = np.arange(self.size, dtype=float).reshape(-1, *[1] * len(self.shape)) + np.zeros(self.shape)
        return shortest_run(self, np.minimum(starts, self.quantile(np.full(self.shape, 1.0 - mass))), mass)

    def crps(self, y: Array) -> Array:
        """The ranked probability score: the sum over values of (cdf - 1[y <= value])^2."""
        values = np.arange(self.size)
        score: Array = ((self.cumulative - (np.asarray(y)[..., None] <= values)) ** 2).sum(-1)
        return score


class BinaryLaw(FiniteLaw):
    """0 and 1; the mode at even odds is 0."""

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
