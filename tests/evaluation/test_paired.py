"""Scores row by row and their paired differences, against scipy."""

from __future__ import annotations

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from scipy import stats
from torch import nn

from likelihead import DistributionHead, LikelihoodModule
from likelihead.data import Data, Examples
from likelihead.distributions import MixtureSameFamily, MultivariateNormal, Normal, Poisson, StudentT
from likelihead.errors import LikelihoodError
from likelihead.evaluation.paired import RowScores, score_rows
from likelihead.evaluation.scores.integers import integer_nll
from likelihead.training.screening import linear_scores

DOUBLE = torch.float64
COUNTS = torch.tensor([0.0, 3.0, 12.0], dtype=DOUBLE)


def test_a_count_says_its_mass() -> None:
    found = integer_nll(Poisson(torch.full((3,), 4.0, dtype=DOUBLE)), COUNTS)
    np.testing.assert_allclose(found, -stats.poisson(4.0).logpmf(COUNTS))


@pytest.mark.parametrize("law", [stats.norm(4.0, 3.0), stats.t(2.5, 4.0, 3.0)], ids=["normal", "student_t"])
def test_a_density_says_its_mass_around_the_number(law: stats.rv_continuous) -> None:
    predicted = {
        "norm": Normal(torch.full((3,), 4.0, dtype=DOUBLE), torch.tensor(3.0, dtype=DOUBLE)),
        "t": StudentT(*(torch.full((3,), value, dtype=DOUBLE) for value in (2.5, 4.0, 3.0))),
    }[law.dist.name]
    expected = -np.log(law.cdf(COUNTS + 0.5) - law.cdf(COUNTS - 0.5))
    np.testing.assert_allclose(integer_nll(predicted, COUNTS), expected, rtol=1e-9)


def test_far_out_the_mass_keeps_its_digits() -> None:
    y = torch.tensor([40.0, -40.0, 400.0], dtype=DOUBLE)
    predicted = Normal(torch.zeros(3, dtype=DOUBLE), torch.tensor([1.0, 1.0, 8.0], dtype=DOUBLE))
    scale = predicted.scale.numpy()
    below, above = (stats.norm(0, scale).logsf(y.abs() + end) for end in (-0.5, 0.5))
    np.testing.assert_allclose(integer_nll(predicted, y), -(below + np.log1p(-np.exp(above - below))), rtol=1e-6)


def test_masses_of_all_whole_numbers_add_up_to_one() -> None:
    y = torch.arange(-60.0, 61.0, dtype=DOUBLE)
    weights = dist.Categorical(torch.tensor([[0.3, 0.7]], dtype=DOUBLE).expand(121, 2))
    components = Normal(torch.tensor([-3.0, 5.2], dtype=DOUBLE).expand(121, 2), torch.tensor([0.1, 6.0]).double())
    found = integer_nll(MixtureSameFamily(weights, components), y)
    assert found is not None
    assert (-found).exp().sum().item() == pytest.approx(1.0, abs=1e-9)


def test_where_there_is_no_such_mass() -> None:
    assert integer_nll(Normal(torch.zeros(1), torch.ones(1)), torch.tensor([0.5])) is None
    assert integer_nll(MultivariateNormal(torch.zeros(1, 2), torch.eye(2)), torch.zeros(1, 2)) is None


def test_differences_are_paired() -> None:
    rng = np.random.default_rng(0)
    easy = rng.normal(size=50)
    first, second = (RowScores({"nll": torch.from_numpy(values)}, torch.ones(50)) for values in (easy + 0.1, easy))
    mean, error = first.difference(second)
    assert mean == pytest.approx(0.1)
    assert error == pytest.approx(0.0, abs=1e-12)
    other = RowScores({"nll": torch.from_numpy(rng.normal(size=50))}, torch.ones(50))
    gap = (first.scores["nll"] - other.scores["nll"]).numpy()
    assert first.difference(other) == pytest.approx((gap.mean(), stats.sem(gap)))
    with pytest.raises(LikelihoodError, match="same rows"):
        first.difference(RowScores({"nll": torch.zeros(3)}, torch.ones(3)))


def test_rows_are_scored_as_scipy_scores_them() -> None:
    module = LikelihoodModule(nn.Identity(), DistributionHead("poisson", in_features=1))
    x, y = torch.linspace(-1.0, 1.0, 20)[:, None], torch.arange(20.0)
    weight = torch.linspace(0.5, 2.0, 20)
    with torch.no_grad():
        rate = module(x).rate.double().numpy()
    found = score_rows(module, Examples(x, y, weight))
    nll = -stats.poisson(rate).logpmf(y)
    np.testing.assert_allclose(found.scores["nll"], nll, rtol=1e-5)
    assert found.mean("nll") == pytest.approx(np.average(nll, weights=weight), rel=1e-5)
    assert found.mean("integer_nll") == pytest.approx(found.mean("nll"))
    assert found.mean("accuracy") is None


def test_linear_models_rank_the_family_that_made_the_rows_first() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(900, 2, generator=generator)
    y = torch.poisson((1.0 + x[:, 0]).exp(), generator=generator)
    whole = Examples(x, y)
    data = Data(whole.take(np.arange(600)), whole.take(np.arange(600, 900)), whole.take(np.arange(0)))
    names = ["normal", "poisson", "negative_binomial", "laplace"]
    found = {name: linear_scores(data, name).mean("integer_nll") for name in names}
    oracle = -stats.poisson((1.0 + x[600:, 0]).double().exp()).logpmf(y[600:]).mean()
    assert min(found["poisson"], found["negative_binomial"]) < min(found["normal"], found["laplace"])  # type: ignore[type-var]
    assert found["poisson"] == pytest.approx(oracle, abs=0.02)
