"""The laws of all other distributions: by their cdf where they have one, by enumeration where their values are few."""

from __future__ import annotations

import numpy as np
import torch
from torch.distributions import Distribution

from likelihead.laws import search
from likelihead.laws.finite import FiniteLaw
from likelihead.laws.law import INVERTED, Array, Claim, Law, claims, law_of, numbers

_SAMPLED = "no exact form is known: use sample(dist, n).quantile(q, 0), or another statistic of sample(dist, n)"
_NONE = Claim("undefined", _SAMPLED)
#: Ranks whose quantiles are candidates for the mode.
_RANKS = np.concatenate([[1e-6, 1e-4], np.linspace(1e-3, 1.0 - 1e-3, 127), [1.0 - 1e-4, 1.0 - 1e-6]])


class OpaqueLaw(Law):
    """A distribution of which at most the mode and the mean are known, as its class computes them."""

    def __init__(self, dist: Distribution) -> None:
        super().__init__(dist)
        self.claims = claims(_NONE)
        for name in ("mode", "mean"):
            if self._statistic(name) is not None:
                self.claims[name] = Claim("exact", "as the class of the distribution computes it")

    def _statistic(self, name: str) -> Array | None:
        """A statistic as the class of the distribution computes it; None if it has none or it contains NaN."""
        try:
            statistic = numbers(getattr(self.dist, name))
        except (NotImplementedError, AttributeError, RuntimeError):
            return None
        return None if np.isnan(statistic).any() else np.broadcast_to(statistic, self.shape)

    def _statistic_or_error(self, name: str) -> Array:
        statistic = self._statistic(name)
        if statistic is None:
            raise self.refusal(name)
        return statistic

    def mode(self) -> Array:
        return self._statistic_or_error("mode")

    def mean(self) -> Array:
        return self._statistic_or_error("mean")


class CdfLaw(OpaqueLaw):
    """A continuous distribution with a cdf, which is inverted; its icdf, if any, is not used."""

    unimodal = False

    def __init__(self, dist: Distribution) -> None:
        super().__init__(dist)
        mean = self.claims["mean"]
        self.claims = claims(INVERTED, mean=mean, mode=Claim("inverted", "the median where the density is flat"))
        self.claims |= {"cdf": Claim("exact", "as the class of the distribution computes it"), "pit": Claim("exact")}

    def cdf(self, y: Array) -> Array:
        lower, upper = self.bounds()
        inside = np.clip(y, lower, upper)
        rank = numbers(self.dist.cdf(torch.as_tensor(inside)))
        return np.where(y >= upper, 1.0, np.where(y <= lower, 0.0, rank))

    def quantile(self, q: Array) -> Array:
        q = np.broadcast_to(q, np.broadcast_shapes(np.shape(q), self.shape))
        lower, upper = (np.broadcast_to(end, q.shape) for end in self.bounds())
        return search.smallest(lambda y: ~(self.cdf(y) >= q), lower, upper)

    def mode(self) -> Array:
        ranks = _RANKS.reshape(-1, *[1] * len(self.shape)) + np.zeros(self.shape)
        points = np.concatenate([self.quantile(ranks), np.stack(self.bounds())])
        middle = self.median()
        points = np.where(np.isfinite(points), points, middle)
        scores = self.log_density(points[1:-3])
        flat = np.ptp(scores, axis=0) < 1e-12
        peak = search.highest(self.log_density, points)
        return np.where(flat, middle, peak)


@law_of.register(Distribution)
def _generic(dist: Distribution) -> Law:
    if dist.event_shape:
        return OpaqueLaw(dist)
    if dist.has_enumerate_support:
        return _enumerated(dist)
    if dist.support is not None and not dist.support.is_discrete and _has_cdf(dist):
        return CdfLaw(dist)
    return OpaqueLaw(dist)


def _enumerated(dist: Distribution) -> Law:
    values = dist.enumerate_support(expand=False)
    if not torch.equal(values.flatten().long(), torch.arange(len(values))):
        return OpaqueLaw(dist)
    probabilities = np.moveaxis(numbers(dist.log_prob(values).exp()), 0, -1)
    return FiniteLaw(dist, probabilities / probabilities.sum(-1, keepdims=True))


def _has_cdf(dist: Distribution) -> bool:
    try:
        with torch.random.fork_rng(devices=[]):
            dist.cdf(dist.sample())
    except (NotImplementedError, AttributeError):
        return False
    return True
