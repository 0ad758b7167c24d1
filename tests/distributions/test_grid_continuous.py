"""The continuous families at 14,200 extreme points against mpmath (grid/generate_continuous.py)."""

from __future__ import annotations

import pytest
import torch
from distributions.continuous_cases import CASES
from distributions.grid_checks import check_compile, check_plain, check_vmap, stored

#: In float64, where a point is so ill-conditioned that rounding y alone moves the truth by more: a scale of 1e-9 about
#: log y, or a triangular system with entries a million times its diagonal.
FLOAT64 = {"log_normal": 1e-4, "multivariate_normal_2": 1e-6, "multivariate_normal_3": 1e-6}


def test_the_grid_is_large_enough() -> None:
    assert sum(len(stored(name, case, torch.float32).y) for name, case in CASES.items()) >= 12_000


@pytest.mark.parametrize("name", CASES)
def test_float32(name: str) -> None:
    check_plain(name, CASES[name], torch.float32, (1e-4, 1e-3))


@pytest.mark.parametrize("name", CASES)
def test_float64(name: str) -> None:
    check_plain(name, CASES[name], torch.float64, (FLOAT64.get(name, 1e-9), FLOAT64.get(name, 2e-7)))


@pytest.mark.parametrize("name", CASES)
def test_vmap(name: str) -> None:
    check_vmap(name, CASES[name])


# 2026-11: torch's own tracer makes an instance of each autograd.Function that it meets.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("name", CASES)
def test_compile(name: str) -> None:
    check_compile(name, CASES[name], fullgraph=name != "gaussian_mixture")
