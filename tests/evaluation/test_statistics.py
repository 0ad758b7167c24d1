"""Which statistics a table of predictions holds, and that what is random in it depends on a row's number only."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from likelihead import LikelihoodModule
from likelihead.data import split_table
from likelihead.distributions import Categorical, Normal, PlackettLuce, Poisson, VonMises
from likelihead.errors import LikelihoodError
from likelihead.evaluation import Statistics, frame_of
from likelihead.evaluation.predictions import Predictor, predict_table, predict_tables
from likelihead.target_types import TargetColumns

DOUBLE = torch.float64
NORMAL = Normal(torch.zeros(2, dtype=DOUBLE), torch.tensor([1.0, 2.0], dtype=DOUBLE))


@pytest.mark.parametrize("point", ["mean", "mode", "median"])
def test_one_point_alone(point: str) -> None:
    frame = frame_of(NORMAL, quantiles=[], point=point)
    assert list(frame) == [point, "loc", "scale"]


def test_intervals_are_central() -> None:
    frame = frame_of(NORMAL, quantiles=[], intervals=[0.5, 0.9])
    for mass in (0.5, 0.9):
        lower, upper = stats.norm(0, [1.0, 2.0]).interval(mass)
        np.testing.assert_allclose(frame[f"lower{mass:g}"], lower, rtol=1e-12)
        np.testing.assert_allclose(frame[f"upper{mass:g}"], upper, rtol=1e-12)


def test_events_have_a_column_each() -> None:
    frame = frame_of(NORMAL, quantiles=[], probability=["y>1", "-1 < y <= 1"])
    np.testing.assert_allclose(frame["P(y>1)"], stats.norm(0, [1.0, 2.0]).sf(1.0), rtol=1e-12)
    np.testing.assert_allclose(frame["P(-1<y<=1)"], 1 - 2 * stats.norm(0, [1.0, 2.0]).sf(1.0), rtol=1e-12)


def test_samples_follow_the_distribution() -> None:
    frame = frame_of(Poisson(torch.full((3,), 4.0, dtype=DOUBLE)), quantiles=[], samples=400, seed=1)
    drawn = frame[[f"sample{number}" for number in range(1, 401)]].to_numpy()
    values, found = np.unique(np.clip(drawn, 1, 8), return_counts=True)
    law = stats.poisson(4.0)
    expected = drawn.size * np.array([law.cdf(1), *law.pmf(values[1:-1]), law.sf(7)])
    assert stats.chisquare(found, expected).pvalue > 1e-3
    again = frame_of(Poisson(torch.full((3,), 4.0, dtype=DOUBLE)), quantiles=[], samples=400, seed=2)
    assert (again["sample1"] != frame["sample1"]).any() or (again["sample2"] != frame["sample2"]).any()


def test_samples_are_written_as_the_table_writes_its_targets() -> None:
    logits = torch.tensor([[9.0, -9.0, -9.0]], dtype=DOUBLE)
    classes = TargetColumns(["kind"], ["oak", "pine", "beech"])
    assert frame_of(Categorical(logits=logits), columns=classes, samples=1)["sample1"].tolist() == ["oak"]
    ranked = frame_of(PlackettLuce(torch.tensor([[0.0, 30.0, 15.0]], dtype=DOUBLE)), columns=classes, samples=1)
    assert ranked["sample1"].tolist() == ["pine>beech>oak"]
    east = VonMises(torch.tensor([np.pi / 2], dtype=DOUBLE), torch.tensor([1e6], dtype=DOUBLE))
    degrees = frame_of(east, columns=TargetColumns(["y"], angles="degrees"), samples=1)
    assert degrees["sample1"][0] == pytest.approx(90.0, abs=1.0)


WRONG = [
    ({"quantiles": [1.5]}, "quantiles contains 1.5"),
    ({"intervals": [90]}, "intervals contains 90; each mass must lie between 0 and 1"),
    ({"point": "average"}, "there is no point=average: valid are mean, median, mode"),
    ({"samples": -1}, "samples=-1 must be a whole number"),
]


@pytest.mark.parametrize(("options", "sentence"), WRONG)
def test_wrong_statistics(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(LikelihoodError, match=sentence):
        Statistics(**options)  # type: ignore[arg-type]


def test_what_a_family_lacks_is_an_error_where_it_was_asked_for() -> None:
    classes = Categorical(logits=torch.zeros(1, 3, dtype=DOUBLE))
    with pytest.raises(LikelihoodError, match="the mean of Categorical is undefined"):
        frame_of(classes, point="mean")
    with pytest.raises(LikelihoodError, match="the interval of Categorical is undefined"):
        frame_of(classes, intervals=[0.9])


def test_a_parameter_that_is_nan_is_an_error() -> None:
    with pytest.raises(LikelihoodError, match="1 of 1 values of Normal's loc are NaN"):
        frame_of(Normal(torch.tensor([torch.nan]), torch.ones(1), validate_args=False))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.normal(size=50), "y": rng.poisson(3.0, 50).astype(float)})


@pytest.fixture(scope="module")
def module(table: pd.DataFrame) -> LikelihoodModule:
    data = split_table(table, "poisson", "y")
    module = LikelihoodModule.for_data(data, "poisson", "linear")
    module.head.fit_marginal(data.train.y)
    return module


@pytest.mark.parametrize("size", [7, 25, 50])
def test_the_parts_of_a_table_are_predicted_as_the_whole(
    table: pd.DataFrame, module: LikelihoodModule, size: int
) -> None:
    """The last two parts of seven rows have no known target at all."""
    holed = table.assign(y=table.y.where(table.index < 35))
    encoder = split_table(table, "poisson", "y").encoder
    assert encoder is not None
    parts = [holed.iloc[start : start + size] for start in range(0, 50, size)]
    joined = pd.concat(predict_tables(module, parts, encoder))
    whole = predict_table(module, holed, encoder)
    pd.testing.assert_frame_equal(joined, whole, rtol=1e-12)
    np.testing.assert_array_equal(joined.pit.isna(), holed.y.isna())
    np.testing.assert_array_equal(joined.log_prob.isna(), holed.y.isna())


def test_a_target_column_without_any_known_target_gives_empty_scores(
    table: pd.DataFrame, module: LikelihoodModule
) -> None:
    predicted = module.predict(table.assign(y=np.nan))
    assert predicted[["log_prob", "pit"]].isna().all(axis=None)
    assert "log_prob" not in module.predict(table[["x"]])


def test_samples_of_different_batches_differ(module: LikelihoodModule, table: pd.DataFrame) -> None:
    encoder = split_table(table, "poisson", "y").encoder
    assert encoder is not None
    same = pd.concat([table.head(20)] * 2, ignore_index=True)
    parts = [same.iloc[:20], same.iloc[20:]]
    drawn = pd.concat(predict_tables(module, parts, encoder, Statistics(samples=5)))[["sample1", "sample2"]]
    assert (drawn.iloc[:20].to_numpy() != drawn.iloc[20:].to_numpy()).any()
    again = pd.concat(predict_tables(module, parts, encoder, Statistics(samples=5)))[["sample1", "sample2"]]
    pd.testing.assert_frame_equal(drawn, again)


def test_a_predictor_counts_its_rows(module: LikelihoodModule) -> None:
    predictor = Predictor(module)
    predictor.predict([(torch.zeros(3, 1),), (torch.zeros(2, 1),)])
    assert predictor.rows == 5
