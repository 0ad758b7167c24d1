"""Mixtures of any univariate or multivariate family, with finite gradients where every component has density 0."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pyro.distributions as dist
import torch
from scipy import special
from torch import Tensor
from torch.types import _size

from likelihead.distributions.normal import NormalLaw, mean_distance
from likelihead.distributions.plackett_luce import RankingLaw, RankingMixtureLaw
from likelihead.laws import search
from likelihead.laws.circular import CircularLaw, wrap
from likelihead.laws.finite import FiniteLaw
from likelihead.laws.hurdle import HurdleLaw
from likelihead.laws.law import INVERTED, Array, Claim, Law, claims, law, law_of, numbers

#: Ranks of each component whose quantiles are candidates for the mode, beside its own mode.
_RANKS = (0.001, 0.01, 0.05, 0.15, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 0.95, 0.99, 0.999)
#: Ranks of each component between which the shortest interval is looked for, and the points between two of these.
_MARKS, _BETWEEN = (0.02, 0.2, 0.5, 0.8, 0.98), 5
_GLOBAL = Claim("inverted", "the global maximum, found from all components; of equal ones the smallest")


class MixtureSameFamily(dist.MixtureSameFamily):
    """MixtureSameFamily(mixture_distribution, component_distribution): a Categorical (..., K) and components (..., K).

    log p(y) = logsumexp over k of (logits_k + log p_k(y)), logits normalised as a Categorical keeps them. Where every
    log p_k(y) is below the smallest number of the dtype, the result is -inf and its gradient 0; that of Pyro is NaN.

    >>> weights = dist.Categorical(logits=torch.zeros(2))
    >>> mixture = MixtureSameFamily(weights, dist.Normal(torch.tensor([0.0, 1e20]), torch.ones(2)))
    >>> mixture.log_prob(torch.tensor(1.0))
    tensor(-2.1121)
    """

    def expand(self, batch_shape: _size, _instance: Any = None) -> MixtureSameFamily:
        """The same mixture for a larger batch_shape."""
        shape = torch.Size(batch_shape)
        components = self.component_distribution.expand((*shape, self._num_component))
        weights = self.mixture_distribution.expand(shape)
        return type(self)(weights, components, validate_args=self._validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape + event_shape."""
        if self._validate_args:
            self._validate_sample(value)
        each = self.component_distribution.log_prob(self._pad(value))
        joint = each + self.mixture_distribution.logits
        lowest = torch.finfo(joint.dtype).min
        total = torch.logsumexp(joint.clamp(min=lowest), dim=-1)
        return total.masked_fill((joint.detach() <= lowest).all(-1), -torch.inf)


class Components:
    """The weights (*shape, K) and the law of all components, K along `axis` of its arrays (counted from the end)."""

    def __init__(self, weights: Array, each: Law, axis: int) -> None:
        self.law, self.axis = each, axis
        full = np.broadcast_to(weights.reshape((*weights.shape, *[1] * (-1 - axis))), each.shape)
        self.weights = full
        self.log_weights = np.log(full)

    @property
    def shape(self) -> tuple[int, ...]:
        shape = list(self.law.shape)
        del shape[self.axis]
        return tuple(shape)

    def expanded(self, y: Array) -> Array:
        """y (..., *shape) with an axis for the components."""
        return np.expand_dims(np.broadcast_to(y, np.broadcast_shapes(np.shape(y), self.shape)), self.axis)

    def mixed(self, values: Array) -> Array:
        """The weighted sum over components, in which a component without weight counts nothing."""
        total: Array = np.where(self.weights > 0.0, self.weights * values, 0.0).sum(self.axis)
        return total

    def log_mixed(self, values: Array) -> Array:
        joint = np.where(self.weights > 0.0, self.log_weights + values, -np.inf)
        top = joint.max(self.axis, keepdims=True)
        shift = np.where(np.isfinite(top), top, 0.0)
        total = np.log(np.exp(joint - shift).sum(self.axis)) + np.squeeze(shift, self.axis)
        return np.where(np.isposinf(np.squeeze(top, self.axis)), np.inf, total)

    def candidates(self) -> Array:
        """Points (n, *shape) among which the peaks lie: modes, quantiles, midpoints of neighbouring modes."""
        modes = np.sort(np.moveaxis(self.law.mode(), self.axis, 0), axis=0)
        middles = 0.5 * (modes[1:] + modes[:-1])
        return np.concatenate([modes, middles, self.points(_RANKS)])

    def points(self, ranks: tuple[float, ...]) -> Array:
        """The quantiles of all components, (n, *shape); a component's mode where one is infinite."""
        each = np.reshape(ranks, (-1, *[1] * len(self.law.shape))) + np.zeros(self.law.shape)
        points = self.law.quantile(each)
        if not np.isfinite(points).all():
            points = np.where(np.isfinite(points), points, self.law.mode())
        return self.side_by_side(points)

    def side_by_side(self, points: Array) -> Array:
        """Points (n, …) of each component as points (n K, *shape) of the mixture."""
        return np.moveaxis(points, self.axis, 1).reshape(-1, *self.shape)


