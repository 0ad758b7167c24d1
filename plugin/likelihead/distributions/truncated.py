"""Any continuous family on the line, cut off at one end or at both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.constraints import Constraint
from torch.types import _size

from likelihead.distributions.tails import LogTails, has_log_tails, log_mass, log_tails
from likelihead.distributions.wrapped import Wrapped, parameter_dtype
from likelihead.errors import LikelihoodError
from likelihead.laws import search
from likelihead.laws.law import INVERTED, Array, Claim, Law, claims, law, law_of, numbers
from likelihead.laws.moments import mean_by_quadrature

#: Where less than this lies between the limits, ranks of the base have lost too many digits.
_LEAST = 1e-2
#: The relative rounding errors of a rank by logarithms of tails.
_ROUNDING = 1e-10
#: Of the search for a quantile: at ranks near 1 no later one changes it by more than the rank itself is off.
_STEPS = 60


class Truncated(Wrapped):
    """Truncated(base_dist, low, high): the base, given that y lies between the limits, which are included.

    log p(y) = log base(y) - log P(low <= Y <= high), the last by the logarithms of tails, so that it keeps its digits
    where nearly all of the base lies beyond a limit. The location and scale are those of the base: for a normal base
    the mean is further inside.

    >>> import pyro.distributions as dist
    >>> base = dist.Normal(torch.tensor(-30.0), torch.tensor(1.0))
    >>> Truncated(base, low=0.0).log_prob(torch.tensor(0.0))
    tensor(3.4023)
    """

    arg_constraints: dict[str, Constraint] = {}  # noqa: RUF012
    settings = ("low", "high")

    def __init__(
        self, base_dist: Any, low: float = -math.inf, high: float = math.inf, validate_args: bool | None = None
    ) -> None:
        name = type(base_dist).__name__
        if base_dist.event_shape or base_dist.support.is_discrete or not has_log_tails(base_dist):
            raise LikelihoodError(f"limits are for continuous families of numbers, and {name} is none")
        self.base_dist, self.low, self.high = base_dist, float(low), float(high)
        least, most = self._ends()
        if not least < most:
            raise LikelihoodError(f"limits [{low:g}, {high:g}] leave nothing of {name}: the first must be the smaller")
        super().__init__(base_dist.batch_shape, validate_args=validate_args)

    def _ends(self) -> tuple[float, float]:
        support = self.base_dist.support
        least, most = getattr(support, "lower_bound", -math.inf), getattr(support, "upper_bound", math.inf)
        return max(self.low, float(least)), min(self.high, float(most))

    @constraints.dependent_property(event_dim=0)
    def support(self) -> Constraint:
        """The part of the base's support that lies between the limits."""
        least, most = self._ends()
        if math.isinf(most):
            return constraints.greater_than_eq(least) if math.isfinite(least) else constraints.real
        return constraints.less_than(most) if math.isinf(least) else constraints.interval(least, most)

    @property
    def mean(self) -> Tensor:
        """The expectation, by quadrature, without gradients."""
        return torch.from_numpy(np.array(law(self).mean())).to(parameter_dtype(self))

    @torch.no_grad()
    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Samples of shape sample_shape + batch_shape, by the quantile function."""
        uniform = torch.rand(self._extended_shape(sample_shape), dtype=torch.float64)
        with np.errstate(all="ignore"):
            drawn = torch.from_numpy(np.array(law(self).quantile(uniform.numpy())))
        least, most = self._ends()
        return drawn.clamp(least, most).to(parameter_dtype(self))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        y = value.to(torch.promote_types(value.dtype, parameter_dtype(self)))
        log_prob: Tensor = self.base_dist.log_prob(y) - self._log_mass(y, self.low, self.high)
        return log_prob.to(value.dtype)

    def _log_mass(self, y: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
        """log P(low <= Y <= high) of the base, of the shape of y."""
        lower, upper = (torch.as_tensor(end, dtype=y.dtype, device=y.device).expand(y.shape) for end in (low, high))
        return log_mass(self.base_dist, lower, upper, y)


class TruncatedLaw(Law):
    """A law between limits: by ranks of the base where enough of it lies between them, else by logarithms of tails."""

    claims = claims(
        mode=Claim("exact", "that of the base, or the limit next to it"),
        mean=Claim("inverted", "by quadrature"),
        interval=INVERTED,
    )

    def __init__(self, dist: Truncated, base: Law) -> None:
        super().__init__(dist)
        self.base, self.unimodal = base, base.unimodal
        self.ends = self.bounds()
        with np.errstate(all="ignore"):
            self.first, last = (base.cdf(end) for end in self.ends)
        self.held = last - self.first
        self.is_resolved = bool((self.held > _LEAST).all())

    def mode(self) -> Array:
        return np.clip(self.base.mode(), *self.ends)

    def mean(self) -> Array:
        return mean_by_quadrature(self)

    def cdf(self, y: Array) -> Array:
        lower, upper = self.ends
        inside = np.clip(y, lower, upper)
        rank = np.clip((self.base.cdf(inside) - self.first) / np.maximum(self.held, _LEAST), 0.0, 1.0)
        if not self.is_resolved:
            rank = np.where(self.held > _LEAST, rank, self._cdf_by_tails(inside))
        return np.where(y >= upper, 1.0, np.where(y <= lower, 0.0, rank))

    def _cdf_by_tails(self, y: Array) -> Array:
        point = torch.from_numpy(np.array(y, dtype=np.float64))
        return numbers(log_tails(self.dist, point).log_cdf.exp())

    def quantile(self, q: Array) -> Array:
        q = np.broadcast_to(q, np.broadcast_shapes(np.shape(q), self.shape))
        found = np.clip(self.base.quantile(self.first + q * self.held), *self.ends)
        # Near rank 1 of the base the next rank that float64 has may be 1 itself.
        is_right = (self.held > _LEAST) & (np.isfinite(found) | (q == 0.0) | (q == 1.0))
        if is_right.all():
            return found
        # Where the rank of the base is right, nothing is left to search.
        lower, upper = (np.where(is_right, found, end) for end in self.ends)
        with np.errstate(all="ignore"):
            return search.crossing(self.cdf, self.log_density, q, lower, upper, steps=_STEPS, tolerance=_ROUNDING)


@law_of.register
def _law(truncated: Truncated) -> Law:
    return TruncatedLaw(truncated, law(truncated.base_dist))


@log_tails.register
def _log_tails(truncated: Truncated, y: Tensor) -> LogTails:
    y = y.double()
    whole = truncated._log_mass(y, truncated.low, truncated.high)
    below, above = truncated._log_mass(y, truncated.low, y), truncated._log_mass(y, y, truncated.high)
    return LogTails((below - whole).clamp(max=0.0), (above - whole).clamp(max=0.0))
