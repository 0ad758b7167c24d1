"""Fast log-probabilities of classes, levels, rankings and counts."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from likelihead.heads.fast.formulas import COUNTS, LARGE, Parameters, Result, formula, largest_of, log_factorial


@formula("likelihead.distributions.Bernoulli", "logits", by_autograd=True)
def bernoulli(y: Tensor, parameters: Parameters) -> Tensor:
    (logits,) = parameters
    return functional.logsigmoid((2.0 * y - 1.0) * logits)


@formula("likelihead.distributions.Categorical", "logits", labels=True)
def categorical(y: Tensor, parameters: Parameters) -> Result | None:
    (logits,) = parameters
    if y.dtype != torch.int64:
        return None
    index, weights = y.unsqueeze(-1), logits.exp()
    total = weights.sum(-1, keepdim=True)
    value = (logits.gather(-1, index) - total.log()).squeeze(-1)
    slope = weights.div_(total).neg_()
    return value, [slope.scatter_add_(-1, index, slope.new_ones(()).expand(index.shape))]


@formula("likelihead.distributions.PlackettLuce", "logits", labels=True)
def plackett_luce(y: Tensor, parameters: Parameters) -> Result | None:
    (logits,) = parameters
    if y.dtype != torch.int64:
        return None
    scores = logits.gather(-1, y)
    weights = scores.exp()
    rest = weights.flip(-1).cumsum(-1).flip(-1)
    value = (scores - rest.log()).sum(-1)
    slope = 1.0 - weights.mul_(rest.reciprocal_().cumsum(-1))
    return value, [torch.empty_like(slope).scatter_(-1, y, slope)]


@formula("likelihead.distributions.Poisson", "rate", by_autograd=True)
def poisson(y: Tensor, parameters: Parameters) -> Tensor | None:
    (log_rate,) = parameters
    if parameters.highest(0) > 1.5 * LARGE or not largest_of(y) <= COUNTS:
        return None
    return y * log_rate - log_rate.exp() - log_factorial(y)


@formula("likelihead.distributions.NegativeBinomial", "mean", "dispersion")
def negative_binomial(y: Tensor, parameters: Parameters) -> Result | None:
    log_mean, log_dispersion = parameters
    if parameters.lowest(1) < -LARGE or not largest_of(y) <= COUNTS:
        return None
    r, odds = torch.exp(-log_dispersion), log_mean + log_dispersion
    total, growth = y + r, functional.softplus(odds)
    by_mean = y - total * torch.sigmoid(odds)
    value = (y * odds).sub_(total * growth).add_(torch.lgamma(total)).sub_(log_factorial(y)).sub_(torch.lgamma(r))
    by_dispersion = by_mean - (torch.digamma(total) - torch.digamma(r)).sub_(growth).mul_(r)
    return value, [by_mean, by_dispersion]


@formula("likelihead.distributions.ZeroInflatedPoisson", "rate", "gate_logits")
def zero_inflated_poisson(y: Tensor, parameters: Parameters) -> Result | None:
    log_rate, gate = parameters
    if parameters.highest(0) > 1.5 * LARGE or not largest_of(y) <= COUNTS:
        return None
    rate, is_zero = log_rate.exp(), 1.0 - y.clamp(max=1.0)
    odds = gate + rate
    counted = torch.addcmul(-rate, y, log_rate).sub_(log_factorial(y))
    value = counted.sub_(functional.softplus(gate)).addcmul_(is_zero, functional.softplus(odds))
    extra = is_zero.mul_(torch.sigmoid(odds))
    return value, [torch.addcmul(y - rate, rate, extra), extra - torch.sigmoid(gate)]
