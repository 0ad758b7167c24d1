"""Counts, classes, levels and rankings at 8,136 extreme points against mpmath (grid/generate_discrete.py)."""

from __future__ import annotations

import pytest
import torch
from distributions.grid_checks import Case, check_compile, check_plain, check_vmap, evaluate, scalars, stored
from torch import Tensor

import likelihead.distributions as own


def _ordered(columns: Tensor) -> own.OrderedLogistic:
    return own.OrderedLogistic(columns[..., 0], columns[..., 1:], validate_args=False)


def _classes(columns: Tensor) -> own.Categorical:
    return own.Categorical(columns, validate_args=False)


def _ranking(columns: Tensor) -> own.PlackettLuce:
    return own.PlackettLuce(columns, validate_args=False)


SIZES = (2, 3, 10, 100, 1000)
CASES = {
    "bernoulli": Case("r", scalars(own.Bernoulli), grid="discrete"),
    "poisson": Case("p", scalars(own.Poisson), grid="discrete"),
    "negative_binomial": Case("pp", scalars(own.NegativeBinomial), grid="discrete"),
    "zero_inflated_poisson": Case("pr", scalars(own.ZeroInflatedPoisson), grid="discrete"),
    **{f"ordered_logistic_{size}": Case("r" * size, _ordered, grid="discrete") for size in (2, 3, 6)},
    **{f"categorical_{size}": Case("r" * size, _classes, grid="discrete") for size in SIZES},
    **{f"plackett_luce_{size}": Case("r" * size, _ranking, True, "discrete") for size in SIZES},
}


def test_the_grid_is_large_enough() -> None:
    assert sum(len(stored(name, case, torch.float32).y) for name, case in CASES.items()) >= 8_000


@pytest.mark.parametrize("name", CASES)
def test_float32(name: str) -> None:
    check_plain(name, CASES[name], torch.float32, (1e-4, 1e-3))


@pytest.mark.parametrize("name", CASES)
def test_float64(name: str) -> None:
    """Gradients of classes and rankings are stored with 11 bits."""
    is_coarse = name.startswith(("categorical", "plackett_luce"))
    check_plain(name, CASES[name], torch.float64, (1e-8, 5e-4 if is_coarse else 2e-7))


@pytest.mark.parametrize("name", CASES)
def test_vmap(name: str) -> None:
    check_vmap(name, CASES[name])


# 2026-11: torch's own tracer makes an instance of each autograd.Function that it meets.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("name", CASES)
def test_compile(name: str) -> None:
    check_compile(name, CASES[name])


def test_the_gradient_of_a_ranking_sums_to_zero() -> None:
    """At K = 1000 with scores of ±1e3; adding a constant to all scores changes nothing."""
    points = stored("plackett_luce_1000", CASES["plackett_luce_1000"], torch.float32)
    assert float(points.parameters.abs().max()) > 900.0
    _, gradient = evaluate(CASES["plackett_luce_1000"], points)
    assert float(gradient.sum(-1).abs().max()) < 1e-2
