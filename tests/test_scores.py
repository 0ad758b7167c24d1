"""Scores against numerical integration, scoringrules, torchmetrics and scipy."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import mpmath
import numpy as np
import pyro.distributions as dist
import pytest
import scoringrules
import torch
import torchmetrics.functional as metrics
from inference.references import CONTINUOUS, DISCRETE, EXTREME, Twin, mixture, t
from scipy import stats

from likelihead import LikelihoodError
from likelihead import distributions as ours
from likelihead.evaluation.scores import (
    accuracy,
    aggregate,
    angular_error,
    brier,
    coverage,
    crps,
    energy,
    interval_score,
    kendall_tau,
    nll,
    pinball,
    scores,
)
from likelihead.evaluation.scores.aggregation import RunningMeans
from likelihead.inference import law, mode, quantile, sample


def _crps_by_integration(cdf: object, knots: np.ndarray, y: float) -> float:
    """Gauss-Legendre between knots and y of (F - 1[y <= x])^2."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    points, total = np.unique(np.append(knots, y)), 0.0
    for low, high in itertools.pairwise(points):
        x = 0.5 * (low + high) + 0.5 * (high - low) * nodes
        total += 0.5 * (high - low) * float(weights @ (cdf(x) - (high > y)) ** 2)  # type: ignore[operator]
    return total


_KNOTS = np.concatenate([10.0 ** np.arange(-14, -2), np.linspace(0.02, 0.98, 49), 1 - 10.0 ** np.arange(-3, -15, -1)])


@pytest.mark.parametrize("name", [name for name in CONTINUOUS if name != "beta_proportion"])
@np.errstate(all="ignore")
def test_continuous_crps_is_the_integral(name: str) -> None:
    twin = CONTINUOUS[name]
    for rank in (0.001, 0.3, 0.99):
        y = quantile(twin.dist, rank)
        found = crps(twin.dist, y)
        knots = np.stack([twin.scipy.ppf(q) for q in _KNOTS])
        for row in range(len(y)):
            if name == "student_t" and row == 0:
                continue  # df = 0.7: the tails beyond rank 1e-14 count; see the next test

            def at(x: np.ndarray, row: int = row, rows: int = len(y)) -> np.ndarray:
                return twin.scipy.cdf(x[:, None] + np.zeros(rows))[:, row]

            assert found[row].item() == pytest.approx(_crps_by_integration(at, knots[:, row], y[row].item()), rel=1e-6)


def test_heavy_tailed_crps() -> None:
    for df, y in ((0.7, 2.0), (1.0, -1.5), (1.000001, 0.3), (1.5, 10.0)):

        def tail(x: float, df: float = df) -> mpmath.mpf:
            return mpmath.betainc(df / 2, 0.5, 0, df / (df + x * x), regularized=True) / 2

        def rest(x: float, tail: Callable[[float], mpmath.mpf] = tail) -> mpmath.mpf:
            return (1 - tail(x)) ** 2

        edge = abs(y)
        inner = mpmath.quad(rest, [0, edge])
        inner += mpmath.quad(lambda x, tail=tail: tail(x) ** 2, [0, 1, 10, 1e3, 1e6, 1e12, 1e30, 1e80])
        inner += mpmath.quad(lambda x, tail=tail: tail(x) ** 2, [edge, edge + 1, edge + 10, 1e3, 1e6, 1e12, 1e30, 1e80])
        found = crps(ours.StudentT(t(df), t(0.0), t(1.0)), t(y)).item()
        assert found == pytest.approx(float(inner), rel=2e-6)
    assert crps(ours.StudentT(t(0.4), t(0.0), t(1.0)), t(1.0)).item() == np.inf


_ZIP = ours.ZeroInflatedPoisson(t(0.1, 4.0, 30.0), gate_logits=t(0.0, -1.0, 2.0))
_POISSONS = mixture(
    torch.zeros(3, 2).double(), ours.Poisson(torch.tensor([[1.0, 9.0], [0.1, 50.0], [3.0, 3.0]]).double())
)


@pytest.mark.parametrize("name", [*DISCRETE, "zero_inflated", "mixture"])
def test_discrete_crps_is_the_sum(name: str) -> None:
    found = {"zero_inflated": Twin(_ZIP, None), "mixture": Twin(_POISSONS, None)}.get(name) or DISCRETE[name]
    for rank in (0.2, 0.999):
        y = quantile(found.dist, rank).double()
        score = crps(found.dist, y)
        shares = torch.from_numpy(law(found.dist).cdf(np.arange(0.0, 20000.0).reshape(-1, 1) + 0 * y.numpy()))
        summed = ((shares - (torch.arange(20000.0).reshape(-1, 1) >= y).double()) ** 2).sum(0)
        small = quantile(found.dist, 1 - 1e-12) < 20000
        torch.testing.assert_close(score[small], summed[small], rtol=1e-8, atol=1e-10)


