"""Ordered logistic regression's distribution over levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyro.distributions as dist
import torch
from scipy import special
from torch import Tensor
from torch.nn import functional
from torch.types import _size

from likelihead.distributions.categorical import log_mass_at
from likelihead.distributions.stirling import wide
from likelihead.distributions.tails import LogTails, log_tails
from likelihead.laws.finite import LevelLaw
from likelihead.laws.law import Law, law_of, numbers


class OrderedLogistic(dist.OrderedLogistic):
    """OrderedLogistic(predictor, cutpoints): predictor (...), cutpoints (..., K-1) increasing, levels y = 0, ..., K-1.

    P(y <= k) = sigmoid(cutpoints[k] - predictor) (McCullagh, 1980). With a and b the ends of a level less the
    predictor, log(s(b) - s(a)) = log s(b) + log s(-a) + log(1 - exp(a - b)), which cancels nowhere: b - a is taken
    from the cutpoints, and s(-a) is not 1 - s(a).

    >>> OrderedLogistic(torch.tensor(50.0), torch.tensor([-1.0, 1.0])).log_prob(torch.tensor(0))
    tensor(-51.)
    """

    def __init__(self, predictor: Tensor, cutpoints: Tensor, validate_args: bool | None = None) -> None:
        shape = torch.broadcast_shapes(predictor.shape, cutpoints.shape[:-1])
        self.predictor = predictor.expand(shape)
        self.cutpoints = cutpoints.expand((*shape, cutpoints.shape[-1]))
        from_predictor = self.cutpoints - self.predictor.unsqueeze(-1)
        below = functional.pad(functional.logsigmoid(from_predictor), (0, 1))
        above = functional.pad(functional.logsigmoid(-from_predictor), (1, 0))
        # Finite where float32 cannot tell two cutpoints apart, or the slopes of all other levels would be NaN.
        gap = self.cutpoints.diff(dim=-1) + torch.finfo(self.cutpoints.dtype).tiny
        width = torch.log(-torch.expm1(-gap))
        self._log_mass = below + above + functional.pad(width, (1, 1))
        super(dist.OrderedLogistic, self).__init__(logits=self._log_mass, validate_args=False)
        self._validate_args = bool(validate_args) if validate_args is not None else self._validate_args

    @staticmethod
    def parameter_shapes(event_size: int | None) -> dict[str, tuple[int, ...]]:
        """One cutpoint fewer than there are levels."""
        return {"cutpoints": (event_size - 1,)} if event_size is not None else {"cutpoints": ()}

    def expand(self, batch_shape: _size, _instance: Any = None) -> OrderedLogistic:
        """The same distribution for a larger batch_shape."""
        shape = torch.Size(batch_shape)
        cutpoints = self.cutpoints.expand((*shape, self.cutpoints.shape[-1]))
        return type(self)(self.predictor.expand(shape), cutpoints, validate_args=self._validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for levels of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        return log_mass_at(self._log_mass, value)


@law_of.register
def _law(ordinal: dist.OrderedLogistic) -> Law:
    # P(level k) = sigmoid(above) - sigmoid(below), each difference taken on the side where it does not cancel.
    edges = numbers(ordinal.cutpoints) - numbers(ordinal.predictor)[..., None]
    infinite = np.full((*edges.shape[:-1], 1), np.inf)
    above, below = np.concatenate([edges, infinite], -1), np.concatenate([-infinite, edges], -1)
    swap = below > 0.0
    upper, lower = np.where(swap, -below, above), np.where(swap, -above, below)
    return LevelLaw(ordinal, special.expit(upper) - special.expit(lower), special.expit(above))


@log_tails.register
def _log_tails(ordinal: dist.OrderedLogistic, y: Tensor) -> LogTails:
    edges = wide(ordinal.cutpoints) - wide(ordinal.predictor).unsqueeze(-1)
    # The largest level has no cutpoint above it, and log_mass asks for the tails below it only.
    index = y.long().clamp(max=edges.shape[-1] - 1)
    edge = log_mass_at(edges, index)
    return LogTails(functional.logsigmoid(edge), functional.logsigmoid(-edge))
