"""The law of Pyro's Laplace distribution, whose class is used unchanged."""

from __future__ import annotations

import math

import numpy as np
import pyro.distributions as dist
import torch
from torch import Tensor

from likelihead.distributions.stirling import wide
from likelihead.distributions.tails import LogTails, from_tail, log_tails
from likelihead.laws.law import Array, Law, law_of
from likelihead.laws.location_scale import LocationScaleLaw


class LaplaceLaw(LocationScaleLaw):
    def cdf(self, y: Array) -> Array:
        z = self.standardised(y)
        tail = 0.5 * np.exp(-np.abs(z))
        return np.where(z < 0.0, tail, 1.0 - tail)

    def quantile(self, q: Array) -> Array:
        z = np.log(2.0 * np.minimum(q, 1.0 - q))
        return self.loc + self.scale * np.where(q < 0.5, z, -z)

    def crps(self, y: Array) -> Array:
        distance = np.abs(self.standardised(y))
        return self.scale * (distance + np.exp(-distance) - 0.75)


@law_of.register
def _law(laplace: dist.Laplace) -> Law:
    return LaplaceLaw(laplace, loc=laplace.loc, scale=laplace.scale)


@log_tails.register
def _log_tails(laplace: dist.Laplace, y: Tensor) -> LogTails:
    z = (wide(y) - wide(laplace.loc)) / wide(laplace.scale)
    return from_tail(torch.where(z > 0.0, -z, z) - math.log(2.0), z > 0.0)
