"""Vectors, rankings, independent outputs, and distributions that nobody registered."""

from __future__ import annotations

import itertools

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from inference.references import t
from scipy import stats

from likelihead import LikelihoodError
from likelihead import distributions as ours
from likelihead.inference import (
    cdf,
    expected_ranks,
    first_probability,
    interval,
    mean,
    median,
    mode,
    pit,
    quantile,
    sample,
    summary,
)


def test_multivariate_normal_has_normal_marginals() -> None:
    factor = torch.tensor([[1.0, 0.0], [3.0, 0.5]], dtype=torch.float64)
    vector = ours.MultivariateNormal(t(1.0, -2.0), scale_tril=factor)
    marginals = stats.norm([1.0, -2.0], np.sqrt(np.diag(factor @ factor.T)))
    np.testing.assert_allclose(quantile(vector, t(0.1, 0.7))[1], marginals.ppf(0.7), rtol=1e-12)
    np.testing.assert_allclose(torch.stack(interval(vector, 0.9)), np.stack(marginals.interval(0.9)), rtol=1e-12)
    np.testing.assert_allclose(cdf(vector, t(0.0, 0.0)), marginals.cdf(0.0), rtol=1e-12)
    assert mode(vector).tolist() == mean(vector).tolist() == [1.0, -2.0]
    assert quantile(vector.expand([3]), t(0.1, 0.7)).shape == (2, 3, 2)


def test_dirichlet_has_beta_marginals() -> None:
    concentration = np.array([0.5, 2.0, 4.0])
    simplex = ours.Dirichlet(t(*concentration))
    marginals = stats.beta(concentration, concentration.sum() - concentration)
    np.testing.assert_allclose(quantile(simplex, 0.3), marginals.ppf(0.3), rtol=1e-12)
    np.testing.assert_allclose(mean(simplex), concentration / concentration.sum(), rtol=1e-12)
    np.testing.assert_allclose(mode(ours.Dirichlet(t(2.0, 3.0, 5.0))), np.array([1, 2, 4]) / 7, rtol=1e-12)


def test_rankings_against_all_permutations() -> None:
    ranking = ours.PlackettLuce(torch.tensor([[0.4, -1.0, 2.0, 0.4], [0.0, 0.0, 0.0, 0.0]]).double())
    orders = torch.tensor(list(itertools.permutations(range(4))))
    probability = ranking.log_prob(orders[:, None].expand(-1, 2, -1)).exp()
    places = orders.argsort(-1) + 1.0
    expected = torch.einsum("pr,pi->ri", probability, places.double())
    torch.testing.assert_close(expected_ranks(ranking), expected)
    torch.testing.assert_close(mean(ranking), expected)
    first = torch.stack([(probability * (orders[:, :1] == item)).sum(0) for item in range(4)], -1)
    torch.testing.assert_close(first_probability(ranking), first)
    assert mode(ranking).tolist() == [[2, 0, 3, 1], [0, 1, 2, 3]]
    for function in (median, lambda d: quantile(d, 0.5), lambda d: cdf(d, orders[:2])):
        with pytest.raises(LikelihoodError, match="use mode"):
            function(ranking)


def test_classes_have_no_order_but_a_pit() -> None:
    classes = dist.Categorical(logits=torch.tensor([[0.1, 2.0, -1.0]]).expand(2000, 3))
    for function in (mean, median, lambda d: quantile(d, 0.5), lambda d: interval(d, 0.9)):
        with pytest.raises(LikelihoodError, match="classes have no order"):
            function(classes)
    assert stats.kstest(pit(classes, sample(classes, 1)[0], seed=1).numpy(), "uniform").pvalue > 1e-3
    assert set(summary(classes)) == {"mode", "probabilities"}


def test_independent_outputs_are_predicted_one_by_one() -> None:
    loc = torch.randn(5, 3, dtype=torch.float64)
    together, apart = ours.Normal(loc, torch.ones(5, 3)).to_event(1), ours.Normal(loc, torch.ones(5, 3))
    assert together.event_shape == (3,)
    assert quantile(together, t(0.1, 0.9)).shape == (2, 5, 3)
    for name, value in summary(together).items():
        torch.testing.assert_close(value, summary(apart)[name])


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (dist.Gumbel(t(1.0, -3.0), t(2.0, 0.1)), stats.gumbel_r([1.0, -3.0], [2.0, 0.1])),
        (dist.HalfNormal(t(2.0)), stats.halfnorm(scale=[2.0])),
        (dist.HalfCauchy(t(2.0)), stats.halfcauchy(scale=[2.0])),
        (dist.Pareto(t(2.0), t(3.0)), stats.pareto(3.0, scale=[2.0])),
        (dist.InverseGamma(t(3.0), t(2.0)), stats.invgamma(3.0, scale=[2.0])),
        (dist.Uniform(t(2.0), t(5.0)), stats.uniform([2.0], 3.0)),
        (dist.Chi2(t(3.0)), stats.chi2([3.0])),
        (dist.Cauchy(t(1.0), t(3.0)), stats.cauchy([1.0], 3.0)),
        (dist.GammaPoisson(t(2.0), t(0.5)), stats.nbinom([2.0], 1 / 3)),
        (dist.BetaBinomial(t(2.0), t(3.0), total_count=9), stats.betabinom([9], 2.0, 3.0)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_pyro_families_that_are_not_shipped(found: dist.TorchDistribution, expected: stats.rv_continuous) -> None:
    q = t(0.001, 0.05, 0.37, 0.9, 0.999)
    reference = np.stack([expected.ppf(float(rank)) for rank in q])
    np.testing.assert_allclose(quantile(found, q), reference, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(cdf(found, torch.tensor(reference)), expected.cdf(reference), rtol=1e-6)
    density = expected.logpdf if hasattr(expected.dist, "logpdf") else expected.logpmf
    highest = density(mode(found).numpy())
    assert (highest >= density(reference).max(0) - 1e-9).all()
    lower, upper = interval(found, 0.5, kind="highest")
    assert (cdf(found, upper) - cdf(found, lower) <= 1.0).all() and (lower <= upper).all()


def test_what_has_no_exact_form_names_the_sampled_alternative() -> None:
    with pytest.raises(LikelihoodError, match=r"quantile of AsymmetricLaplace is undefined.*sample\(dist, n\)"):
        quantile(dist.AsymmetricLaplace(t(0.0), t(1.0), t(1.0)), 0.5)
    assert sample(dist.AsymmetricLaplace(t(0.0), t(1.0), t(1.0)), 100).quantile(0.5, 0).shape == (1,)
    assert mean(dist.AsymmetricLaplace(t(2.0), t(1.0), t(1.0))).tolist() == [2.0]
