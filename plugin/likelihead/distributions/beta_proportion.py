"""The beta distribution by its mean and precision: what a regression on proportions predicts."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.utils import broadcast_all, lazy_property
from torch.types import _size

from likelihead.distributions.beta import Beta, BetaLaw, beta_log_prob, beta_log_tails
from likelihead.distributions.stirling import wide
from likelihead.distributions.tails import LogTails, log_tails
from likelihead.laws.law import Law, law_of


class BetaProportion(Beta):
    """BetaProportion(logits, precision), all of shape (...), 0 < y < 1 (Ferrari & Cribari-Neto, 2004).

    Beta with concentration1 = sigmoid(logits) precision and concentration0 = sigmoid(-logits) precision: mean
    sigmoid(logits), variance mean (1 - mean) / (1 + precision). `log_prob` takes the concentrations in float64; the
    attributes concentration1 and concentration0 are never below the smallest normal number of the dtype.

    >>> BetaProportion(torch.tensor(0.0), torch.tensor(2.0)).log_prob(torch.tensor(0.3)).abs() < 1e-6
    tensor(True)
    """

    arg_constraints = {"logits": constraints.real, "precision": constraints.positive}  # noqa: RUF012

    def __init__(self, logits: Tensor | float, precision: Tensor | float, validate_args: bool | None = None) -> None:
        self.logits, self.precision = broadcast_all(logits, precision)
        # Not the constructor of Beta: its concentrations are computed only when they are used.
        super(torch.distributions.Beta, self).__init__(self.logits.shape, validate_args=validate_args)

    @lazy_property
    def _dirichlet(self) -> dist.Dirichlet:  # type: ignore[override]
        """What the methods of Beta work on: both concentrations, (..., 2)."""
        pair = torch.sigmoid(torch.stack([self.logits, -self.logits], -1)) * self.precision.unsqueeze(-1)
        return dist.Dirichlet(pair.clamp(min=torch.finfo(pair.dtype).tiny), validate_args=False)

    def expand(self, batch_shape: _size, _instance: Any = None) -> Any:
        """The same distribution for a larger batch_shape."""
        logits, precision = self.logits.expand(batch_shape), self.precision.expand(batch_shape)
        return type(self)(logits, precision, validate_args=self._validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        dtype = torch.promote_types(value.dtype, self.logits.dtype)
        logits, precision = wide(self.logits), wide(self.precision)
        a, b = torch.sigmoid(logits) * precision, torch.sigmoid(-logits) * precision
        return beta_log_prob(value, a, b, dtype)


@law_of.register
def _law(beta: BetaProportion) -> Law:
    return BetaLaw(beta, a=torch.sigmoid(beta.logits) * beta.precision, b=torch.sigmoid(-beta.logits) * beta.precision)


@log_tails.register
def _log_tails(beta: BetaProportion, y: Tensor) -> LogTails:
    logits, precision = wide(beta.logits), wide(beta.precision)
    return beta_log_tails(wide(y), torch.sigmoid(logits) * precision, torch.sigmoid(-logits) * precision)
