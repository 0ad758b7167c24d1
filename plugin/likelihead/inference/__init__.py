"""After training: point predictions, quantiles, intervals and the cdf of any distribution, in float64 on the CPU.

`python -m likelihead.inference --table` prints what is exact, inverted numerically, or undefined for each family.

>>> import torch
>>> from likelihead.inference import interval, mode
>>> from pyro.distributions import Poisson
>>> mode(Poisson(torch.tensor(3.7)))
tensor(3., dtype=torch.float64)
"""

from __future__ import annotations

from likelihead.inference.batches import concatenate, move, select
from likelihead.inference.functions import cdf, interval, mean, median, mode, pit, quantile, sample, summary
from likelihead.inference.mixtures import equal_mixture
from likelihead.inference.rankings import expected_ranks, first_probability
from likelihead.laws.law import law

__all__ = [
    "cdf",
    "concatenate",
    "equal_mixture",
    "expected_ranks",
    "first_probability",
    "interval",
    "law",
    "mean",
    "median",
    "mode",
    "move",
    "pit",
    "quantile",
    "sample",
    "select",
    "summary",
]
