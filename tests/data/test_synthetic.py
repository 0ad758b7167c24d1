"""Synthetic sets: deterministic, valid for their family, with the truth that they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from likelihead.data import load_data
from likelihead.data.sources.synthetic import SIMULATORS, default_name, make, names
from likelihead.errors import LikelihoodError
from likelihead.families.family import shipped

GENERIC = ["Gumbel", "HalfNormal", "InverseGamma", "Cauchy", "Geometric", "Kumaraswamy", "Chi2"]


@pytest.mark.parametrize("name", sorted(shipped()))
def test_the_default_set_of_each_family_can_be_trained_on(name: str) -> None:
    data = load_data(name, {"kind": "synthetic", "rows": 500}, seed=0)
    assert data.name == default_name(name) != "generic"
    train = data.train
    assert train.x.isfinite().all() and train.oracle is not None and train.oracle.isfinite().all()
    assert train.oracle.shape == (len(train),)


@pytest.mark.parametrize("family", GENERIC)
def test_any_pyro_family_has_a_set(family: str) -> None:
    data = load_data({"family": f"pyro.distributions.{family}"}, {"kind": "synthetic", "rows": 200}, seed=0)
    assert data.train.oracle is not None and data.train.oracle.isfinite().all()
    assert data.name == "generic"


def test_a_mixture_of_another_family_has_a_set() -> None:
    spec = {"family": "pyro.distributions.Laplace", "components": 3}
    assert load_data(spec, {"kind": "synthetic", "rows": 200}, seed=0).name == "generic"


@pytest.mark.parametrize("name", sorted(set(names()) - {"generic"}))
def test_sets_are_a_function_of_the_seed(name: str) -> None:
    state = torch.get_rng_state()
    first, again, other = (make(name, "normal", 50, seed) for seed in (0, 0, 1))
    assert first.frame.equals(again.frame) and not first.frame.equals(other.frame)
    assert torch.equal(torch.get_rng_state(), state)


def test_every_simulator_says_what_it_simulates() -> None:
    assert all((simulator.__doc__ or "").count(":") for simulator in SIMULATORS.values())


def test_the_oracle_is_the_truth_by_scipy() -> None:
    made = make("pedestrians", "poisson", 200, 0)
    rate = made.truth.rate.numpy()
    np.testing.assert_allclose(made.log_prob.numpy(), stats.poisson.logpmf(made.frame["pedestrians"], rate), rtol=1e-9)
    made = make("house_prices", "normal", 200, 0)
    expected = stats.norm.logpdf(made.frame["price"], made.truth.loc.numpy(), made.truth.scale.numpy())
    np.testing.assert_allclose(made.log_prob.numpy(), expected, rtol=1e-9)


def test_draws_follow_the_truth() -> None:
    made = make("taxi_rides", "laplace", 5000, 0)
    pit = stats.laplace.cdf(made.frame["minutes"], made.truth.loc.numpy(), made.truth.scale.numpy())
    assert stats.kstest(pit, "uniform").pvalue > 1e-3


def test_pedestrians_have_the_inputs_of_the_problem() -> None:
    frame = make("pedestrians", "poisson", 100, 0).frame
    assert list(frame.columns) == ["hour", "longitude", "latitude", "neighbourhood", "pedestrians"]
    assert frame["neighbourhood"].nunique() == 4


def test_the_wind_crosses_pi() -> None:
    y = make("wind", "von_mises", 1000, 0).y
    assert (y > 3).any() and (y < -3).any()


def test_the_oracle_beats_every_constant_model() -> None:
    made = make("claim_sizes", "gamma", 4000, 0)
    cost = made.frame["cost"].to_numpy()
    marginal = stats.gamma.logpdf(cost, *stats.gamma.fit(cost, floc=0)).mean()
    assert float(made.log_prob.mean()) - marginal > 0.5


def test_unknown_sets_are_named() -> None:
    with pytest.raises(LikelihoodError, match=r"there is no synthetic set 'cars'; the sets are .*pedestrians"):
        make("cars", "poisson", 10, 0)
    with pytest.raises(LikelihoodError, match="at least 2"):
        make(None, "poisson", 1, 0)
