"""The zero-inflated Poisson distribution by the log-odds of an extra zero."""

from __future__ import annotations

from typing import Any, ClassVar

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.utils import broadcast_all
from torch.nn import functional

from likelihead.distributions.poisson import Poisson
from likelihead.distributions.stirling import wide


class ZeroInflatedPoisson(dist.ZeroInflatedPoisson):
    """ZeroInflatedPoisson(rate, gate_logits), both (...): with probability sigmoid(gate_logits) 0, else a Poisson count.

    log p(0) = log(s(g) + s(-g) exp(-rate)) and log p(y) = log s(-g) + log Poisson(y) for y > 0, s the logistic sigmoid
    and g the gate_logits (Lambert, 1992), all in logarithms.

    >>> ZeroInflatedPoisson(torch.tensor(200.0), torch.tensor(-90.0)).log_prob(torch.tensor(0.0))
    tensor(-90.)
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"rate": constraints.positive, "gate_logits": constraints.real}
    #: What an exposure multiplies.
    exposure_parameter = "rate"

    def __init__(self, rate: Tensor | float, gate_logits: Tensor | float, validate_args: bool | None = None) -> None:
        rate, gate_logits = broadcast_all(rate, gate_logits)
        super().__init__(rate, gate_logits=gate_logits, validate_args=validate_args)

    def expand(self, batch_shape: torch.Size, _instance: Any = None) -> ZeroInflatedPoisson:
        """The same distribution for a larger batch_shape."""
        shape = torch.Size(batch_shape)
        return type(self)(self.rate.expand(shape), self.gate_logits.expand(shape), validate_args=self._validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for whole numbers of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        gate, rate = wide(self.gate_logits), wide(self.rate)
        open_ = functional.logsigmoid(-gate)
        zero = torch.logaddexp(functional.logsigmoid(gate), open_ - rate)
        count = open_ + Poisson(rate, validate_args=False).log_prob(wide(value))
        return torch.where(value == 0, zero, count).to(self.rate.dtype)

    @property
    def mode(self) -> Tensor:
        """The likeliest count: 0, or the Poisson part's mode, the larger of two where the rate is a whole number."""
        peak = self.rate.floor()
        return torch.where(self.log_prob(peak) > self.log_prob(torch.zeros_like(peak)), peak, 0.0)