class MixtureLaw(Law):
    """A mixture on the line, or of counts; of vectors, the marginal mixture of each coordinate."""

    unimodal = False

    def __init__(self, dist: Any, parts: Components) -> None:
        super().__init__(dist)
        self.parts, self.weights = parts, parts.weights
        self.discrete = parts.law.discrete  # type: ignore[misc]
        self.claims = claims(mode=_GLOBAL, median=INVERTED, quantile=INVERTED, interval=INVERTED)
        self.claims |= {name: claim for name, claim in parts.law.claims.items() if claim.how == "undefined"}
        if self.discrete:
            self.claims["pit"] = Claim("exact", "randomised")
        if parts.axis != -1:
            none = "the joint density of a mixture of vectors has no known peak: use sample(dist, n) and log_prob"
            self.claims["mode"] = Claim("undefined", none)

    def bounds(self) -> tuple[Array, Array]:
        lower, upper = self.parts.law.bounds()
        return lower.min(self.parts.axis), upper.max(self.parts.axis)

    def mode(self) -> Array:
        points = self.parts.candidates()
        return search.highest(self.log_density, np.round(points) if self.discrete else points, self.discrete)

    def mean(self) -> Array:
        return self.parts.mixed(self.parts.law.mean())

    def cdf(self, y: Array) -> Array:
        return np.minimum(self.parts.mixed(self.parts.law.cdf(self.parts.expanded(y))), 1.0)

    def log_density(self, y: Array) -> Array:
        return self.parts.log_mixed(self.parts.law.log_density(self.parts.expanded(y)))

    def nodes(self, mass: float, limit: float) -> Array:
        tail = 1e-3 * (limit - mass)
        marks = np.sort(self.parts.points((tail, *_MARKS, 1.0 - tail)), axis=0)
        shares = np.linspace(0.0, 1.0, _BETWEEN, endpoint=False).reshape(-1, *[1] * len(self.shape))
        between = [first + shares * (second - first) for first, second in pairwise(marks)]
        ends = [np.where(np.isfinite(end), end, marks[side]) for side, end in zip((0, -1), self.bounds(), strict=True)]
        # A component with several peaks knows best where they lie.
        own = [] if self.parts.law.unimodal else [self.parts.side_by_side(self.parts.law.nodes(mass, limit))]
        return np.concatenate([*between, marks[-1:], np.stack(ends), *own])

    def quantile(self, q: Array) -> Array:
        q = np.broadcast_to(q, np.broadcast_shapes(np.shape(q), self.shape))
        lower, upper = self._bracket(q)
        if not self.discrete:
            return search.crossing(self.cdf, self.log_density, q, lower, upper)
        smallest = search.smallest_integer(lambda y: self.cdf(y) < q, np.where(np.isfinite(upper), upper, 0.0))
        return np.where(q < 1.0, smallest, upper)

    def _bracket(self, q: Array) -> tuple[Array, Array]:
        """The lowest and the highest quantile of the components: that of the mixture lies between."""
        each = self.parts.law.quantile(self.parts.expanded(q))
        used = self.parts.weights > 0.0
        lower = np.where(used, each, np.inf).min(self.parts.axis)
        return lower, np.where(used, each, -np.inf).max(self.parts.axis)

    def crps(self, y: Array) -> Array:
        """Of normals: Grimit, Gneiting, Berrocal & Johnson (2006). Of others: by quadrature or summation."""
        parts, axis = self.parts, self.parts.axis
        if not isinstance(parts.law, NormalLaw):
            return super().crps(y)
        loc, scale, weights = (np.moveaxis(array, axis, 0) for array in (parts.law.loc, parts.law.scale, parts.weights))
        score = np.zeros(np.broadcast_shapes(np.shape(y), self.shape))
        for k in range(len(loc)):
            width = np.hypot(scale, scale[k])
            pairs = (weights * width * mean_distance((loc - loc[k]) / width)).sum(0)
            score += weights[k] * (scale[k] * mean_distance((y - loc[k]) / scale[k]) - 0.5 * pairs)
        return score


