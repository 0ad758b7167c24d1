"""The Bernoulli distribution by its log-odds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyro.distributions as dist
import torch
from scipy import special
from torch import Tensor
from torch.distributions import constraints
from torch.nn import functional
from torch.types import _size

from likelihead.distributions.stirling import wide
from likelihead.distributions.tails import LogTails, log_tails
from likelihead.laws.finite import BinaryLaw
from likelihead.laws.law import Law, law_of, numbers


class Bernoulli(dist.Bernoulli):
    """Bernoulli(logits), logits (...): y is 1 with probability sigmoid(logits), else 0.

    log p(y) = log sigmoid((2y - 1) logits). Its gradient does not vanish where sigmoid(logits) - y
    has been rounded to 0.

    >>> import torch
    >>> Bernoulli(torch.tensor(20.0)).log_prob(torch.tensor(0.0))
    tensor(-20.)
    """

    arg_constraints = {"logits": constraints.real}  # noqa: RUF012

    def __init__(self, logits: Tensor | float, validate_args: bool | None = None) -> None:
        super().__init__(logits=logits, validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: Any = None) -> Bernoulli:
        """The same distribution for a larger batch_shape."""
        return type(self)(self.logits.expand(batch_shape), validate_args=self._validate_args)

    @classmethod
    def equal_mixture(cls, members: Sequence[Bernoulli]) -> Bernoulli:
        """The mixture of several: its log-odds are those of the mean probability, neither side of which is rounded."""
        logits = torch.stack([member.logits for member in members])
        odds = functional.logsigmoid(logits).logsumexp(0) - functional.logsigmoid(-logits).logsumexp(0)
        return cls(odds, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value 0 or 1 of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        return functional.logsigmoid((2.0 * value - 1.0) * self.logits)

    @property
    def mode(self) -> Tensor:
        """1 where it is more likely than 0, else 0; at even odds 0."""
        return (self.logits > 0).to(self.logits.dtype)


@law_of.register
def _law(bernoulli: dist.Bernoulli) -> Law:
    logits = numbers(bernoulli.logits)
    return BinaryLaw(bernoulli, np.stack([special.expit(-logits), special.expit(logits)], -1))


@log_tails.register
def _log_tails(bernoulli: dist.Bernoulli, y: Tensor) -> LogTails:
    # At 0: P(Y <= 1) is certain, and not asked for.
    logits = wide(bernoulli.logits).expand(y.shape)
    return LogTails(functional.logsigmoid(-logits), functional.logsigmoid(logits))
