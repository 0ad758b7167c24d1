"""Families against the points stored in grid/: how they are built from its columns, and how far a result is off."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyro.distributions as dist
import torch
from torch import Tensor

FOLDER = pathlib.Path(__file__).with_name("grid")


class Case(NamedTuple):
    """kinds: p (positive) or r (real) for each parameter; build: parameters (n, columns) to a distribution."""

    kinds: str
    build: Callable[[Tensor], dist.Distribution]
    is_vector: bool = False
    grid: str = "continuous"


def scalars(cls: type) -> Callable[[Tensor], dist.Distribution]:
    """Build a family whose parameters are single columns."""
    return lambda columns: cls(*columns.unbind(-1), validate_args=False)


class Points(NamedTuple):
    """parameters (n, columns), y (n) or (n, K), and the stored log_prob (n) and gradient (n, columns) in float64."""

    parameters: Tensor
    y: Tensor
    log_prob: Tensor
    gradient: Tensor

    def first(self, count: int) -> Points:
        return Points(*(part[:count] for part in self))


def stored(name: str, case: Case, dtype: torch.dtype) -> Points:
    with np.load(FOLDER / f"{case.grid}.npz") as file:
        parts = (file[f"{name}.{part}"] for part in ("inputs", "log_prob", "gradient"))
        inputs, log_prob, gradient = (torch.from_numpy(part) for part in parts)
    size = len(case.kinds)
    inputs = inputs.T.to(dtype)
    y = inputs[:, size:] if case.is_vector else inputs[:, size]
    return Points(inputs[:, :size], y, log_prob, gradient.T.double())


def evaluate(case: Case, points: Points) -> tuple[Tensor, Tensor]:
    """log_prob (n) and its gradient by the raw outputs (n, columns)."""
    leaf = points.parameters.clone().requires_grad_()
    log_prob = case.build(leaf).log_prob(points.y)
    (gradient,) = torch.autograd.grad(log_prob.sum(), leaf)
    return log_prob.detach(), by_raw(case, gradient, points.parameters)


def by_raw(case: Case, gradient: Tensor, parameters: Tensor) -> Tensor:
    """A positive parameter is exp(raw), so that its raw gradient is the parameter times the gradient."""
    is_positive = torch.tensor([kind == "p" for kind in case.kinds])
    return torch.where(is_positive, gradient.double() * parameters.double(), gradient.double())


def error(found: Tensor, expected: Tensor) -> Tensor:
    """|found - expected| / max(1, |expected|); NaN and infinity stay what they are."""
    return (found.double() - expected).abs() / expected.abs().clamp(min=1.0)


def check(found: Tensor, expected: Tensor, limit: float, what: str) -> None:
    """Every entry within `limit`; NaN and infinity are not."""
    wrong = ~(error(found, expected) <= limit)
    assert not wrong.any(), f"{what}: {int(wrong.sum())} wrong, first {found[wrong][:3]} for {expected[wrong][:3]}"


def check_plain(name: str, case: Case, dtype: torch.dtype, limits: tuple[float, float]) -> None:
    """log_prob and gradient at all points, within one limit each."""
    points = stored(name, case, dtype)
    log_prob, gradient = evaluate(case, points)
    assert log_prob.dtype == dtype
    check(log_prob, points.log_prob, limits[0], "log_prob")
    check(gradient, points.gradient, limits[1], "gradient")


def check_vmap(name: str, case: Case) -> None:
    """A gradient and a value for each point by torch.func.vmap."""
    points = stored(name, case, torch.float32).first(200)

    def log_prob(parameters: Tensor, y: Tensor) -> Tensor:
        return case.build(parameters).log_prob(y)

    both = torch.func.vmap(torch.func.grad_and_value(log_prob))
    gradient, value = both(points.parameters, points.y)
    check(value, points.log_prob, 1e-4, "log_prob")
    check(by_raw(case, gradient, points.parameters), points.gradient, 1e-3, "gradient")


def check_compile(name: str, case: Case, fullgraph: bool = True) -> None:
    """One graph without breaks, forward and backward, as torch.compile traces it."""
    points = stored(name, case, torch.float32).first(300)
    # torch.compile switches validate_args off for the whole process.
    before = torch.distributions.Distribution._validate_args
    torch.compiler.reset()

    @torch.compile(backend="aot_eager", fullgraph=fullgraph)
    def log_prob(parameters: Tensor, y: Tensor) -> Tensor:
        return case.build(parameters).log_prob(y)

    try:
        leaf = points.parameters.clone().requires_grad_()
        value = log_prob(leaf, points.y)
        (gradient,) = torch.autograd.grad(value.sum(), leaf)
    finally:
        torch.distributions.Distribution.set_default_validate_args(before)
    check(value.detach(), points.log_prob, 1e-4, "log_prob")
    check(by_raw(case, gradient, points.parameters), points.gradient, 1e-3, "gradient")
