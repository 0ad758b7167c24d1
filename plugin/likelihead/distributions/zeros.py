"""Extra zeros on any family of counts, and a mass at zero beside any family of counts or of positive numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.constraints import Constraint
from torch.nn import functional
from torch.types import _size

from likelihead.distributions.stirling import wide
from likelihead.distributions.tails import LogTails, log_mass, log_tails
from likelihead.distributions.wrapped import Wrapped, parameter_dtype
from likelihead.errors import LikelihoodError
from likelihead.laws.counts import CountLaw, ZeroInflatedLaw
from likelihead.laws.hurdle import HurdleCountLaw, HurdleLaw
from likelihead.laws.law import Law, law, law_of


class WithZeros(Wrapped):
    """What both wrappers share: a univariate base (...) and gate_logits (...), the log-odds of the zero state.

    The base is best in float64, since at small means log p(0) is the logarithm of a number close to 1; log p(y) has the
    dtype of gate_logits.
    """

    arg_constraints = {"gate_logits": constraints.real}  # noqa: RUF012

    def __init__(self, base_dist: Any, gate_logits: Tensor, validate_args: bool | None = None) -> None:
        self.base_dist = base_dist
        self.gate_logits = gate_logits.expand(base_dist.batch_shape)
        super().__init__(base_dist.batch_shape, validate_args=validate_args)

    @constraints.dependent_property(event_dim=0)
    def support(self) -> Constraint:
        """Whole numbers from 0 on, or numbers from 0 to the upper bound of the base."""
        base = self.base_dist.support
        if base.is_discrete:
            return constraints.nonnegative_integer
        upper = getattr(base, "upper_bound", None)
        if upper is None:
            return constraints.nonnegative
        has_top = getattr(self.base_dist, "has_mass_at_top", False)
        return constraints.interval(0.0, upper) if has_top else constraints.half_open_interval(0.0, upper)

    @property
    def has_mass_at_top(self) -> bool:
        """Whether the upper end of the support has a probability of its own."""
        return getattr(self.base_dist, "has_mass_at_top", False)

    def _terms(self, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """log p of the base at y, where 0 is replaced by a number inside its support, and the log-odds of the gate."""
        dtype = torch.promote_types(self.gate_logits.dtype, parameter_dtype(self.base_dist))
        y = value.to(dtype)
        is_count = self.base_dist.support.is_discrete
        base: Tensor = self.base_dist.log_prob(torch.where(y == 0, 1.0 if is_count else 0.5, y))
        return y, base, self.gate_logits.to(dtype)

    def _log_zero(self) -> Tensor:
        """log p(0) of a base of counts."""
        zero: Tensor = self.base_dist.log_prob(torch.zeros_like(self.base_dist.mean))
        return zero


class ZeroInflated(WithZeros):
    """ZeroInflated(base_dist, gate_logits): 0 with probability sigmoid(gate_logits), else a count from the base.

    With s the logistic sigmoid and g the gate_logits, log p(0) = log(s(g) + s(-g) base(0)) and
    log p(y) = log s(-g) + log base(y) for y > 0 (Lambert, 1992).

    >>> counts = ZeroInflated(torch.distributions.Poisson(torch.tensor(200.0)), torch.tensor(-90.0))
    >>> counts.log_prob(torch.tensor(0.0))
    tensor(-90.)
    """

    @property
    def mean(self) -> Tensor:
        """sigmoid(-gate_logits) times the mean of the base."""
        return torch.sigmoid(-self.gate_logits) * self.base_dist.mean

    @torch.no_grad()
    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Counts of shape sample_shape + batch_shape."""
        count: Tensor = self.base_dist.sample(sample_shape)
        return torch.where(torch.rand_like(count) < torch.sigmoid(self.gate_logits), 0.0, count)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        y, base, gate = self._terms(value)
        counted = functional.logsigmoid(-gate)
        zero = torch.logaddexp(functional.logsigmoid(gate), counted + self._log_zero())
        return torch.where(y == 0, zero, counted + base).to(self.gate_logits.dtype)


