"""The law of Pyro's logistic distribution, whose class is used unchanged."""

from __future__ import annotations

import pyro.distributions as dist
from scipy import special
from torch import Tensor
from torch.nn import functional

from likelihead.distributions.stirling import wide
from likelihead.distributions.tails import LogTails, log_tails
from likelihead.laws.law import Array, Law, law_of
from likelihead.laws.location_scale import LocationScaleLaw


class LogisticLaw(LocationScaleLaw):
    def cdf(self, y: Array) -> Array:
        return special.expit(self.standardised(y))

    def quantile(self, q: Array) -> Array:
        return self.loc + self.scale * special.logit(q)

    def crps(self, y: Array) -> Array:
        z = self.standardised(y)
        return self.scale * (z - 2.0 * special.log_expit(z) - 1.0)


@law_of.register
def _law(logistic: dist.Logistic) -> Law:
    return LogisticLaw(logistic, loc=logistic.loc, scale=logistic.scale)


@log_tails.register
def _log_tails(logistic: dist.Logistic, y: Tensor) -> LogTails:
    z = (wide(y) - wide(logistic.loc)) / wide(logistic.scale)
    return LogTails(functional.logsigmoid(z), functional.logsigmoid(-z))
