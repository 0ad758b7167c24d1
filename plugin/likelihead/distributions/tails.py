"""The logarithms of tail probabilities, differentiable in the parameters: what censored and truncated targets need.

A family registers `log_tails` beside its law; `log_mass` follows from it. All is computed in float64 and in logarithms,
where the tails of float32 and of the probabilities themselves have no digits left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatch
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.distributions import Independent, MixtureSameFamily, constraints

from likelihead.distributions.formula import Derivatives, Formula
from likelihead.distributions.stirling import wide
from likelihead.distributions.wrapped import own_dtype
from likelihead.errors import LikelihoodError

#: An interval over which the logarithm of a tail changes by less is measured by the density in its middle.
_NARROW = 1e-5


class LogTails(NamedTuple):
    """log P(Y <= y) and log P(Y > y), of the shape of y, in float64."""

    log_cdf: Tensor
    log_survival: Tensor


@singledispatch
def log_tails(dist: Any, y: Tensor) -> LogTails:
    """Both tails of a univariate distribution at y: differentiable, and right however small they are.

    Args:
        dist: a distribution of batch_shape (...) and event_shape ().
        y: (...), inside the support; whole numbers for a discrete distribution, less than its largest value.

    Raises:
        LikelihoodError: no differentiable cdf of the family is known.

    >>> import pyro.distributions as dist
    >>> log_tails(dist.Normal(torch.tensor(0.0), torch.tensor(1.0)), torch.tensor(40.0)).log_survival
    tensor(-804.6084, dtype=torch.float64)
    """
    raise LikelihoodError(f"{type(dist).__name__} has no cdf that can be differentiated")


def has_log_tails(dist: Any) -> bool:
    """Whether `log_tails` is known for a distribution, that is, whether its targets can be censored.

    >>> import pyro.distributions as dist
    >>> has_log_tails(dist.Categorical(torch.ones(3)))
    False
    """
    if isinstance(dist, Independent):
        return not dist.base_dist.event_shape and has_log_tails(dist.base_dist)
    parts: Any = dist.component_distribution if isinstance(dist, MixtureSameFamily) else dist
    if getattr(parts, "has_tails_of_base", False):
        return has_log_tails(parts.base_dist)
    return log_tails.dispatch(type(parts)) is not log_tails.dispatch(object)


def log_mass(dist: Any, lower: Tensor, upper: Tensor, inside: Tensor) -> Tensor:
    """log P(lower <= Y <= upper), differentiable in the parameters, (...).

    For counts and levels both ends are included, so that P(Y >= 3) has the lower end 3.

    Args:
        dist: a distribution of batch_shape (...) with `log_tails`, independent ones of these, or a mixture; with an
            event_shape, the values have that shape too and the result has not.
        lower, upper: (...), -inf and inf where there is no bound.
        inside: (...), any value inside the support: computed with where there is no bound, without effect.

    Raises:
        LikelihoodError: no differentiable cdf of the family is known.

    >>> import pyro.distributions as dist
    >>> lower, upper = torch.tensor([2.0, 1.0]), torch.tensor([torch.inf, 2.0])
    >>> log_mass(dist.Exponential(torch.ones(2)), lower, upper, torch.ones(2))
    tensor([-2.0000, -1.4587])
    """
    if isinstance(dist, Independent):
        return _summed(dist, log_mass(dist.base_dist, lower, upper, inside))
    if isinstance(dist, MixtureSameFamily):
        # By component: the difference of two tails of the mixture would cancel between two peaks.
        return _mixed(dist, log_mass(dist.component_distribution, *(_padded(dist, x) for x in (lower, upper, inside))))
    least, most = support_ends(dist)
    no_lower, no_upper = lower <= least, upper >= most
    if dist.support.is_discrete:
        lower, upper = torch.ceil(lower) - 1.0, torch.floor(upper)  # Y > lower
    # A mass at the greatest value is what lies beyond every other.
    beyond = lower > most if getattr(dist, "has_mass_at_top", False) else lower >= most
    is_empty = beyond | (upper < least) | (lower >= upper)
    result = _mass_between(dist, lower, upper, no_lower | is_empty, no_upper | is_empty, inside)
    result = result.masked_fill(is_empty, -torch.inf)
    return result.to(torch.promote_types(inside.dtype, own_dtype(dist) or inside.dtype))


def log_likelihood(dist: Any, y: Tensor, bounds: Tensor | None = None, truncation: Tensor | None = None) -> Tensor:
    """The log-likelihood of censored and truncated targets, (...).

    It is log p(y) where y is observed and log P(lower <= Y <= upper) where it is only known to lie between two bounds,
    less log P(a <= Y <= b) where rows outside [a, b] could not have come into the sample.

    Args:
        dist: as in `log_mass`.
        y: (...), the value that was observed, or any value inside the support.
        bounds: (..., 2), lower and upper; equal where y is observed, -inf and inf where there is no bound. None if all
            are observed.
        truncation: (..., 2), a and b, -inf and inf where there is no limit; None for no truncation.

    >>> import pyro.distributions as dist
    >>> waiting, bounds = dist.Exponential(torch.ones(2)), torch.tensor([[3.0, 3.0], [3.0, torch.inf]])
    >>> log_likelihood(waiting, torch.tensor([3.0, 3.0]), bounds)
    tensor([-3., -3.])
    """
    log_prob = dist.log_prob(y) if bounds is None else _censored(dist, y, bounds, truncation)
    return log_prob if truncation is None else log_prob - log_mass(dist, truncation[..., 0], truncation[..., 1], y)


def is_observed(bounds: Tensor) -> Tensor:
    """Where a target with bounds (..., 2) is observed, (...)."""
    return bounds[..., 0] == bounds[..., 1]


def _censored(dist: Any, y: Tensor, bounds: Tensor, truncation: Tensor | None) -> Tensor:
    if isinstance(dist, Independent):
        return _summed(dist, _censored(dist.base_dist, y, bounds, truncation))
    if isinstance(dist, MixtureSameFamily):
        limits = None if truncation is None else _padded(dist, truncation, 1)
        return _mixed(dist, _censored(dist.component_distribution, _padded(dist, y), _padded(dist, bounds, 1), limits))
    log_prob: Tensor = dist.log_prob(y)
    is_known = is_observed(bounds)
    if _everywhere(is_known):
        return log_prob
    lower, upper = bounds.unbind(-1)
    if truncation is not None:
        lower, upper = torch.maximum(lower, truncation[..., 0]), torch.minimum(upper, truncation[..., 1])
    free = torch.where(is_known, -torch.inf, lower), torch.where(is_known, torch.inf, upper)
    return torch.where(is_known, log_prob, log_mass(dist, *free, y))


def _summed(dist: Any, each: Tensor) -> Tensor:
    """The sum over the dimensions that `Independent` makes those of an event."""
    return each.flatten(each.dim() - dist.reinterpreted_batch_ndims).sum(-1)


def _padded(mixture: Any, value: Tensor, further: int = 0) -> Tensor:
    """A value (..., *event_shape, *further dimensions) with a dimension for the components before the event."""
    return value.unsqueeze(value.dim() - further - len(mixture.event_shape))


def _mixed(mixture: Any, each: Tensor) -> Tensor:
    joint = each + mixture.mixture_distribution.logits
    # Finite, so that a component with no share passes on the gradient 0 and not NaN.
    return torch.logsumexp(joint.clamp(min=torch.finfo(joint.dtype).min), dim=-1)


def _everywhere(mask: Tensor) -> bool:
    """Whether a mask is true everywhere; False where that cannot be asked, under torch.compile and torch.func.vmap."""
    if torch.compiler.is_compiling():
        return False
    try:
        return bool(mask.all())
    except RuntimeError:
        return False


def support_ends(dist: Any) -> tuple[Any, Any]:
    """The least and the greatest value that Y can have, -inf and inf where there is none."""
    ends = (0.0, 1.0) if dist.support is constraints.boolean else (-math.inf, math.inf)
    return getattr(dist.support, "lower_bound", ends[0]), getattr(dist.support, "upper_bound", ends[1])


def _mass_between(dist: Any, lower: Tensor, upper: Tensor, no_lower: Tensor, no_upper: Tensor, y: Tensor) -> Tensor:
    nothing = torch.zeros(lower.shape, dtype=wide(lower).dtype, device=lower.device)
    certain = LogTails(nothing - torch.inf, nothing)
    below = certain if _everywhere(no_lower) else log_tails(dist, torch.where(no_lower, y, lower).to(y.dtype))
    certain = LogTails(nothing, nothing - torch.inf)
    above = certain if _everywhere(no_upper) else log_tails(dist, torch.where(no_upper, y, upper).to(y.dtype))
    one_sided = torch.where(no_lower, torch.where(no_upper, nothing, above.log_cdf), below.log_survival)
    is_closed = ~(no_lower | no_upper)
    if _everywhere(~is_closed):
        return one_sided
    ends = torch.where(is_closed, lower, y), torch.where(is_closed, upper, y)
    return torch.where(is_closed, _difference(dist, below, above, *ends), one_sided)


def _difference(dist: Any, below: LogTails, above: LogTails, lower: Tensor, upper: Tensor) -> Tensor:
    """The logarithm of what lies between two points, from the tails on the side on which they are the smaller."""
    is_left = above.log_cdf < below.log_survival
    larger = torch.where(is_left, above.log_cdf, below.log_survival)
    smaller = torch.where(is_left, below.log_cdf, above.log_survival)
    gap = smaller - larger
    is_narrow = gap > -_NARROW
    difference = larger + log1mexp(gap.clamp(max=-_NARROW))
    if _everywhere(~is_narrow):
        return difference
    middle = lower + 0.5 * (upper - lower)
    if dist.support.is_discrete:
        middle = torch.ceil(middle)
    width = wide(upper) - wide(lower)
    density = dist.log_prob(middle) + width.clamp(min=torch.finfo(width.dtype).tiny).log()
    return torch.where(is_narrow, density, difference)


def from_tail(log_tail: Tensor, is_upper: Tensor) -> LogTails:
    """Both tails from the one beyond y: P(Y > y) where `is_upper`, else P(Y <= y)."""
    log_tail = log_tail.clamp(max=-torch.finfo(log_tail.dtype).eps)
    other = log1mexp(log_tail)
    return LogTails(torch.where(is_upper, other, log_tail), torch.where(is_upper, log_tail, other))


def from_log_hazard(log_hazard: Tensor) -> LogTails:
    """Both tails from the logarithm of -log P(Y > y)."""
    log_survival = -log_hazard.clamp(max=600.0).exp()
    return LogTails(torch.where(log_hazard < -40.0, log_hazard, log1mexp(log_survival)), log_survival)


def log_ndtr(z: Tensor) -> Tensor:
    """log Phi(z), Phi the cdf of the standard normal; unlike that of torch.special with a rule for torch.func.vmap.

    >>> round(log_ndtr(torch.tensor(-40.0, dtype=torch.float64)).item(), 4)
    -804.6084
    """
    return _LogNdtr.of(z)


class _LogNdtr(Formula):
    @staticmethod
    def forward(z: Tensor) -> Tensor:
        x = z * math.sqrt(0.5)
        left = torch.special.erfcx(-x.clamp(max=0.0)).mul_(0.5).log_() - x * x
        return torch.where(z < -1.0, left, torch.log1p(-0.5 * torch.special.erfc(x)))

    @staticmethod
    def derivatives(needed: Sequence[bool], value: Tensor, z: Tensor) -> Derivatives:
        return (math.sqrt(2.0 / math.pi) / torch.special.erfcx(-z * math.sqrt(0.5)),)


def log1mexp(x: Tensor) -> Tensor:
    """log(1 - exp(x)) for x < 0, without cancellation on either side (Mächler, 2012).

    >>> log1mexp(torch.tensor([-1e-30, -50.0], dtype=torch.float64))
    tensor([-6.9078e+01, -1.9287e-22], dtype=torch.float64)
    """
    return _Log1mExp.of(x)


class _Log1mExp(Formula):
    @staticmethod
    def forward(x: Tensor) -> Tensor:
        x = x.clamp(max=-torch.finfo(x.dtype).tiny)
        return torch.where(x > -math.log(2.0), torch.log(-torch.expm1(x)), torch.log1p(-torch.exp(x)))

    @staticmethod
    def derivatives(needed: Sequence[bool], value: Tensor, x: Tensor) -> Derivatives:
        return (-torch.expm1(-x.clamp(max=-torch.finfo(x.dtype).tiny)).reciprocal(),)