def test_crps_of_large_counts_nears_that_of_the_normal() -> None:
    rate = t(1e6)
    assert crps(ours.Poisson(rate), rate).item() == pytest.approx(
        1e3 * scoringrules.crps_normal(0.0, 0.0, 1.0), rel=1e-3
    )
    # Why the closed forms are our own: should this fail one day, scoringrules can take over.
    with np.errstate(all="ignore"):
        assert np.isnan(scoringrules.crps_poisson(1e6, 1e6))


def test_crps_agrees_with_scoringrules_where_that_is_right() -> None:
    y = np.array([0.2, 1.7, 4.0])
    a, b = np.array([0.8, 2.0, 5.0]), np.array([0.5, 1.0, 3.0])
    ta, tb, ty = torch.tensor(a), torch.tensor(b), torch.tensor(y)
    pairs = [
        (ours.Normal(ta, tb), scoringrules.crps_normal(y, a, b)),
        (dist.Laplace(ta, tb), scoringrules.crps_laplace(y, a, b)),
        (ours.StudentT(ta + 1, ta, tb), scoringrules.crps_t(y, a + 1, a, b)),
        (dist.Exponential(ta), scoringrules.crps_exponential(y, a)),
        (ours.Gamma(ta, tb), scoringrules.crps_gamma(y, a, b)),
        (ours.LogNormal(ta, tb), scoringrules.crps_lognormal(y, a, b)),
        (ours.Poisson(ta), scoringrules.crps_poisson(np.round(y), a)),
    ]
    for found, expected in pairs:
        at = ty.round() if found.support.is_discrete else ty
        np.testing.assert_allclose(crps(found, at), expected, rtol=1e-8)
    np.testing.assert_allclose(crps(ours.Beta(ta, tb), ty / 5), scoringrules.crps_beta(y / 5, a, b), rtol=1e-8)
    weights, loc, scale = np.array([0.2, 0.5, 0.3]), np.array([-1.0, 0.0, 4.0]), np.array([0.5, 1.0, 2.0])
    mixed = mixture(torch.tensor(np.log(weights)), ours.Normal(torch.tensor(loc), torch.tensor(scale)))
    expected = scoringrules.crps_mixnorm(1.3, loc, scale, weights)
    assert crps(mixed, torch.tensor(1.3, dtype=torch.float64)).item() == pytest.approx(float(expected), rel=1e-10)


def test_crps_by_quadrature_where_there_is_no_closed_form() -> None:
    found, y = dist.Gumbel(t(1.0, -2.0), t(2.0, 0.5)), t(0.3, 5.0)
    twins = stats.gumbel_r([1.0, -2.0], [2.0, 0.5])
    knots = np.stack([twins.ppf(q) for q in _KNOTS])
    for row in range(2):
        expected = _crps_by_integration(
            lambda x, row=row: twins.cdf(x[:, None] + np.zeros(2))[:, row], knots[:, row], y[row].item()
        )
        assert crps(found, y)[row].item() == pytest.approx(expected, rel=1e-6)


def test_crps_with_zeros_is_the_sum_and_the_integral() -> None:
    gate, counts, y = t(-1.0, 1.5), np.arange(200.0), t(0.0, 7.0)
    base = ours.NegativeBinomial(t(3.0, 0.4), t(0.5, 0.2))
    for found in (ours.ZeroInflated(base, gate), ours.Hurdle(base, gate)):
        shares = found.log_prob(torch.tensor(counts)[:, None]).exp().cumsum(0).numpy()
        expected = ((shares - (counts[:, None] >= y.numpy())) ** 2).sum(0)
        np.testing.assert_allclose(crps(found, y), expected, rtol=1e-9)
    rain = ours.Hurdle(ours.Gamma(t(2.0), t(1.0)), t(0.0))
    for value in (0.0, 3.0):
        expected = _crps_by_integration(
            lambda x: 0.5 + 0.5 * stats.gamma(2.0).cdf(x), np.append(0.0, stats.gamma(2.0).ppf(_KNOTS)), value
        )
        assert crps(rain, t(value)).item() == pytest.approx(expected, rel=1e-8)


