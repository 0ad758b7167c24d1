"""The columns of a prediction file, for each shape of answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyro.distributions as dist
import pytest
import torch
from scipy import stats

from likelihead import LikelihoodModule
from likelihead.data import split_table
from likelihead.distributions import (
    Categorical,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    OrderedLogistic,
    PlackettLuce,
    Poisson,
    VonMises,
)
from likelihead.evaluation import frame_of
from likelihead.target_types import TargetColumns

DOUBLE = torch.float64


def test_several_outputs_carry_the_target_in_front() -> None:
    predicted = Normal(torch.tensor([[1.0, 2.0]], dtype=DOUBLE), torch.tensor([[3.0, 4.0]], dtype=DOUBLE)).to_event(1)
    frame = frame_of(predicted, torch.zeros(1, 2, dtype=DOUBLE), TargetColumns(["mass", "length"]), [0.9])
    assert frame["mass.mean"][0] == 1.0
    assert frame["length.scale"][0] == 4.0
    assert frame["length.q0.9"][0] == pytest.approx(stats.norm(2, 4).ppf(0.9))
    assert frame["mass.pit"][0] == pytest.approx(stats.norm(1, 3).cdf(0))
    assert frame["log_prob"][0] == pytest.approx(stats.norm(1, 3).logpdf(0) + stats.norm(2, 4).logpdf(0))


def test_a_vector_has_marginals_and_one_log_prob() -> None:
    factor = torch.tensor([[[2.0, 0.0], [1.0, 3.0]]], dtype=DOUBLE)
    predicted = MultivariateNormal(torch.zeros(1, 2, dtype=DOUBLE), scale_tril=factor)
    frame = frame_of(predicted, torch.ones(1, 2, dtype=DOUBLE), TargetColumns(["a", "b"]), [0.9])
    assert frame["b.q0.9"][0] == pytest.approx(stats.norm(0, np.sqrt(10)).ppf(0.9))
    assert frame["scale_tril.2.1"][0] == 1.0
    covariance = (factor[0] @ factor[0].T).numpy()
    assert frame["log_prob"][0] == pytest.approx(stats.multivariate_normal([0, 0], covariance).logpdf([1, 1]))


def test_classes_are_named() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0]], dtype=DOUBLE)
    frame = frame_of(
        Categorical(logits=logits), torch.tensor([2]), TargetColumns(["kind"], ["oak", "pine", "beech"]), [0.5]
    )
    assert frame["mode"][0] == "pine"
    assert frame["probs.beech"][0] == pytest.approx(np.exp(1) / (1 + np.e + np.e**2))
    assert frame["log_prob"][0] == pytest.approx(np.log(frame["probs.beech"][0]))
    assert "mean" not in frame
    assert "pit" not in frame and "median" not in frame


def test_levels_that_are_numbers_have_a_mean_on_their_own_scale() -> None:
    predicted = OrderedLogistic(torch.zeros(1, dtype=DOUBLE), torch.tensor([[-1.0, 1.0]], dtype=DOUBLE))
    assert frame_of(predicted, columns=TargetColumns(["y"], ["1", "2", "3"]))["mean"][0] == pytest.approx(2.0)
    assert "mean" not in frame_of(predicted, columns=TargetColumns(["y"], ["low", "middle", "high"]))


def test_a_ranking_is_written_as_text() -> None:
    frame = frame_of(
        PlackettLuce(torch.tensor([[0.0, 3.0, 1.0]], dtype=DOUBLE)),
        columns=TargetColumns(["y"], ["egg", "tuna", "eel"]),
    )
    assert frame["mode"][0] == "tuna>eel>egg"


def test_directions_go_back_to_degrees() -> None:
    predicted = VonMises(torch.tensor([np.pi / 2], dtype=DOUBLE), torch.tensor([50.0], dtype=DOUBLE))
    frame = frame_of(predicted, columns=TargetColumns(["y"], angles="degrees"), quantiles=[0.5])
    assert frame["mode"][0] == pytest.approx(90.0)
    assert frame["q0.5"][0] == pytest.approx(90.0)
    assert frame["loc"][0] == pytest.approx(np.pi / 2)


def test_a_mixture_lists_its_components() -> None:
    weights = dist.Categorical(logits=torch.zeros(2, 3, dtype=DOUBLE))
    predicted = MixtureSameFamily(weights, Normal(torch.zeros(2, 3, dtype=DOUBLE), torch.ones(2, 3, dtype=DOUBLE)))
    frame = frame_of(predicted)
    assert {"mixture_logits.3", "loc.1", "scale.3"} <= set(frame)
    assert frame["q0.95"][1] == pytest.approx(stats.norm.ppf(0.95))


def test_the_pit_of_counts_is_drawn_the_same_each_time() -> None:
    predicted = Poisson(torch.full((200,), 3.0, dtype=DOUBLE))
    y = torch.arange(200, dtype=DOUBLE) % 7
    first, second = frame_of(predicted, y)["pit"], frame_of(predicted, y)["pit"]
    assert (first == second).all()
    law = stats.poisson(3)
    assert ((first >= law.cdf(y - 1) - 1e-12) & (first <= law.cdf(y) + 1e-12)).all()


@pytest.mark.parametrize("dtype", ["bool", "object", "boolean"])
def test_booleans_come_back_as_booleans(dtype: str) -> None:
    frame = pd.DataFrame({"x": np.arange(40.0), "y": pd.Series(np.arange(40) > 15).astype(dtype)})
    data = split_table(frame, "bernoulli", "y")
    module = LikelihoodModule.for_data(data, "bernoulli", "linear")
    module.head.fit_marginal(data.train.y)
    for given in (frame, frame.assign(y=frame.y.astype(int)), frame.assign(y=frame.y.astype(str))):
        predicted = module.predict(given)
        assert predicted["mode"].dtype == predicted["median"].dtype == bool
        assert predicted["mode"].all()
        expected = np.log(np.where(frame.y.astype(bool), predicted.probs, 1 - predicted.probs))
        np.testing.assert_allclose(predicted.log_prob, expected)
        assert predicted["mean"].dtype == float


def test_two_columns_of_booleans_stay_numbers() -> None:
    frame = pd.DataFrame({"x": np.arange(40.0), "a": np.arange(40) > 15, "b": np.arange(40) % 2 == 0})
    module = LikelihoodModule.for_data(split_table(frame, "bernoulli", ["a", "b"]), "bernoulli", "linear")
    assert {"a.mode", "b.mode", "a.probs", "b.probs"} <= set(module.predict(frame))
