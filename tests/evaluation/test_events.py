"""The probabilities of events, against scipy and against sums over all values."""

from __future__ import annotations

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from likelihead.distributions import (
    Categorical,
    Gamma,
    MixtureSameFamily,
    Normal,
    OrderedLogistic,
    PlackettLuce,
    Poisson,
    VonMises,
)
from likelihead.errors import LikelihoodError
from likelihead.evaluation.events import Event
from likelihead.target_types import TargetColumns

DOUBLE = torch.float64
RATE = torch.tensor([0.5, 2.0, 9.0], dtype=DOUBLE)
LOGITS = torch.tensor([[0.0, 2.0, 1.0], [1.0, -1.0, 0.5]], dtype=DOUBLE)
PROBS = np.exp(LOGITS.numpy()) / np.exp(LOGITS.numpy()).sum(-1, keepdims=True)


def probability(text: str, predicted: object, columns: TargetColumns | None = None) -> NDArray[np.float64]:
    columns = columns or TargetColumns(["y"])
    return Event.parse(text, columns.names).probability(predicted, columns)


COUNTS = {
    "y>3": lambda law: law.sf(3),
    "y >= 3": lambda law: law.sf(2),
    "y<3": lambda law: law.cdf(2),
    "3 >= y": lambda law: law.cdf(3),
    "y>2.5": lambda law: law.sf(2),
    "y<2.5": lambda law: law.cdf(2),
    "1<y<=3": lambda law: law.pmf(2) + law.pmf(3),
    "3>=y>1": lambda law: law.pmf(2) + law.pmf(3),
    "1<y<3": lambda law: law.pmf(2),
    "y=2": lambda law: law.pmf(2),
    "y==2": lambda law: law.pmf(2),
    "y!=2": lambda law: 1.0 - law.pmf(2),
    "y=2.5": lambda law: np.zeros(3),
    "y>-1": lambda law: np.ones(3),
    "5<y<3": lambda law: np.zeros(3),
}


@pytest.mark.parametrize("text", COUNTS)
def test_events_of_counts(text: str) -> None:
    np.testing.assert_allclose(probability(text, Poisson(RATE)), COUNTS[text](stats.poisson(RATE)), atol=1e-12)


@pytest.mark.parametrize("strict", ["", "="])
def test_events_of_continuous_targets_do_not_depend_on_their_ends(strict: str) -> None:
    law = stats.gamma(2.0, scale=1.0 / RATE.numpy())
    predicted = Gamma(torch.tensor(2.0, dtype=DOUBLE).expand(3), RATE)
    np.testing.assert_allclose(probability(f"y>{strict}1", predicted), law.sf(1.0), rtol=1e-9)
    np.testing.assert_allclose(probability(f"0.5<{strict}y<{strict}2", predicted), law.cdf(2.0) - law.cdf(0.5))


def test_events_of_mixtures_are_those_of_their_components() -> None:
    weights = torch.tensor([[0.3, 0.7]], dtype=DOUBLE)
    predicted = MixtureSameFamily(dist.Categorical(weights), Normal(torch.tensor([[0.0, 5.0]], dtype=DOUBLE), 1.0))
    expected = 0.3 * stats.norm(0, 1).sf(2) + 0.7 * stats.norm(5, 1).sf(2)
    np.testing.assert_allclose(probability("y>2", predicted), [expected])


def test_events_of_classes_name_them() -> None:
    columns = TargetColumns(["species"], ["oak", "pine", "beech"])
    predicted = Categorical(logits=LOGITS)
    np.testing.assert_allclose(probability("species=pine", predicted, columns), PROBS[:, 1], rtol=1e-12)
    np.testing.assert_allclose(probability("y != beech", predicted, columns), 1.0 - PROBS[:, 2], rtol=1e-12)


def test_events_of_levels_follow_their_order() -> None:
    columns = TargetColumns(["grade"], ["low", "middle", "high"])
    predicted = OrderedLogistic(torch.zeros(1, dtype=DOUBLE), torch.tensor([[-1.0, 1.0]], dtype=DOUBLE))
    below, above = stats.logistic.cdf([-1.0, 1.0])
    for text, expected in {"grade>=middle": 1 - below, "grade<high": above, "grade=middle": above - below}.items():
        np.testing.assert_allclose(probability(text, predicted, columns), [expected], rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "labels"),
    [("y=1", None), ("y=yes", ["no", "yes"]), ("y=true", ["False", "True"]), ("y=1", ["False", "True"])],
)
def test_events_of_binary_targets(text: str, labels: list[str] | None) -> None:
    predicted = dist.Bernoulli(probs=torch.tensor([0.2, 0.9], dtype=DOUBLE))
    np.testing.assert_allclose(probability(text, predicted, TargetColumns(["y"], labels)), [0.2, 0.9])


def test_events_of_directions_are_in_the_unit_of_the_table() -> None:
    predicted = VonMises(torch.tensor([0.3], dtype=DOUBLE), torch.tensor([2.0], dtype=DOUBLE))
    law = stats.vonmises(2.0, loc=0.3)
    found = probability("0<y<=90", predicted, TargetColumns(["y"], angles="degrees"))
    np.testing.assert_allclose(found, law.cdf(np.pi / 2) - law.cdf(0.0), rtol=1e-6)


def test_events_of_several_outputs_name_one() -> None:
    predicted = Normal(torch.tensor([[1.0, 2.0]], dtype=DOUBLE), torch.tensor([[3.0, 4.0]], dtype=DOUBLE)).to_event(1)
    columns = TargetColumns(["mass", "length"])
    np.testing.assert_allclose(probability("length>5", predicted, columns), stats.norm(2, 4).sf([5.0]))
    with pytest.raises(LikelihoodError, match="names 'y', which is not a target: valid are length, mass"):
        probability("y>5", predicted, columns)


WRONG = {
    "mean": "is not an event: write it as y>10",
    "y>": "compares with nothing",
    "1<y>3": "is not an event",
    "z>3": "names 'z', which is not a target",
    "y>big": "'big' is not a number, and 'y' holds numbers",
}


@pytest.mark.parametrize(("text", "sentence"), WRONG.items())
def test_what_is_no_event(text: str, sentence: str) -> None:
    with pytest.raises(LikelihoodError, match=sentence):
        probability(text, Poisson(RATE))


def test_events_that_a_family_does_not_have() -> None:
    with pytest.raises(LikelihoodError, match="single value has probability 0: ask for a range"):
        probability("y=1", Gamma(RATE, RATE))
    with pytest.raises(LikelihoodError, match="classes of Categorical have no order"):
        probability("y>b", Categorical(logits=LOGITS), TargetColumns(["y"], ["a", "b", "c"]))
    with pytest.raises(LikelihoodError, match="'d' is not a class of 'y': valid are a, b, c"):
        probability("y=d", Categorical(logits=LOGITS), TargetColumns(["y"], ["a", "b", "c"]))
    with pytest.raises(LikelihoodError, match="undefined for PlackettLuce"):
        probability("y=a", PlackettLuce(LOGITS), TargetColumns(["y"], ["a", "b", "c"]))
