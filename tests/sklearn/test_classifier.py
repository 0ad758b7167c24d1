"""DistributionalClassifier against logistic regression, and its labels."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import cross_val_score

from likelihead import LikelihoodError
from likelihead.sklearn import DistributionalClassifier

Array = NDArray[Any]
GLM: dict[str, Any] = {"architecture": "linear", "optimizer": "lbfgs"}
SHORT: dict[str, Any] = {"max_epochs": 5, "random_state": 0}


def labelled(classes: int = 3, n: int = 400, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    scores = X @ rng.normal(size=(2, classes)) + rng.gumbel(size=(n, classes))
    return X, np.array(["ash", "birch", "cedar", "dogwood"])[scores.argmax(axis=1)]


@pytest.mark.parametrize(("distribution", "classes"), [("categorical", 3), ("categorical", 2), ("bernoulli", 2)])
def test_a_linear_model_is_logistic_regression(distribution: str, classes: int) -> None:
    X, y = labelled(classes)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(X))
    model = DistributionalClassifier(distribution, **GLM).fit(X, y, sample_weight=weight)
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(X, y, sample_weight=weight)
    assert model.classes_.tolist() == reference.classes_.tolist()
    np.testing.assert_allclose(model.predict_proba(X), reference.predict_proba(X), atol=1e-4)
    assert (model.predict(X) == reference.predict(X)).mean() > 0.99
    loss = log_loss(y, reference.predict_proba(X), sample_weight=weight)
    assert -model.score(X, y, sample_weight=weight) == pytest.approx(loss, abs=1e-6)


def test_the_defaults_classify_iris() -> None:
    X, y = load_iris(return_X_y=True, as_frame=True)
    scores = cross_val_score(DistributionalClassifier(random_state=0), X, y, cv=3, scoring="accuracy")
    assert scores.mean() > 0.9


@pytest.mark.parametrize(
    "labels",
    [np.array([False, True]), np.array([-1, 4]), np.array(["b", "a"], dtype=object), pd.array(["no", "yes"])],
    ids=["bool", "int", "text", "pandas"],
)
def test_labels_of_any_sort_come_back(labels: Any) -> None:
    X = np.linspace(-1.0, 1.0, 80)[:, None]
    y = np.asarray(labels)[(X[:, 0] > 0).astype(int)]
    model = DistributionalClassifier(random_state=0).fit(X, pd.Series(y))
    assert model.classes_.tolist() == sorted(labels)
    assert accuracy_score(y, model.predict(X)) > 0.9
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(probabilities, np.exp(model.predict_log_proba(X)), rtol=1e-12)
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict_proba(X) == probabilities).all()


def test_a_class_in_validation_rows_alone_is_known() -> None:
    X, y = labelled(2, 60)
    for row in range(10):
        rare = y.copy()
        rare[row] = "elm"
        model = DistributionalClassifier(**SHORT).fit(X, rare)
        assert model.predict_proba(X).shape == (60, 3)


def test_levels_keep_their_order() -> None:
    X = np.random.default_rng(0).normal(size=(300, 2))
    level = np.digitize(X[:, 0] + 0.3 * X[:, 1], [-0.7, 0.7])
    names = pd.Series(pd.Categorical.from_codes(level, ["low", "mid", "high"], ordered=True))
    model = DistributionalClassifier("ordinal", random_state=0).fit(X, names)
    assert model.classes_.tolist() == ["low", "mid", "high"]
    assert accuracy_score(names, model.predict(X)) > 0.9
    assert DistributionalClassifier("ordinal", **SHORT).fit(X, level).classes_.tolist() == [0, 1, 2]
    with pytest.raises(LikelihoodError, match="whose order OrderedLogistic cannot know"):
        DistributionalClassifier("ordinal").fit(X, names.astype(str))


WRONG: dict[str, tuple[str, int, str]] = {
    "numbers": ("normal", 2, "use DistributionalRegressor, or categorical"),
    "three": ("bernoulli", 3, "Only binary classification is supported"),
    "one": ("categorical", 1, "1 class"),
    "name": ("catgorical", 2, "did you mean 'categorical'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_get_a_sentence(name: str) -> None:
    distribution, classes, sentence = WRONG[name]
    X, y = labelled(classes)
    with pytest.raises(LikelihoodError, match=sentence):
        DistributionalClassifier(distribution).fit(X, y)


def test_labels_that_were_not_in_fit_cannot_be_scored() -> None:
    X, y = labelled(2)
    model = DistributionalClassifier(**GLM).fit(X, y)
    with pytest.raises(LikelihoodError, match=r"the classes are \['ash', 'birch'\]"):
        model.score(X, np.where(y == "ash", "elm", y))
