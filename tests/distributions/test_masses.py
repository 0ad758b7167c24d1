"""Masses at 0 and 1 beside a density, against sums and integrals over their parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from likelihead import LikelihoodError, distributions
from likelihead.families.family import Family
from likelihead.inference import cdf, interval, mean, quantile
from likelihead.laws.law import law
from likelihead.target_types import target_type_of

#: P(0), P(1) if not 0, and the concentrations between.
ZERO, ONE, A, B = 0.2, 0.3, 2.0, 5.0


def exact(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


def shares(zero: float | None, one: float | None) -> Any:
    found: Any = distributions.Beta(torch.tensor([A]).double(), torch.tensor([B]).double())
    if one is not None:
        found = distributions.HurdleOne(found, torch.logit(exact(one)))
    if zero is not None:
        found = distributions.Hurdle(found, torch.logit(exact(zero)))
    return found


def masses(zero: float | None, one: float | None) -> tuple[float, float, float]:
    """P(0), P(1) and what is left for the density."""
    at_zero = zero or 0.0
    at_one = (1.0 - at_zero) * (one or 0.0)
    return at_zero, at_one, 1.0 - at_zero - at_one


WHICH = pytest.mark.parametrize(("zero", "one"), [(ZERO, ONE), (None, ONE), (ZERO, None)])


@WHICH
def test_the_cdf_has_a_step_at_each_mass(zero: float | None, one: float | None) -> None:
    at_zero, at_one, rest = masses(zero, one)
    built = shares(zero, one)
    y = torch.tensor([[0.0], [0.25], [0.9], [1.0]], dtype=torch.float64)
    expected = at_zero + rest * stats.beta.cdf(y[:, 0], A, B) + at_one * (y[:, 0].numpy() == 1.0)
    np.testing.assert_allclose(cdf(built, y)[:, 0], expected, rtol=1e-12)
    assert mean(built).item() == pytest.approx(at_one + rest * A / (A + B), rel=1e-12)
    assert (quantile(built, 0.999).item() == 1.0) == (at_one > 0.0)


@WHICH
def test_the_crps_is_its_integral(zero: float | None, one: float | None) -> None:
    at_zero, _, rest = masses(zero, one)
    built = shares(zero, one)
    for y in (0.0, 0.3, 1.0):

        def square(x: float, y: float = y) -> float:
            return float((at_zero + rest * stats.beta.cdf(x, A, B) - (x >= y)) ** 2)

        expected = integrate.quad(square, 0.0, y)[0] + integrate.quad(square, y, 1.0)[0]
        assert law(built).crps(np.array([y])).item() == pytest.approx(expected, rel=1e-7)


def test_a_mixture_of_inflated_betas_is_an_inflated_mixture() -> None:
    family = Family.of({"family": "likelihead.distributions.Beta", "ones": "hurdle", "zeros": "hurdle",
                        "components": 2})  # fmt: skip
    values = {name: torch.tensor([[-0.5, 1.0]]).double() for name in family.parameter_shapes}
    values |= {"concentration1": torch.tensor([[2.0, 4.0]]).double(), "concentration0": torch.ones(1, 2).double()}
    built = family.build(values)
    torch.manual_seed(0)
    drawn = built.sample((40_000,)).flatten()
    ranks = torch.tensor([0.05, 0.3, 0.6, 0.9]).double()
    points = quantile(built, ranks)[:, 0]
    shares_below = torch.stack([(drawn <= point).double().mean() for point in points])
    assert bool((shares_below >= ranks - 0.01).all())
    assert bool((torch.stack([(drawn < point).double().mean() for point in points]) <= ranks + 0.01).all())


def test_an_interval_starts_at_0_or_ends_at_1_whichever_is_shorter() -> None:
    lower, upper = interval(shares(0.5, 0.05), 0.7, "highest")
    assert lower.item() == 0.0 and upper.item() < 1.0
    lower, upper = interval(shares(0.05, 0.6), 0.7, "highest")
    assert lower.item() > 0.0 and upper.item() == 1.0


def test_targets_may_be_exactly_0_and_1_where_they_have_a_mass() -> None:
    assert target_type_of("inflated_beta").support_text == "numbers between 0 and 1"
    only_one = {"family": "likelihead.distributions.Beta", "ones": "hurdle"}
    faults = target_type_of(only_one).faults(np.array([[0.0], [1.0], [0.5]]))
    assert [bool(mask.any()) for mask in faults.values()] == [False, False, True, False]


@pytest.mark.parametrize("family", ["Gamma", "Poisson", "Normal", "Categorical"])
def test_a_mass_at_1_is_for_proportions(family: str) -> None:
    with pytest.raises(LikelihoodError, match=f"ones.* is for families of proportions, and {family} is none"):
        Family.of({"family": f"likelihead.distributions.{family}", "ones": "hurdle"})
    with pytest.raises(LikelihoodError, match="ones is 'inflated'"):
        Family.of({"family": "likelihead.distributions.Beta", "ones": "inflated"})