def test_nll_is_that_of_scipy_in_float64() -> None:
    loc, y = torch.tensor([0.1, 50.0]), torch.tensor([0.3, 0.0])
    expected = -stats.norm.logpdf(y.double(), loc.double(), 1.0)
    np.testing.assert_allclose(nll(ours.Normal(loc, torch.ones(2)), y), expected, rtol=1e-14)


def test_quantile_scores() -> None:
    normal, y = ours.Normal(torch.zeros(3).double(), torch.ones(3).double()), t(-3.0, 0.2, 5.0)
    x = stats.norm.ppf(0.95)
    np.testing.assert_allclose(pinball(normal, y, 0.95), scoringrules.quantile_score(y.numpy(), np.full(3, x), 0.95))
    expected = scoringrules.interval_score(y.numpy(), np.full(3, -x), np.full(3, x), 0.1)
    np.testing.assert_allclose(interval_score(normal, y), expected, rtol=1e-9)
    assert coverage(normal, y).tolist() == [0.0, 1.0, 0.0]


def test_class_scores_are_those_of_torchmetrics() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, y = torch.randn(200, 4, generator=generator), torch.randint(4, (200,), generator=generator)
    classes = dist.Categorical(logits=logits)
    assert accuracy(classes, y).mean().item() == pytest.approx(
        metrics.accuracy(logits, y, "multiclass", num_classes=4, average="micro").item()
    )
    hot = torch.nn.functional.one_hot(y, 4)
    expected = (torch.softmax(logits.double(), -1) - hot).square().sum(-1)
    torch.testing.assert_close(brier(classes, y), expected, rtol=1e-5, atol=1e-7)
    coin = dist.Bernoulli(logits=logits[:, 0])
    expected = metrics.mean_squared_error(torch.sigmoid(logits[:, 0]), y.clamp(max=1).float())
    assert brier(coin, y.clamp(max=1).float()).mean().item() == pytest.approx(expected.item(), rel=1e-5)
    with pytest.raises(LikelihoodError, match="use crps"):
        brier(ours.Normal(torch.zeros(1), torch.ones(1)), torch.zeros(1))


def test_ranked_probability_score_of_levels() -> None:
    ordinal = ours.OrderedLogistic(t(0.0, 1.0), t(-1.0, 0.5, 2.0))
    y = torch.tensor([2, 0])
    hot = np.eye(4)[y.numpy()]
    expected = scoringrules.rps_score(hot @ np.arange(1, 5), np.exp(ordinal.logits.numpy()))
    np.testing.assert_allclose(crps(ordinal, y), expected, rtol=1e-6)


def test_energy_score_of_a_normal_vector() -> None:
    factor = torch.tensor([[1.0, 0.0, 0.0], [0.5, 2.0, 0.0], [0.1, -1.0, 0.3]]).double()
    vector = ours.MultivariateNormal(t(0.0, 1.0, -1.0).expand(2, 3), scale_tril=factor.expand(2, 3, 3))
    y = torch.tensor([[0.0, 0.0, 0.0], [3.0, -4.0, 1.0]]).double()
    drawn = sample(vector, 40000, seed=1)
    near = (drawn - y).norm(dim=-1).mean(0)
    expected = near - 0.5 * (drawn[:20000] - drawn[20000:]).norm(dim=-1).mean(0)
    torch.testing.assert_close(energy(vector, y), expected, rtol=0.03, atol=0.01)
    alone = ours.MultivariateNormal(t(0.7), scale_tril=t(2.0).reshape(1, 1))
    assert energy(alone, t(3.0)).item() == pytest.approx(float(scoringrules.crps_normal(3.0, 0.7, 2.0)), rel=1e-9)
    independent = ours.Normal(t(0.0, 1.0), t(1.0, 3.0)).to_event(1)
    together = ours.MultivariateNormal(t(0.0, 1.0), scale_tril=torch.diag(t(1.0, 3.0)))
    torch.testing.assert_close(energy(independent, t(0.5, 0.5)), energy(together, t(0.5, 0.5)))


def test_sampled_energy_score_depends_on_nothing_but_its_seed() -> None:
    simplex, y = ours.Dirichlet(torch.full((5, 3), 2.0)), torch.full((5, 3), 1 / 3)
    assert energy(simplex, y).equal(energy(simplex, y))
    drawn = sample(simplex, 20000, seed=9)
    expected = (drawn - 1 / 3).norm(dim=-1).mean(0) - 0.5 * (drawn[:10000] - drawn[10000:]).norm(dim=-1).mean(0)
    torch.testing.assert_close(energy(simplex, y), expected, rtol=0.25, atol=0.01)


