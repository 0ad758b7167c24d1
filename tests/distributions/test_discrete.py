"""The discrete families at ordinary values: masses that sum to one, samples, modes, slopes that stay alive."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from scipy import stats
from torch import Tensor

import likelihead.distributions as own


def row(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


COUNTS = torch.arange(400, dtype=torch.float64)[:, None]
MEAN, DISPERSION = row(0.3, 2.5, 9.0, 30.0), row(0.1, 3.0, 0.4, 1e-9)
FAMILIES = {
    "poisson": own.Poisson(MEAN),
    "negative_binomial": own.NegativeBinomial(MEAN, DISPERSION),
    "zero_inflated_poisson": own.ZeroInflatedPoisson(MEAN, row(-30.0, -1.0, 0.5, 4.0)),
}
COUNTING = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
ORDERS = torch.tensor([*itertools.permutations(range(4))])


@COUNTING
def test_masses_sum_to_one_and_give_the_moments_and_the_mode(family: Any) -> None:
    mass = family.log_prob(COUNTS).exp()
    mean = (COUNTS * mass).sum(0)
    torch.testing.assert_close(mass.sum(0), torch.ones(4).double())
    torch.testing.assert_close(mean, family.mean)
    torch.testing.assert_close((COUNTS.square() * mass).sum(0) - mean.square(), family.variance)
    torch.testing.assert_close(mass.gather(0, family.mode.long()[None])[0], mass.amax(0))


@COUNTING
def test_samples_follow_the_masses(family: Any) -> None:
    torch.manual_seed(0)
    sample, mass = family.sample((20_000,)), family.log_prob(COUNTS).exp()
    for index in range(4):
        share = sample[:, index].long().bincount(minlength=400)[:400].double() / 20_000
        spread = (mass[:, index] / 20_000).sqrt()
        assert bool(((share - mass[:, index]).abs() <= 5.0 * spread + 1e-3).all())


def test_the_negative_binomial_reaches_the_poisson_limit() -> None:
    y = row(0.0, 3.0, 9.0, 1e6)
    for dispersion in (1e-13, 1e-20, 1e-30):
        found = own.NegativeBinomial(MEAN, torch.full((4,), dispersion).double()).log_prob(y)
        np.testing.assert_allclose(found, stats.poisson.logpmf(y, MEAN), rtol=1e-6)
        single = own.NegativeBinomial(MEAN.float(), torch.full((4,), dispersion)).log_prob(y.float())
        np.testing.assert_allclose(single, found, rtol=1e-5)


def test_the_negative_binomial_in_the_words_of_scipy() -> None:
    family = own.NegativeBinomial(MEAN, row(0.1, 3.0, 0.4, 1.0))
    twin = stats.nbinom(family.total_count, 1.0 - family.probs)
    np.testing.assert_allclose(family.mean, twin.mean())
    np.testing.assert_allclose(family.variance, twin.var())
    torch.testing.assert_close(family.logits.sigmoid(), family.probs)


def test_a_confident_bernoulli_keeps_its_slope() -> None:
    logits = torch.tensor([20.0, -20.0, 80.0], requires_grad=True)
    log_prob = own.Bernoulli(logits).log_prob(torch.tensor([1.0, 0.0, 1.0]))
    (slope,) = torch.autograd.grad(log_prob.sum(), logits)
    np.testing.assert_allclose(slope, [np.exp(-20.0), -np.exp(-20.0), np.exp(-80.0)], rtol=1e-5)
    assert own.Bernoulli(row(-1.0, 0.0, 1.0)).mode.tolist() == [0.0, 0.0, 1.0]


def test_a_confident_class_keeps_the_slopes_of_the_others() -> None:
    logits = torch.tensor([40.0, 0.0, 1.0], requires_grad=True)
    (slope,) = torch.autograd.grad(own.Categorical(logits).log_prob(torch.tensor(0)), logits)
    np.testing.assert_allclose(slope[1:], [-np.exp(-40.0), -np.exp(-39.0)], rtol=1e-5)


@pytest.mark.parametrize("y", [torch.tensor([2, 0]), torch.tensor([2.0, 0.0])])
def test_classes_are_named_by_whole_numbers_of_any_dtype(y: Tensor) -> None:
    logits = torch.tensor([[0.1, -1.0, 2.0], [1e4, 1e4 + 1.0, 1e4]])
    expected = dist.Categorical(logits=logits.double()).log_prob(y)
    torch.testing.assert_close(own.Categorical(logits).log_prob(y).double(), expected, rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("gap", [1.0, 1e-3, 1e-6])
@pytest.mark.parametrize("place", [0.0, 30.0, -200.0])
def test_levels_between_close_and_far_cutpoints(place: float, gap: float) -> None:
    """Against differences of the logistic distribution's smaller tail."""
    family = own.OrderedLogistic(row(-place), row(0.0, gap)[None])
    found = [float(family.log_prob(torch.tensor([level]))) for level in range(3)]
    tail, sign = (stats.logistic.sf, -1.0) if place >= 0.0 else (stats.logistic.cdf, 1.0)
    middle = sign * (tail(place + gap) - tail(place))
    ends = stats.logistic.logcdf(place), stats.logistic.logsf(place + gap)
    np.testing.assert_allclose(found, [ends[0], np.log(middle), ends[1]], rtol=1e-9)


