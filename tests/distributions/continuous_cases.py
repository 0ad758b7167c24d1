"""How the families of grid/continuous.npz are built from its columns."""

from __future__ import annotations

from collections.abc import Callable

import pyro.distributions as dist
import torch
from distributions.grid_checks import Case, scalars
from torch import Tensor

import likelihead.distributions as own


def _multivariate(size: int) -> Callable[[Tensor], dist.Distribution]:
    def build(columns: Tensor) -> dist.Distribution:
        row, column = torch.tril_indices(size, size)
        places = torch.full((size, size), -1)
        places[row, column] = torch.arange(len(row))
        entries = torch.cat([columns[..., size:], torch.zeros_like(columns[..., :1])], -1)
        return own.MultivariateNormal(columns[..., :size], scale_tril=entries[..., places], validate_args=False)

    return build


def _mixture(columns: Tensor) -> dist.Distribution:
    logits, loc, scale = columns.split(3, -1)
    weights = dist.Categorical(logits=logits, validate_args=False)
    components = own.Normal(loc, scale, validate_args=False)
    return own.MixtureSameFamily(weights, components, validate_args=False)


def _vector(columns: Tensor) -> dist.Distribution:
    given = columns[..., 2] if columns.shape[-1] == 3 else None
    return own.VonMisesVector(columns[..., :2], given, validate_args=False)


CASES: dict[str, Case] = {
    "normal": Case("rp", scalars(own.Normal)),
    "laplace": Case("rp", scalars(dist.Laplace)),
    "exponential": Case("p", scalars(dist.Exponential)),
    "log_normal": Case("rp", scalars(own.LogNormal)),
    "student_t": Case("prp", scalars(own.StudentT)),
    "gamma": Case("pp", scalars(own.Gamma)),
    "beta": Case("pp", scalars(own.Beta)),
    "beta_proportion": Case("rp", scalars(own.BetaProportion)),
    "weibull": Case("pp", scalars(own.Weibull)),
    "von_mises": Case("rp", scalars(own.VonMises)),
    "von_mises_vector": Case("rr", _vector),
    "von_mises_vector_given": Case("rrp", _vector),
    "dirichlet": Case("ppp", lambda columns: own.Dirichlet(columns, validate_args=False), True),
    "multivariate_normal_2": Case("rrprp", _multivariate(2), True),
    "multivariate_normal_3": Case("rrrprprrp", _multivariate(3), True),
    "gaussian_mixture": Case("rrrrrrppp", _mixture),
}
