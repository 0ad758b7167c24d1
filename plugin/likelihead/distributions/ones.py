"""A mass at the upper end of a family of proportions, such as exactly 1."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.constraints import Constraint
from torch.nn import functional
from torch.types import _size

from likelihead.distributions.stirling import wide
from likelihead.distributions.tails import LogTails, log_tails
from likelihead.distributions.wrapped import Wrapped, parameter_dtype
from likelihead.errors import LikelihoodError
from likelihead.laws.hurdle import TopLaw
from likelihead.laws.law import Law, law, law_of


class HurdleOne(Wrapped):
    """HurdleOne(base_dist, one_logits): 1 with probability sigmoid(one_logits), else from the base, below 1.

    The base is continuous, of shape (...), as is one_logits. With s the logistic sigmoid and g the one_logits,
    log p(1) = log s(g) and log p(y) = log s(-g) + log base(y) for y < 1. With a hurdle at 0 around it, it is the
    inflated beta distribution of Ospina & Ferrari (2010), and one_logits are the log-odds of 1 given that y is not 0.

    >>> shares = HurdleOne(torch.distributions.Beta(torch.tensor(1.0), torch.tensor(1.0)), torch.tensor(0.0))
    >>> shares.log_prob(torch.tensor([0.3, 1.0]))
    tensor([-0.6931, -0.6931])
    """

    arg_constraints = {"one_logits": constraints.real}  # noqa: RUF012
    #: The upper end of the support has a probability of its own.
    has_mass_at_top = True

    def __init__(self, base_dist: Any, one_logits: Tensor, validate_args: bool | None = None) -> None:
        support = base_dist.support
        if support.is_discrete or float(getattr(support, "upper_bound", torch.inf)) != 1.0:
            raise LikelihoodError(f"ones is for families of proportions, and {type(base_dist).__name__} is none")
        self.base_dist, self.one_logits = base_dist, one_logits.expand(base_dist.batch_shape)
        super().__init__(base_dist.batch_shape, validate_args=validate_args)

    @constraints.dependent_property(event_dim=0)
    def support(self) -> Constraint:
        """Numbers from the lower bound of the base to 1, which is included."""
        return constraints.interval(self.base_dist.support.lower_bound, 1.0)

    @property
    def mean(self) -> Tensor:
        """sigmoid(one_logits) + sigmoid(-one_logits) times the mean of the base."""
        return torch.sigmoid(self.one_logits) + torch.sigmoid(-self.one_logits) * self.base_dist.mean

    @torch.no_grad()
    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Samples of shape sample_shape + batch_shape."""
        drawn: Tensor = self.base_dist.sample(sample_shape)
        return torch.where(torch.rand_like(drawn) < torch.sigmoid(self.one_logits), 1.0, drawn)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        dtype = torch.promote_types(self.one_logits.dtype, parameter_dtype(self.base_dist))
        y, logits = value.to(dtype), self.one_logits.to(dtype)
        below = functional.logsigmoid(-logits) + self.base_dist.log_prob(torch.where(y == 1.0, 0.5, y))
        return torch.where(y == 1.0, functional.logsigmoid(logits), below).to(self.one_logits.dtype)


@law_of.register
def _law(shares: HurdleOne) -> Law:
    return TopLaw(shares, law(shares.base_dist), shares.one_logits)


@log_tails.register
def _log_tails(shares: HurdleOne, y: Tensor) -> LogTails:
    """At 1 itself what lies beyond is taken to be its mass, since nothing lies above 1."""
    logits, y = wide(shares.one_logits), wide(y)
    is_one = y == 1.0
    base = log_tails(shares.base_dist, torch.where(is_one, 0.5, y))
    below, top = functional.logsigmoid(-logits), functional.logsigmoid(logits)
    survival = torch.where(is_one, -torch.inf, below + base.log_survival)
    return LogTails(torch.where(is_one, 0.0, below + base.log_cdf), torch.logaddexp(top, survival))
