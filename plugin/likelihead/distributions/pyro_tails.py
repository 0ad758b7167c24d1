"""The tails of those of Pyro's distributions that have no file of their own."""

from __future__ import annotations

import math

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.nn import functional

from likelihead.distributions.stirling import wide
from likelihead.distributions.tails import LogTails, from_log_hazard, log1mexp, log_ndtr, log_tails


@log_tails.register
def _of_gumbel(gumbel: dist.Gumbel, y: Tensor) -> LogTails:
    swapped = from_log_hazard((wide(gumbel.loc) - wide(y)) / wide(gumbel.scale))
    return LogTails(swapped.log_survival, swapped.log_cdf)


@log_tails.register
def _of_logistic(logistic: dist.Logistic, y: Tensor) -> LogTails:
    z = (wide(y) - wide(logistic.loc)) / wide(logistic.scale)
    return LogTails(functional.logsigmoid(z), functional.logsigmoid(-z))


@log_tails.register
def _of_half_normal(half_normal: dist.HalfNormal, y: Tensor) -> LogTails:
    log_survival = log_ndtr(-wide(y) / wide(half_normal.scale)) + math.log(2.0)
    return LogTails(log1mexp(log_survival), log_survival)


@log_tails.register
def _of_half_cauchy(half_cauchy: dist.HalfCauchy, y: Tensor) -> LogTails:
    z = wide(y) / wide(half_cauchy.scale)
    angle = torch.atan2(torch.ones_like(z), z) * (2.0 / math.pi)
    return LogTails((torch.atan(z) * (2.0 / math.pi)).log(), angle.log())


@log_tails.register
def _of_pareto(pareto: dist.Pareto, y: Tensor) -> LogTails:
    log_survival = wide(pareto.alpha) * (wide(pareto.scale).log() - wide(y).log())
    return LogTails(log1mexp(log_survival), log_survival)