class CircularMixtureLaw(CircularLaw):
    """A mixture on the circle. Its mean direction is 0 where the expected unit vector vanishes."""

    unimodal = False
    claims = CircularLaw.claims | {"mode": _GLOBAL}

    def __init__(self, dist: Any, parts: Components, each: CircularLaw) -> None:
        super().__init__(dist)
        self.parts, self.each, self.weights = parts, each, parts.weights

    def unrolled_cdf(self, y: Array) -> Array:
        return self.parts.mixed(self.each.unrolled_cdf(self.parts.expanded(y)))

    def expected_vector(self) -> tuple[Array, Array]:
        cosine, sine = self.each.expected_vector()
        return self.parts.mixed(cosine), self.parts.mixed(sine)

    def mode(self) -> Array:
        around = np.linspace(-math.pi, math.pi, 65).reshape(-1, *[1] * len(self.shape)) + np.zeros(self.shape)
        return wrap(search.highest(self.log_density, np.concatenate([self.parts.candidates(), around])))

    def log_density(self, y: Array) -> Array:
        return self.parts.log_mixed(self.parts.law.log_density(self.parts.expanded(y)))


@law_of.register
def _law(mixture: dist.MixtureSameFamily) -> Law:
    weights = special.softmax(numbers(mixture.mixture_distribution.logits), -1)
    components = law(mixture.component_distribution)
    if isinstance(components, FiniteLaw) and not mixture.event_shape:
        return components.mixed(mixture, weights)
    if isinstance(components, RankingLaw):
        return RankingMixtureLaw(mixture, weights, components)
    if isinstance(components, HurdleLaw):
        return _hurdle(mixture, weights, components)
    parts = Components(weights, components, -1 - len(mixture.event_shape))
    if isinstance(components, CircularLaw):
        return CircularMixtureLaw(mixture, parts, components)
    return MixtureLaw(mixture, parts)


def _hurdle(mixture: dist.MixtureSameFamily, weights: Array, components: HurdleLaw) -> Law:
    """A mixture of masses at 0 beside densities is one such mass beside the mixture of the densities."""
    passed = weights * special.expit(-components.gate)
    gate = np.log((weights * special.expit(components.gate)).sum(-1)) - np.log(passed.sum(-1))
    shares = dist.Categorical(logits=torch.from_numpy(np.log(passed)), validate_args=False)
    base = MixtureSameFamily(shares, mixture.component_distribution.base_dist, validate_args=False)
    return HurdleLaw(mixture, law(base), gate)
