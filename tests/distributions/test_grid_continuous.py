"""The continuous families at 14,200 extreme points against mpmath (grid/generate_continuous.py)."""

from __future__ import annotations

import pytest
import torch
from distributions.continuous_cases import CASES, by_raw, error, evaluate, stored
from torch import Tensor

#: In float64, where a point is so ill-conditioned that rounding y alone moves the truth by more: a scale of 1e-9 about
#: log y, or a triangular system with entries a million times its diagonal.
FLOAT64 = {"log_normal": 1e-4, "multivariate_normal_2": 1e-6, "multivariate_normal_3": 1e-6}


def check(found: Tensor, expected: Tensor, limit: float, what: str) -> None:
    """Every entry within `limit`; NaN and infinity are not."""
    wrong = ~(error(found, expected) <= limit)
    assert not wrong.any(), f"{what}: {int(wrong.sum())} wrong, first {found[wrong][:3]} for {expected[wrong][:3]}"


@pytest.fixture
def validation_default():
    """`torch.compile` switches validate_args off for the whole process; put it back."""
    before = torch.distributions.Distribution._validate_args
    yield
    torch.distributions.Distribution.set_default_validate_args(before)


def test_the_grid_is_large_enough() -> None:
    assert sum(len(stored(name, torch.float32).y) for name in CASES) >= 12_000


@pytest.mark.parametrize("name", CASES)
def test_float32(name: str) -> None:
    points = stored(name, torch.float32)
    log_prob, gradient = evaluate(name, points)
    assert log_prob.dtype == torch.float32
    check(log_prob, points.log_prob, 1e-4, "log_prob")
    check(gradient, points.gradient, 1e-3, "gradient")


@pytest.mark.parametrize("name", CASES)
def test_float64(name: str) -> None:
    points = stored(name, torch.float64)
    log_prob, gradient = evaluate(name, points)
    assert log_prob.dtype == torch.float64
    check(log_prob, points.log_prob, FLOAT64.get(name, 1e-9), "log_prob")
    check(gradient, points.gradient, FLOAT64.get(name, 2e-7), "gradient")


@pytest.mark.parametrize("name", CASES)
def test_vmap(name: str) -> None:
    """A gradient and a value for each point by torch.func.vmap."""
    points = stored(name, torch.float32).first(200)

    def log_prob(parameters: Tensor, y: Tensor) -> Tensor:
        return CASES[name].build(parameters).log_prob(y)

    both = torch.func.vmap(torch.func.grad_and_value(log_prob))
    gradient, value = both(points.parameters, points.y)
    check(value, points.log_prob, 1e-4, "log_prob")
    check(by_raw(name, gradient, points.parameters), points.gradient, 1e-3, "gradient")


# 2026-11: torch's own tracer makes an instance of each autograd.Function that it meets.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("name", CASES)
def test_compile(name: str, validation_default: None) -> None:
    """One graph without breaks, forward and backward, as torch.compile traces it."""
    points = stored(name, torch.float32).first(300)
    torch.compiler.reset()

    @torch.compile(backend="aot_eager", fullgraph=name != "gaussian_mixture")
    def log_prob(parameters: Tensor, y: Tensor) -> Tensor:
        return CASES[name].build(parameters).log_prob(y)

    leaf = points.parameters.clone().requires_grad_()
    value = log_prob(leaf, points.y)
    (gradient,) = torch.autograd.grad(value.sum(), leaf)
    check(value.detach(), points.log_prob, 1e-4, "log_prob")
    check(by_raw(name, gradient, points.parameters), points.gradient, 1e-3, "gradient")