class Hurdle(WithZeros):
    """Hurdle(base_dist, gate_logits): 0 with probability sigmoid(gate_logits), else from the base without its zero.

    The two-part model of Cragg (1971) and Mullahy (1986). With s the logistic sigmoid and g the gate_logits,
    log p(0) = log s(g) and log p(y) = log s(-g) + log base(y) - log(1 - base(0)) for y > 0; base(0) is 0 in the case of
    a density.

    >>> rain = Hurdle(torch.distributions.Gamma(torch.tensor(2.0), torch.tensor(1.0)), torch.tensor(0.0))
    >>> rain.log_prob(torch.tensor([0.0, 1.0]))
    tensor([-0.6931, -1.6931])
    """

    @property
    def mean(self) -> Tensor:
        """sigmoid(-gate_logits) times the mean of the base, given that it is not 0."""
        mean: Tensor = torch.sigmoid(-self.gate_logits) * self.base_dist.mean
        return mean / -torch.expm1(self._log_zero()) if self.base_dist.support.is_discrete else mean

    @torch.no_grad()
    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Samples of shape sample_shape + batch_shape: those of the base that are 0 are drawn again."""
        drawn: Tensor = self.base_dist.sample(sample_shape)
        if self.base_dist.support.is_discrete:
            positive = torch.from_numpy(_positive(law(self.base_dist), drawn.shape)).to(drawn)
            drawn = torch.where(drawn == 0, positive, drawn)
        return torch.where(torch.rand_like(drawn) < torch.sigmoid(self.gate_logits), 0.0, drawn)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        y, base, gate = self._terms(value)
        if self.base_dist.support.is_discrete:
            base = base - (-torch.expm1(self._log_zero())).log()
        passed = functional.logsigmoid(-gate) + base
        return torch.where(y == 0, functional.logsigmoid(gate), passed).to(self.gate_logits.dtype)


def _positive(base: Law, shape: torch.Size) -> Any:
    """Counts above 0 of the law of the base, by its quantiles between P(0) and 1."""
    uniform = torch.rand(shape, dtype=torch.float64).numpy()
    zero = base.cdf(0.0 * uniform)
    return base.quantile(zero + (1.0 - zero) * uniform).clip(1.0, 2.0**53)


@law_of.register
def _zero_inflated(counts: ZeroInflated) -> Law:
    base = law(counts.base_dist)
    if not isinstance(base, CountLaw):
        raise LikelihoodError(f"extra zeros are for families of counts, and {base.name} is none: take a hurdle")
    return ZeroInflatedLaw(counts, base, gate=counts.gate_logits)


@law_of.register
def _hurdle(hurdle: Hurdle) -> Law:
    base, gate = law(hurdle.base_dist), hurdle.gate_logits
    return HurdleCountLaw(hurdle, base, gate) if isinstance(base, CountLaw) else HurdleLaw(hurdle, base, gate)


@log_tails.register
def _log_tails(counts: ZeroInflated, y: Tensor) -> LogTails:
    base, gate = log_tails(counts.base_dist, wide(y)), wide(counts.gate_logits)
    counted = functional.logsigmoid(-gate)
    return LogTails(torch.logaddexp(functional.logsigmoid(gate), counted + base.log_cdf), counted + base.log_survival)


@log_tails.register
def _hurdle_log_tails(hurdle: Hurdle, y: Tensor) -> LogTails:
    gate, y, base = wide(hurdle.gate_logits), wide(y), hurdle.base_dist
    is_zero, least = y == 0, 1.0 if base.support.is_discrete else 0.5
    point = torch.where(is_zero, least, y)
    tails = log_tails(base, point)
    # Of a base of counts, given that it is not 0.
    whole = log_tails(base, torch.zeros_like(y)).log_survival if base.support.is_discrete else torch.zeros_like(y)
    passed = functional.logsigmoid(-gate) - whole
    within = log_mass(base, torch.full_like(y, least), y, point) if base.support.is_discrete else tails.log_cdf
    below = torch.logaddexp(functional.logsigmoid(gate), passed + torch.where(is_zero, -torch.inf, within))
    return LogTails(below, torch.where(is_zero, functional.logsigmoid(-gate), passed + tails.log_survival))
