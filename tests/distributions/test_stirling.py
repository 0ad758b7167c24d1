"""The special functions behind the families, against mpmath's values and scipy."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import torch
from scipy import special, stats

from likelihead.distributions import BetaBinomial
from likelihead.distributions.stirling import (
    digamma_remainder,
    half_step_slope,
    half_step_value,
    log_ratio,
    log_rising,
    over_factorial,
    remainder_slope,
    remainder_value,
)

X = torch.logspace(-6, 4, 41, dtype=torch.float64)
LIMITS = {torch.float32: 1e-6, torch.float64: 1e-10}


@pytest.mark.parametrize("precision", LIMITS)
def test_against_scipy_where_it_does_not_cancel(precision: torch.dtype) -> None:
    limit, x = LIMITS[precision], X.numpy()
    remainder = special.gammaln(x) - (x - 0.5) * np.log(x) + x - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(remainder_value(X, precision), remainder, atol=limit)
    np.testing.assert_allclose(X * digamma_remainder(X, precision), x * (special.digamma(x) - np.log(x)), atol=limit)
    half = special.gammaln(x + 0.5) - special.gammaln(x)
    np.testing.assert_allclose(half_step_value(X, precision), half - 0.5 * np.log(x), atol=limit)
    slope = x * (special.digamma(x + 0.5) - special.digamma(x)) - 0.5
    np.testing.assert_allclose(X * half_step_slope(X, precision), slope, atol=limit)


def test_large_arguments() -> None:
    x = torch.tensor([1e6, 1e9, 1e12], dtype=torch.float64)
    np.testing.assert_allclose(remainder_value(x, x.dtype) * 12 * x, 1.0, rtol=1e-2, atol=1e-3)
    np.testing.assert_allclose(remainder_slope(x, x.dtype) * -12 * x * x, 1.0, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 2e-6), (torch.float64, 1e-13)])
def test_powers_over_factorials_are_scipys(dtype: torch.dtype, limit: float) -> None:
    y = torch.tensor([0.0, 1.0, 2.0, 7.0, 30.0], dtype=dtype)
    for rate in (0.25, 1.0, 12.0):
        found = over_factorial(y, torch.full_like(y, rate))
        np.testing.assert_allclose(found, stats.poisson.logpmf(y, rate), rtol=limit, atol=limit)


def test_a_rate_of_zero() -> None:
    none, some = over_factorial(torch.tensor([0.0, 1.0]), torch.zeros(2)).tolist()
    assert none == pytest.approx(0.0, abs=1e-6) and -1e3 < some < -700.0


def test_log_ratio_near_one_and_at_zero() -> None:
    x = torch.tensor([1.0 + 1e-14, 1e-300, 0.0], dtype=torch.float64)
    ratio = log_ratio(x, torch.ones_like(x))
    assert float(ratio[0]) == pytest.approx(float(x[0] - 1.0), rel=1e-12)
    assert float(ratio[1]) == pytest.approx(-690.77552789821, rel=1e-12)
    assert float(0.0 * ratio[2]) == 0.0


def test_second_derivatives() -> None:
    x = torch.tensor([0.3, 2.0, 40.0], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([0.5, 2.0, 30.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: remainder_slope(x, x.dtype), (x,))
    assert torch.autograd.gradgradcheck(log_ratio, (x, y))


@pytest.mark.parametrize("x", [1e-300, 1e-8, 0.3, 0.999, 1.0, 2.5, 1e3, 1e9, 1e17])
@pytest.mark.parametrize("steps", [0.0, 1.0, 7.0, 1e4])
def test_a_rising_factorial_and_its_slope_are_those_of_mpmath(x: float, steps: float) -> None:
    with mp.workdps(60):
        exact = mp.loggamma(mp.mpf(x) + steps) - mp.loggamma(mp.mpf(x)) - steps * mp.log(mp.mpf(x) + steps)
        slope = mp.digamma(mp.mpf(x) + steps) - mp.digamma(mp.mpf(x)) - steps / (mp.mpf(x) + steps)
    argument = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    value = log_rising(argument, torch.tensor(steps, dtype=torch.float64))
    np.testing.assert_allclose(value.item(), float(exact), rtol=1e-12, atol=1e-12)
    (gradient,) = torch.autograd.grad(value, argument)
    np.testing.assert_allclose(gradient.item() * x, float(slope * x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("precision", [1e9, 1e12, 1e16, 1e30])
def test_a_beta_binomial_of_any_precision_is_no_more_likely_than_its_binomial_limit(precision: float) -> None:
    """Differences of lgamma gave a log-probability of 72 at a precision of 1e16."""
    n, logits = torch.tensor(15.0, dtype=torch.float64), torch.tensor(0.3, dtype=torch.float64)
    y = torch.arange(16.0, dtype=torch.float64)
    limit = stats.binom.logpmf(y, 15, special.expit(0.3))
    found = BetaBinomial(n, logits, torch.tensor(precision, dtype=torch.float64)).log_prob(y)
    np.testing.assert_allclose(found, limit, atol=200.0 / precision + 1e-12)
