"""Quantiles, cdfs, means, modes and intervals against scipy and dense grids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from inference.references import CONTINUOUS, DISCRETE, Twin, t
from scipy import stats

from likelihead import LikelihoodError
from likelihead import distributions as ours
from likelihead.inference import cdf, interval, mean, median, mode, pit, quantile, sample, summary

RANKS = t(1e-9, 1e-3, 0.05, 0.31, 0.52, 0.9, 0.999, 1 - 1e-9)
BOTH = CONTINUOUS | DISCRETE


def twins(table: dict[str, Twin]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("twin", table.values(), ids=table.keys())


@twins(BOTH)
@np.errstate(all="ignore")
def test_quantiles_cdf_and_mean_are_those_of_scipy(twin: Twin) -> None:
    expected = np.stack([twin.scipy.ppf(float(q)) for q in RANKS])
    assert quantile(twin.dist, RANKS).shape == (len(RANKS), *twin.dist.batch_shape)
    np.testing.assert_allclose(quantile(twin.dist, RANKS), expected, rtol=1e-8)
    np.testing.assert_allclose(median(twin.dist), twin.scipy.ppf(0.5), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(cdf(twin.dist, torch.tensor(expected)), twin.scipy.cdf(expected), rtol=1e-10)
    exists = np.isfinite(twin.scipy.mean())
    np.testing.assert_allclose(mean(twin.dist)[exists], np.asarray(twin.scipy.mean())[exists], rtol=1e-10)


@twins(CONTINUOUS)
@np.errstate(all="ignore")
def test_mode_beats_a_dense_grid(twin: Twin) -> None:
    grid = quantile(twin.dist, torch.linspace(1e-4, 1 - 1e-4, 4001, dtype=torch.float64))
    density = np.asarray(twin.scipy.pdf(mode(twin.dist).numpy()))
    assert (density >= twin.scipy.pdf(grid.numpy()).max(0) * (1 - 1e-12)).all()


@twins(DISCRETE)
def test_mode_is_the_first_of_the_most_probable_values(twin: Twin) -> None:
    highest = mode(twin.dist)
    around = highest + torch.arange(-300, 300).reshape(-1, *[1] * highest.dim())
    mass = twin.scipy.pmf(around.numpy())
    mass[mass.max(0) - mass < 1e-14 * mass.max(0)] = 1.0
    first = np.take_along_axis(around.numpy(), mass.argmax(0)[None], 0)[0]
    at_tie = np.abs(np.log(twin.scipy.pmf(first) / twin.scipy.pmf(highest.numpy()))) < 1e-9
    assert ((highest.numpy() == first) | at_tie).all()


def test_ties_edges_and_flat_densities_have_documented_modes() -> None:
    assert mode(dist.Bernoulli(logits=t(0.0))).item() == 0
    assert mode(dist.Categorical(logits=t(1.0, 3.0, 3.0))).item() == 1
    assert mode(ours.Poisson(t(4.0, 0.5))).tolist() == [4.0, 0.0]
    assert mode(ours.NegativeBinomial(t(4.0), t(0.5))).tolist() == [2.0]
    assert mode(ours.Gamma(t(0.5, 1.0, 3.0), t(1.0, 1.0, 1.0))).tolist() == [0.0, 0.0, 2.0]
    assert mode(ours.Weibull(t(1.0, 1.0), t(0.5, 1.0))).tolist() == [0.0, 0.0]
    beta = ours.Beta(t(1.0, 0.5, 0.5, 0.4, 1.0, 2.0), t(1.0, 0.5, 0.4, 0.5, 2.0, 1.0))
    assert mode(beta).tolist() == [0.5, 0.0, 1.0, 0.0, 0.0, 1.0]
    assert mode(ours.Dirichlet(torch.ones(2, 4))).eq(0.25).all()
    assert mode(ours.Dirichlet(t(0.5, 3.0, 2.0))).tolist() == pytest.approx([0.0, 2 / 3, 1 / 3])
    assert mode(ours.Dirichlet(t(0.5, 0.9, 0.2))).tolist() == [0.0, 1.0, 0.0]
    assert mode(ours.VonMises(t(10.0), t(1e-30))).item() == pytest.approx(10.0 - 4 * np.pi)


def test_heavy_tails_have_documented_means() -> None:
    assert mean(ours.StudentT(t(0.5, 1.0), t(3.0, 4.0), t(1.0, 1.0))).tolist() == [3.0, 4.0]
    with pytest.raises(LikelihoodError, match="the mean of Cauchy is undefined"):
        mean(dist.Cauchy(t(2.0), t(1.0)))


@twins(CONTINUOUS)
def test_highest_density_intervals_are_the_shortest(twin: Twin) -> None:
    lower, upper = interval(twin.dist, 0.8, kind="highest")
    np.testing.assert_allclose(cdf(twin.dist, upper) - cdf(twin.dist, lower), 0.8, atol=1e-9)
    starts = torch.linspace(0.0, 0.2, 801, dtype=torch.float64)[1:-1]
    lengths = quantile(twin.dist, starts + 0.8) - quantile(twin.dist, starts)
    assert (upper - lower <= lengths.min(0).values * (1 + 1e-9)).all()


_INFLATED = Twin(ours.ZeroInflatedPoisson(t(0.1, 4.0, 30.0), gate_logits=t(0.0, -1.0, 2.0)), None)


@twins(DISCRETE | {"zero_inflated": _INFLATED})
@pytest.mark.parametrize("mass", [0.5, 0.9])
def test_highest_mass_runs_are_the_smallest(twin: Twin, mass: float) -> None:
    lower, upper = interval(twin.dist, mass, kind="highest")
    assert (cdf(twin.dist, upper) - cdf(twin.dist, lower - 1) >= mass - 1e-12).all()
    first = torch.clamp(mode(twin.dist).double() - 4000, min=0)
    starts = first + torch.arange(0, 8000.0, dtype=torch.float64).reshape(-1, *[1] * lower.dim())
    below = cdf(twin.dist, starts - 1)
    shorter = cdf(twin.dist, starts + (upper - lower - 1)) - below
    assert (shorter.max(0).values < mass).all()
    best = (cdf(twin.dist, starts + (upper - lower)) - below).max(0).values
    np.testing.assert_allclose(cdf(twin.dist, upper) - cdf(twin.dist, lower - 1), best, rtol=1e-9)


@twins(BOTH)
def test_central_intervals_leave_equal_tails(twin: Twin) -> None:
    lower, upper = interval(twin.dist, 0.9)
    torch.testing.assert_close(torch.stack([lower, upper]), quantile(twin.dist, t(0.05, 0.95)))


@twins(BOTH)
def test_pit_is_uniform(twin: Twin) -> None:
    drawn = sample(twin.dist, 800, seed=3)
    transformed = pit(twin.dist, drawn, seed=4)
    assert transformed.shape == drawn.shape
    for column in transformed.reshape(800, -1).T:
        assert stats.kstest(column.numpy(), "uniform").pvalue > 1e-4


def test_zero_inflation_is_that_of_the_definition() -> None:
    gate, rate, counts = np.array([0.3, 0.9]), np.array([4.0, 0.5]), np.arange(0.0, 30.0)[:, None]
    zero_inflated = ours.ZeroInflatedPoisson(t(*rate), gate_logits=t(*np.log(gate / (1 - gate))))
    expected = gate + (1 - gate) * stats.poisson(rate).cdf(counts)
    np.testing.assert_allclose(cdf(zero_inflated, torch.tensor(counts + 0 * rate)), expected, rtol=1e-12)
    np.testing.assert_allclose(mean(zero_inflated), (1 - gate) * rate, rtol=1e-12)
    for q in (0.1, 0.5, 0.93, 0.999):
        assert (quantile(zero_inflated, q).numpy() == (expected < q).sum(0)).all()
    assert mode(zero_inflated).tolist() == [0.0, 0.0]
    assert mode(ours.ZeroInflatedPoisson(t(4.5), gate_logits=t(-4.0))).tolist() == [4.0]


def test_a_hurdle_is_that_of_the_definition() -> None:
    gate, rate, counts = np.array([0.3, 0.9]), np.array([4.0, 0.5]), np.arange(0.0, 30.0)[:, None]
    logits = t(*np.log(gate / (1 - gate)))
    base = stats.poisson(rate)
    hurdle = ours.Hurdle(ours.Poisson(t(*rate)), logits)
    expected = gate + (1 - gate) * (base.cdf(counts) - base.pmf(0)) / base.sf(0)
    np.testing.assert_allclose(cdf(hurdle, torch.tensor(counts + 0 * rate)), expected, rtol=1e-12)
    np.testing.assert_allclose(mean(hurdle), (1 - gate) * rate / base.sf(0), rtol=1e-12)
    for q in (0.1, 0.5, 0.93, 0.999):
        assert (quantile(hurdle, q).numpy() == (expected < q).sum(0)).all()
    assert mode(hurdle).tolist() == [0.0, 0.0]
    assert mode(ours.Hurdle(ours.Poisson(t(0.2, 4.5)), t(-4.0, -4.0))).tolist() == [1.0, 4.0]


def test_a_mass_at_zero_beside_a_density() -> None:
    gate, shape = 0.3, 2.5
    rain = ours.Hurdle(ours.Gamma(t(shape), t(1.0)), t(np.log(gate / (1 - gate))))
    assert quantile(rain, t(0.0, 0.2, 0.3)).flatten().tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(quantile(rain, t(0.65, 0.9)).flatten(), stats.gamma(shape).ppf([0.5, 6 / 7]), rtol=1e-9)
    assert interval(rain, 0.5, kind="highest")[0].item() == 0.0
    ranks = pit(rain, torch.zeros(4000, 1, dtype=torch.float64)).flatten()
    assert stats.kstest(ranks.numpy(), stats.uniform(0, gate).cdf).pvalue > 1e-4
    with pytest.raises(LikelihoodError, match="a mass at 0 and a density do not compare"):
        mode(rain)


@pytest.mark.parametrize("make", [ours.AsymmetricLaplace, ours.SkewNormal, lambda *of: ours.SkewT(t(4.0), *of)])
def test_the_location_of_a_skew_family_is_its_mode_and_its_quantile_at_the_level(make: Callable[..., Any]) -> None:
    skew = make(t(3.0), t(2.0), t(0.3))
    assert mode(skew).item() == 3.0
    assert quantile(skew, 0.3).item() == pytest.approx(3.0, rel=1e-12)
    grid = np.linspace(-400.0, 900.0, 2_600_001)
    density = np.exp(skew.log_prob(torch.tensor(grid)).numpy())
    assert np.trapezoid(density, grid) == pytest.approx(1.0, abs=1e-6)
    assert np.trapezoid(grid * density, grid) == pytest.approx(mean(skew).item(), abs=1e-3)


def test_levels_follow_the_cutpoints() -> None:
    ordinal = ours.OrderedLogistic(t(0.3, -2.0), t(-1.0, 0.5, 2.0))
    expected = 1 / (1 + np.exp(np.array([[0.3], [-2.0]]) - np.array([-1.0, 0.5, 2.0])))
    levels = torch.arange(3.0)[:, None].expand(3, 2)
    np.testing.assert_allclose(cdf(ordinal, levels).T, expected, rtol=1e-12)
    np.testing.assert_allclose(mean(ordinal), (1 - expected).sum(1), rtol=1e-12)
    assert quantile(ordinal, 0.5).dtype == torch.int64
    assert (median(ordinal).numpy() == (expected < 0.5).sum(1)).all()


def test_far_tails_keep_their_digits() -> None:
    assert cdf(ours.Normal(t(0.0), t(1.0)), -30.0).item() == pytest.approx(stats.norm.cdf(-30), rel=1e-12)
    # P(T < -x) of df = 1/100 at rank 0.01 lies at 1e169, beyond what float64 can square.
    heavy = ours.StudentT(t(0.01), t(0.0), t(1.0))
    assert cdf(heavy, quantile(heavy, 0.01)).item() == pytest.approx(0.01, rel=1e-9)


def test_results_are_float64_without_gradients_whatever_the_parameters() -> None:
    loc = torch.zeros(3, requires_grad=True)
    for value in summary(ours.Normal(loc, torch.ones(3))).values():
        assert value.dtype == torch.float64 and not value.requires_grad


def test_samples_depend_on_the_seed_alone() -> None:
    normal, state = ours.Normal(torch.zeros(3), torch.ones(3)), torch.random.get_rng_state()
    assert sample(normal, 5, seed=1).equal(sample(normal, 5, seed=1))
    assert not sample(normal, 5, seed=1).equal(sample(normal, 5, seed=2))
    assert torch.random.get_rng_state().equal(state)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: quantile(d, 1.5), "levels of quantiles must lie in"),
        (lambda d: interval(d, 1.0), "mass of an interval"),
        (lambda d: interval(d, 0.9, kind="hdi"), "central, highest"),
        (lambda d: cdf(d, torch.zeros(3)), "y has shape"),
        (lambda d: cdf(d, float("nan")), "are NaN"),
        (lambda d: mean(ours.Normal(t(float("nan")), t(1.0), validate_args=False)), "Normal's loc are NaN"),
        (lambda d: mean("normal"), "expected a Pyro or torch distribution"),
    ],
)
def test_mistakes_are_told(call: object, message: str) -> None:
    with pytest.raises(LikelihoodError, match=message):
        call(ours.Normal(torch.zeros(2), torch.ones(2)))  # type: ignore[operator]


def test_questions_leave_the_random_state_as_it_is() -> None:
    state = torch.get_rng_state()
    quantile(dist.Gumbel(torch.zeros(3), 1.0), 0.9)
    assert torch.equal(torch.get_rng_state(), state)