def test_kendall_is_that_of_scipy() -> None:
    ranking = ours.PlackettLuce(torch.randn(30, 6, generator=torch.Generator().manual_seed(2)))
    y = sample(ranking, 1, seed=3)[0]
    expected = [
        stats.kendalltau(a.argsort(), b.argsort()).statistic
        for a, b in zip(y.numpy(), mode(ranking).numpy(), strict=True)
    ]
    np.testing.assert_allclose(kendall_tau(ranking, y), expected, atol=1e-12)
    assert accuracy(ranking, y).tolist() == (y[:, 0] == mode(ranking)[:, 0]).double().tolist()


def test_angles_are_measured_around_the_circle() -> None:
    direction = ours.VonMises(t(3.0, -3.0, 0.0), t(1.0, 1.0, 1.0))
    np.testing.assert_allclose(angular_error(direction, t(-3.0, 3.0, 2.0)), [2 * np.pi - 6, 2 * np.pi - 6, 2.0])
    narrow = ours.VonMises(t(3.1, 3.1), t(50.0, 50.0))
    assert coverage(narrow, t(-3.1, 0.0)).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("name", [name for name in EXTREME if name != "poisson_mixture"])
def test_no_score_is_nan(name: str) -> None:
    found = EXTREME[name]()
    y = sample(found, 1, seed=5)[0]
    if name in ("log_normal", "weibull"):
        y = y.clamp(1e-300, 1e300)  # what the seed draws beyond the range of float64
    for score, values in scores(found, y).items():
        assert values.shape == found.batch_shape, score
        assert not values.isnan().any(), score


def test_scores_suit_the_family() -> None:
    assert "energy" in scores(ours.Normal(torch.zeros(2, 3), torch.ones(3)).to_event(1), torch.zeros(2, 3))
    assert set(scores(dist.Categorical(logits=torch.zeros(2, 3)), torch.tensor([0, 1]))) == {"nll", "accuracy", "brier"}
    for wrong in (
        dist.Categorical(logits=torch.zeros(2, 3)),
        ours.PlackettLuce(torch.zeros(2, 3)),
        ours.VonMises(t(1.0, 1.0), t(1.0, 1.0)),
    ):
        assert "crps" not in scores(wrong, sample(wrong, 1)[0])
    with pytest.raises(LikelihoodError, match="y has shape"):
        scores(ours.Normal(torch.zeros(3), torch.ones(3)), torch.zeros(3, 1))


def test_aggregate_is_a_weighted_mean_with_its_standard_error() -> None:
    values = torch.randn(50, generator=torch.Generator().manual_seed(4)).double()
    found = aggregate({"x": values}, errors=True)
    assert found == {"x": pytest.approx(values.mean().item()), "x_se": pytest.approx(stats.sem(values))}
    weight = torch.tensor([2.0] * 10 + [0.0] * 40)
    alike = aggregate({"x": values}, weight, errors=True)
    assert alike == {"x": pytest.approx(values[:10].mean().item()), "x_se": pytest.approx(stats.sem(values[:10]))}
    with pytest.raises(LikelihoodError, match="weight has shape"):
        aggregate({"x": values}, weight[:3])


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_running_means_are_those_of_all_rows_at_once(offset: float) -> None:
    generator = torch.Generator().manual_seed(4)
    values = offset + torch.randn(50, generator=generator).double()
    weight = torch.rand(50, generator=generator).double() * (torch.arange(50) % 7 > 0)
    running = RunningMeans()
    for rows in torch.arange(50).split(8):
        running.add({"x": values[rows]}, weight[rows])
    means, errors = running.results()
    found = aggregate({"x": values}, weight, errors=True)
    assert (means["x"], errors["x"]) == (pytest.approx(found["x"], rel=1e-14), pytest.approx(found["x_se"], rel=1e-6))
    running.add({"x": torch.tensor([float("inf")])}, torch.ones(1))
    assert running.results() == ({"x": float("inf")}, {"x": float("inf")})
    assert RunningMeans().count == 0


def test_scores_of_ten_thousand_rows_are_quick() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, loc, scale = (torch.randn(10000, 5, generator=generator) for _ in range(3))
    mixed, y = mixture(logits, ours.Normal(loc, scale.exp())), torch.randn(10000, generator=generator)
    start = time.process_time()
    crps(mixed, y)
    assert time.process_time() - start < 2.0