def test_a_level_of_no_width_leaves_the_others_alone() -> None:
    leaves = [torch.zeros(3), torch.tensor([1.0, 1.0]).expand(3, 2)]
    leaves = [leaf.clone().requires_grad_() for leaf in leaves]
    log_prob = own.OrderedLogistic(*leaves, validate_args=False).log_prob(torch.tensor([0, 1, 2]))
    slopes = torch.autograd.grad(log_prob.sum(), leaves)
    assert float(log_prob[1].detach()) < -80.0 and all(bool(slope.isfinite().all()) for slope in slopes)
    np.testing.assert_allclose(log_prob[::2].detach(), stats.logistic.logcdf([1.0, -1.0]), rtol=1e-6)
    share = stats.logistic.sf(1.0)
    np.testing.assert_allclose(slopes[0], [-share, 1.0 - 2.0 * stats.logistic.cdf(-1.0), 1.0 - share], rtol=1e-6)


def test_orders_sum_to_one_and_the_mode_is_the_likeliest() -> None:
    family = own.PlackettLuce(torch.tensor([[0.3, -1.0, 2.0, 0.5], [0.0, 0.0, 0.0, 0.0]]).double())
    mass = family.log_prob(ORDERS[:, None]).exp()
    torch.testing.assert_close(mass.sum(0), torch.ones(2).double())
    assert family.mode.tolist() == [[2, 3, 0, 1], [0, 1, 2, 3]]
    torch.testing.assert_close(family.log_prob(family.mode).exp(), mass.amax(0))


def test_sampled_orders_follow_the_masses() -> None:
    torch.manual_seed(0)
    family = own.PlackettLuce(row(0.3, -1.0, 2.0, 0.5))
    sample = family.sample((20_000,))
    assert sample.dtype == torch.int64 and bool(own.PlackettLuce.support.check(sample).all())
    seen = (sample[:, None] == ORDERS).all(-1).sum(0)
    assert stats.chisquare(seen, 20_000 * family.log_prob(ORDERS).exp()).pvalue > 1e-3


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.float32, torch.float64])
def test_what_is_an_order(dtype: torch.dtype) -> None:
    given = torch.tensor([[0, 1, 2], [2, 0, 1], [0, 0, 1], [1, 2, 3], [-1, 0, 1]]).to(dtype)
    assert own.PlackettLuce.support.check(given).tolist() == [True, True, False, False, False]
    family = own.PlackettLuce(torch.zeros(3), validate_args=True)
    torch.testing.assert_close(family.log_prob(given[:2]).exp(), torch.full((2,), 1 / 6))
    with pytest.raises(ValueError, match="Expected value"):
        family.log_prob(given)


CURVED = {
    "bernoulli": (own.Bernoulli, [row(0.3, -2.0)], row(1.0, 0.0)),
    "poisson": (own.Poisson, [row(0.3, 4.0)], row(0.0, 3.0)),
    "negative_binomial": (own.NegativeBinomial, [row(0.3, 4.0), row(0.5, 2.0)], row(0.0, 3.0)),
    "zero_inflated_poisson": (own.ZeroInflatedPoisson, [row(0.3, 4.0), row(0.5, -2.0)], row(0.0, 3.0)),
    "ordinal": (own.OrderedLogistic, [row(0.3, -1.0), torch.tensor([[-1.0, 1.0]] * 2).double()], row(1.0, 2.0)),
    "categorical": (own.Categorical, [torch.tensor([[0.1, 0.5, -1.0]] * 2).double()], row(0.0, 2.0)),
    "plackett_luce": (own.PlackettLuce, [torch.tensor([[0.1, 0.5, -1.0]] * 2).double()], ORDERS[[0, 2], :3]),
}


@pytest.mark.parametrize("name", CURVED)
def test_gradients_of_first_and_second_order(name: str) -> None:
    """Against finite differences."""
    cls, parameters, y = CURVED[name]
    leaves = [parameter.clone().requires_grad_() for parameter in parameters]

    def log_prob(*inputs: Tensor) -> Tensor:
        return cls(*inputs, validate_args=False).log_prob(y)

    assert torch.autograd.gradcheck(log_prob, leaves, atol=1e-6)
    assert torch.autograd.gradgradcheck(log_prob, leaves, atol=1e-5)
