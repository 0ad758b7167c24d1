"""How a model compares with its marginal fit: the numbers against numpy and scipy, and how they are said."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from likelihead import DistributionHead, LikelihoodModule, fit
from likelihead.data import Examples
from likelihead.distributions import Normal, VonMises
from likelihead.evaluation.comparison import compared, heading, sentence
from likelihead.evaluation.evaluate import evaluate
from likelihead.evaluation.evaluation import Evaluation
from likelihead.evaluation.scores import width
from likelihead.target_types import TargetColumns
from likelihead.training.fit import Outcome


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(300, 1))).float()
    y = 2.0 * x[:, 0] + torch.from_numpy(rng.normal(size=300)).float()
    module = LikelihoodModule(nn.Identity(), DistributionHead("normal", in_features=1))
    found = fit(module, (x[:200], y[:200]), test=(x[200:], y[200:]), max_epochs=5)
    assert found is not None
    found.module.extra["rows"] = {"x": x[200:], "y": y[200:], "train": y[:200]}
    return found


def test_the_marginal_fit_is_scored_as_the_model_is(outcome: Outcome) -> None:
    rows, metrics = outcome.module.extra["rows"], outcome.metrics
    y, train = rows["y"].double().numpy(), rows["train"].double().numpy()
    law = stats.norm(train.mean(), train.std())
    marginal = metrics["marginal"]
    assert marginal["absolute_error"] == pytest.approx(np.abs(y - law.median()).mean(), rel=1e-5)
    assert marginal["squared_error"] == pytest.approx(((y - law.mean()) ** 2).mean(), rel=1e-5)
    lower, upper = law.interval(0.9)
    assert marginal["coverage_0.9"] == pytest.approx(((y > lower) & (y < upper)).mean())
    assert marginal["width_0.9"] == pytest.approx(upper - lower, rel=1e-5)


def test_the_gain_has_the_standard_error_of_paired_differences(outcome: Outcome) -> None:
    rows, metrics = outcome.module.extra["rows"], outcome.metrics
    y, train = rows["y"].double().numpy(), rows["train"].double().numpy()
    with torch.no_grad():
        predicted = outcome.module(rows["x"])
    own = stats.norm(predicted.loc.double().numpy(), predicted.scale.double().numpy())
    gains = own.logpdf(y) - stats.norm(train.mean(), train.std()).logpdf(y)
    assert metrics["gain"]["nll"] == pytest.approx(gains.mean(), rel=1e-4)
    assert metrics["gain"]["standard_error"] == pytest.approx(stats.sem(gains), rel=1e-4)
    assert metrics["gain"]["nll"] == pytest.approx(metrics["marginal"]["nll"] - metrics["test"]["nll"], rel=1e-12)


def test_without_test_rows_the_training_rows_are_compared() -> None:
    module = LikelihoodModule(nn.Identity(), DistributionHead("poisson", in_features=1))
    found = fit(module, (torch.zeros(40, 1), torch.arange(40.0)), max_epochs=1)
    assert found is not None and found.reference == "train"
    assert "absolute_error" in found.metrics["marginal"]
    assert found.evaluations["validation"].gain is None


def test_a_single_row_has_no_standard_error() -> None:
    module = LikelihoodModule(nn.Identity(), DistributionHead("normal", in_features=1))
    evaluation = evaluate(module, Examples(torch.zeros(1, 1), torch.ones(1)))
    assert evaluation.gain is not None and evaluation.gain_error is None
    assert "±" not in compared(evaluation)[0].trained


def test_the_width_of_an_interval_is_its_arc_where_it_crosses_pi() -> None:
    direction = VonMises(torch.tensor([0.0, 3.0, torch.pi]).double(), torch.full((3,), 4.0).double())
    found = width(direction, torch.zeros(3))
    lower, upper = stats.vonmises(4.0).interval(0.9)
    np.testing.assert_allclose(found, upper - lower, rtol=1e-6)
    both = Normal(torch.zeros(1, 2), torch.tensor([[1.0, 3.0]])).to_event(1)
    np.testing.assert_allclose(width(both, torch.zeros(1, 2)), [4.0 * stats.norm.ppf(0.95)], rtol=1e-6)


def lines(evaluation: Evaluation, columns: TargetColumns | None = None) -> dict[str, tuple[str, str]]:
    return {line.measure: (line.trained, line.marginal) for line in compared(evaluation, columns)}


def test_the_share_of_the_way_takes_the_place_of_the_gain_where_the_truth_is_known() -> None:
    known = lines(Evaluation(9, {"nll": 1.25}, marginal=2.0, oracle=1.0, gain_error=0.1))
    assert known == {"way from the marginal to the truth": ("75.0 %", "")}
    assert lines(Evaluation(9, {"nll": 1.25}, marginal=2.0, oracle=2.0, gain_error=0.1)) == {
        "nats gained over the marginal": ("0.750 ± 0.100", "")
    }


def test_angles_are_written_in_the_unit_of_the_table() -> None:
    scores = {"nll": 1.0, "angular_error": np.pi / 6, "coverage_0.9": 0.9, "width_0.9": np.pi / 2}
    evaluation = Evaluation(9, scores, marginal=1.5, marginal_scores={"angular_error": np.pi / 2})
    degrees = TargetColumns(["wind"], angles="degrees")
    assert lines(evaluation, degrees)["angle to the mean direction"] == ("30°", "90°")
    assert lines(evaluation)["width of the 90 % interval"] == ("1.57 rad", "")
    said = sentence(evaluation, columns=degrees)
    assert said == (
        "On new rows, the predicted direction is off by 30° on average (90° without the inputs), and 90 % of the "
        "answers lie in their 90 % intervals."
    )


def test_rankings_speak_of_their_first_item() -> None:
    evaluation = Evaluation(9, {"nll": 1.0, "kendall_tau": 0.5, "accuracy": 0.25}, marginal=1.5)
    assert lines(evaluation)["rows whose most probable first item is right"] == ("25 %", "")
    assert sentence(evaluation) == (
        "On new rows, the most probable ranking has a rank correlation of 0.500 with the observed one."
    )


def test_nothing_is_said_without_rows() -> None:
    assert compared(Evaluation()) == []
    assert sentence(Evaluation()) is None


def test_the_heading_says_what_is_averaged() -> None:
    assert heading("test", TargetColumns(["a", "b"])) == "test rows, mean of 2 outputs"
    assert heading("test", TargetColumns(["first", "second"], ["tuna", "egg"])) == "test rows"
