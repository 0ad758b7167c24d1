"""The small network of the lecture, with weights that are set by hand: one hidden layer of three ReLU units."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from likelihead import DistributionHead, LikelihoodModule

#: Slopes and offsets of the three hidden units, whose kinks lie at x = 0.2, 0.5 and 0.75.
SLOPES, OFFSETS = [2.0, 2.0, 4.0], [-0.4, -1.0, -3.0]


def three_units(distribution: str | dict[str, object], weights: Sequence[Sequence[float]], biases: Sequence[float],
                event_size: int | None = None) -> LikelihoodModule:  # fmt: skip
    """The network whose raw outputs are weights · relu(slopes · x + offsets) + biases, one row for each raw output."""
    hidden = nn.Linear(1, 3)
    head = DistributionHead(distribution, in_features=3, event_size=event_size)
    with torch.no_grad():
        hidden.weight.copy_(torch.tensor(SLOPES)[:, None])
        hidden.bias.copy_(torch.tensor(OFFSETS))
        head.linear.weight.copy_(torch.tensor(weights))
        head.linear.bias.copy_(torch.tensor(biases))
    return LikelihoodModule(nn.Sequential(hidden, nn.ReLU()), head).double()


def nll_along(module: LikelihoodModule, parameter: Tensor, values: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The negative log-likelihood of the data for each value of one parameter, a view of a weight; (n,)."""
    before, nlls = parameter.detach().clone(), []
    with torch.no_grad():
        for value in values:
            parameter.fill_(value)
            nlls.append(-module(x).log_prob(y).sum())
        parameter.copy_(before)
    return torch.stack(nlls)
