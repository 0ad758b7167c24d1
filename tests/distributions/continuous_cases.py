"""How the families of grid/continuous.npz are built from its columns, and how far a result is from the stored one."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyro.distributions as dist
import torch
from torch import Tensor

import likelihead.distributions as own

GRID = pathlib.Path(__file__).with_name("grid") / "continuous.npz"


class Case(NamedTuple):
    """kinds: p (positive) or r (real) for each parameter; build: parameters (n, columns) to a distribution."""

    kinds: str
    build: Callable[[Tensor], dist.Distribution]
    is_vector: bool = False


def _of(cls: type) -> Callable[[Tensor], dist.Distribution]:
    return lambda columns: cls(*columns.unbind(-1), validate_args=False)


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
    "normal": Case("rp", _of(own.Normal)),
    "laplace": Case("rp", _of(dist.Laplace)),
    "exponential": Case("p", _of(dist.Exponential)),
    "log_normal": Case("rp", _of(own.LogNormal)),
    "student_t": Case("prp", _of(own.StudentT)),
    "gamma": Case("pp", _of(own.Gamma)),
    "beta": Case("pp", _of(own.Beta)),
    "beta_proportion": Case("rp", _of(own.BetaProportion)),
    "weibull": Case("pp", _of(own.Weibull)),
    "von_mises": Case("rp", _of(own.VonMises)),
    "von_mises_vector": Case("rr", _vector),
    "von_mises_vector_given": Case("rrp", _vector),
    "dirichlet": Case("ppp", lambda columns: own.Dirichlet(columns, validate_args=False), True),
    "multivariate_normal_2": Case("rrprp", _multivariate(2), True),
    "multivariate_normal_3": Case("rrrprprrp", _multivariate(3), True),
    "gaussian_mixture": Case("rrrrrrppp", _mixture),
}


class Points(NamedTuple):
    """parameters (n, columns), y (n) or (n, K), and the stored log_prob (n) and gradient (n, columns) in float64."""

    parameters: Tensor
    y: Tensor
    log_prob: Tensor
    gradient: Tensor

    def first(self, count: int) -> Points:
        return Points(*(part[:count] for part in self))


@functools.cache
def stored(name: str, dtype: torch.dtype) -> Points:
    with np.load(GRID) as file:
        parts = (file[f"{name}.{part}"] for part in ("inputs", "log_prob", "gradient"))
        inputs, log_prob, gradient = (torch.from_numpy(part) for part in parts)
    size = len(CASES[name].kinds)
    inputs = inputs.T.to(dtype)
    y = inputs[:, size:] if CASES[name].is_vector else inputs[:, size]
    return Points(inputs[:, :size], y, log_prob, gradient.T.double())


def evaluate(name: str, points: Points) -> tuple[Tensor, Tensor]:
    """log_prob (n) and its gradient by the raw outputs (n, columns)."""
    leaf = points.parameters.clone().requires_grad_()
    log_prob = CASES[name].build(leaf).log_prob(points.y)
    (gradient,) = torch.autograd.grad(log_prob.sum(), leaf)
    return log_prob.detach(), by_raw(name, gradient, points.parameters)


def by_raw(name: str, gradient: Tensor, parameters: Tensor) -> Tensor:
    """A positive parameter is exp(raw), so that its raw gradient is the parameter times the gradient."""
    is_positive = torch.tensor([kind == "p" for kind in CASES[name].kinds])
    return torch.where(is_positive, gradient.double() * parameters.double(), gradient.double())


def error(found: Tensor, expected: Tensor) -> Tensor:
    """|found - expected| / max(1, |expected|); NaN and infinity stay what they are."""
    return (found.double() - expected).abs() / expected.abs().clamp(min=1.0)
