"""A normalising flow on top of any continuous family: a monotone rational-quadratic spline of its ranks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.constraints import Constraint
from torch.types import _size

from likelihead.distributions.rational_quadratic import Bins, inverse, log_values
from likelihead.distributions.stirling import wide
from likelihead.distributions.tails import LogTails, from_tail, has_log_tails, log_tails, support_ends
from likelihead.distributions.wrapped import Wrapped, parameter_dtype
from likelihead.errors import LikelihoodError
from likelihead.laws import search
from likelihead.laws.crps import RANKS
from likelihead.laws.law import INVERTED, Array, Claim, Law, claims, law, law_of, numbers
from likelihead.laws.moments import mean_by_quadrature

#: Points of each bin among which the mode is looked for.
_POINTS = 8
#: The logarithm of a rank below which the spline is its tangent at the end.
_LOWEST = -700.0


class _Values(NamedTuple):
    """At y (...): log S and log S' on the side of the smaller tail, and whether that is the upper one."""

    log_tail: Tensor
    log_slope: Tensor
    is_upper: Tensor


class Spline(Wrapped):
    """Spline(base_dist, widths, heights, slopes): the base, whose ranks pass through a monotone spline.

    With F and f the cdf and the density of the base, and S the rational-quadratic spline of Gregory & Delbourgo (1982)
    from [0, 1] to itself, P(Y <= y) = S(F(y)) and log p(y) = log f(y) + log S'(F(y)): a normalising flow (Durkan et
    al., 2019, Neural spline flows) whose tails are those of the base, times a constant.

    S has K bins. Their widths and heights (..., K) are positive, and only their ratios count: a bin is at least 1/100
    wide and 1/1000 high. The slopes (..., K + 1) at the knots are positive; a slope s counts as
    exp(L tanh(log(s) / L)), L = log(100), which is nearly s where that is near 1. Where all are 1 it is the base.

    >>> import pyro.distributions as dist
    >>> base, ones = dist.Normal(torch.tensor(0.0), torch.tensor(1.0)), torch.ones(3)
    >>> Spline(base, ones, ones, torch.ones(4)).log_prob(torch.tensor(0.4)) - base.log_prob(torch.tensor(0.4))
    tensor(0.)
    """

    arg_constraints = {  # noqa: RUF012
        "widths": constraints.independent(constraints.positive, 1),
        "heights": constraints.independent(constraints.positive, 1),
        "slopes": constraints.independent(constraints.positive, 1),
    }

    def __init__(
        self, base_dist: Any, widths: Tensor, heights: Tensor, slopes: Tensor, validate_args: bool | None = None
    ) -> None:
        name = type(base_dist).__name__
        if (
            base_dist.event_shape
            or not has_log_tails(base_dist)
            or base_dist.support.is_discrete
            or _has_mass(base_dist)
        ):
            raise LikelihoodError(f"spline is for continuous families of numbers, and {name} is none")
        self.base_dist, shape = base_dist, base_dist.batch_shape
        self.widths, self.heights, self.slopes = (
            values.expand(*shape, values.shape[-1]) for values in (widths, heights, slopes)
        )
        super().__init__(shape, validate_args=validate_args)

    @constraints.dependent_property(event_dim=0)
    def support(self) -> Constraint:
        """That of the base."""
        return self.base_dist.support

    @property
    def mean(self) -> Tensor:
        """The expectation, by quadrature, without gradients."""
        return torch.from_numpy(np.array(law(self).mean())).to(parameter_dtype(self))

    @torch.no_grad()
    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Samples of shape sample_shape + batch_shape."""
        uniform = torch.rand(self._extended_shape(torch.Size(sample_shape)), dtype=torch.float64)
        with np.errstate(all="ignore"):
            drawn = torch.from_numpy(np.array(law(self).quantile(uniform.numpy())))
        return drawn.to(parameter_dtype(self))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        y = value.to(torch.promote_types(value.dtype, parameter_dtype(self)))
        log_prob: Tensor = self.base_dist.log_prob(y) + self.values(y).log_slope
        return log_prob.to(parameter_dtype(self))

    def bins(self) -> Bins:
        """The spline, in float64."""
        return Bins.of(*(wide(values) for values in (self.widths, self.heights, self.slopes)))

    def values(self, y: Tensor) -> _Values:
        """The spline at the rank of y (...), from the end that is nearer: there both keep their digits."""
        least, most = support_ends(self.base_dist)
        # At an end of the support the rank is 0 or 1, which has no slope.
        at_end = (y <= least) | (y >= most)
        tails = log_tails(self.base_dist, torch.where(at_end, _inside(least, most), y))
        is_upper = torch.where(at_end, y >= most, tails.log_survival < tails.log_cdf)
        tail = torch.where(is_upper, tails.log_survival, tails.log_cdf).masked_fill(at_end, _LOWEST)
        found = log_values(self.bins().seen_from(is_upper), tail.clamp(min=_LOWEST))
        beyond = tail.clamp(max=_LOWEST) - _LOWEST
        return _Values((found.value + beyond).masked_fill(at_end, -torch.inf), found.slope, is_upper)


def _has_mass(dist: Any) -> bool:
    """Whether 0 has a probability of its own, in the distribution or in what it is made of."""
    return getattr(dist, "has_mass_at_zero", False) or (hasattr(dist, "base_dist") and _has_mass(dist.base_dist))


def _inside(least: Any, most: Any) -> Any:
    """A value inside a support."""
    if np.isfinite(least) and np.isfinite(most):
        return 0.5 * (least + most)
    return least + 1.0 if np.isfinite(least) else most - 1.0 if np.isfinite(most) else 0.0


class SplineLaw(Law):
    """The law of a base whose ranks pass through a spline."""

    unimodal = False
    claims = claims(
        mode=Claim("inverted", "the global maximum, found from points in all bins; of equal ones the smallest"),
        mean=Claim("inverted", "by quadrature"),
        interval=INVERTED,
    )

    def __init__(self, dist: Spline, base: Law) -> None:
        super().__init__(dist)
        self.base, self.bins = base, dist.bins()

    def mode(self) -> Array:
        return search.highest(self.log_density, self._candidates())

    def _candidates(self) -> Array:
        """Points (n, *shape) in all bins, the ends of the support and the base's mode."""
        steps = torch.linspace(0.0, 1.0, _POINTS + 1, dtype=torch.float64)[1:].reshape(-1, *[1] * len(self.shape), 1)
        inside = self.bins.widths.cumsum(-1) - (1.0 - steps) * self.bins.widths
        ranks = numbers(inside.movedim(-1, 1).reshape(-1, *self.shape)).clip(RANKS[0], RANKS[-1])
        further = [np.full((1, *self.shape), rank) for rank in (*RANKS[:10], *RANKS[-10:])]
        points = self.base.quantile(np.concatenate([ranks, *further]))
        points = np.concatenate([points, self.base.mode()[None], np.stack(self.bounds())])
        return np.where(np.isfinite(points), points, self.base.median())

    def nodes(self, mass: float, limit: float) -> Array:
        return np.concatenate([super().nodes(mass, limit), self._candidates()])

    def pieces(self) -> Array:
        """Between the knots, where the density has corners."""
        knots = numbers(self.bins.widths.cumsum(-1)[..., :-1].movedim(-1, 0))
        return np.sort(np.concatenate([super().pieces(), self.base.quantile(knots)]), axis=0)

    def mean(self) -> Array:
        return mean_by_quadrature(self)

    def cdf(self, y: Array) -> Array:
        rank = torch.from_numpy(np.array(self.base.cdf(y), dtype=np.float64))
        is_upper = rank > 0.5
        tail = torch.where(is_upper, 1.0 - rank, rank)
        passed = log_values(self.bins.seen_from(is_upper), tail.clamp(min=1e-300).log()).value.exp()
        passed = passed.masked_fill(tail == 0.0, 0.0)
        return numbers(torch.where(is_upper, 1.0 - passed, passed))

    def quantile(self, q: Array) -> Array:
        rank = torch.from_numpy(np.broadcast_to(q, np.broadcast_shapes(np.shape(q), self.shape)).copy())
        is_upper = rank > 0.5
        tail = inverse(self.bins.seen_from(is_upper), torch.where(is_upper, 1.0 - rank, rank))
        return self.base.quantile(numbers(torch.where(is_upper, 1.0 - tail, tail)))


@law_of.register
def _law(dist: Spline) -> Law:
    return SplineLaw(dist, law(dist.base_dist))


@log_tails.register
def _log_tails(dist: Spline, y: Tensor) -> LogTails:
    found = dist.values(wide(y))
    return from_tail(found.log_tail, found.is_upper)
