"""Mistakes in the arguments or the data of DistributionalRegressor get a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from estimator_samples import counts, line

from likelihead import LikelihoodError, TargetError
from likelihead.sklearn import DistributionalRegressor

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "distribution": ({"distribution": "poison"}, "did you mean 'poisson'"),
    "classes": ({"distribution": "categorical"}, "use DistributionalClassifier"),
    "support": ({"distribution": "gamma"}, "families that would fit: gaussian_mixture, laplace, normal, student_t"),
    "whole": ({"distribution": "poisson"}, "not a whole number"),
    "architecture": ({"architecture": "mpl"}, "did you mean 'mlp'"),
    "no architecture": ({"architecture": 3}, "pass a name"),
    "option": ({"architecture_options": {"widht": 3}}, "does not take these options"),
    "optimizer": ({"optimizer": "adam"}, "did you mean 'adamw'"),
    "dropout": ({"optimizer": "lbfgs"}, "dropout draws them at random"),
    "point": ({"point": "average"}, "valid are mean, median, mode"),
    "fraction": ({"validation_fraction": 1.5}, "validation_fraction is 1.5"),
    "data options": ({"data_options": {"test_fraction": 0.5}}, "data_options has no 'test_fraction'"),
    "trainer options": ({"trainer_options": {"max_epochs": 5}}, "which the estimator sets itself"),
    "batch size": ({"batch_size": 0}, "batch_size is 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_get_a_sentence(name: str) -> None:
    options, sentence = WRONG[name]
    X, y = line()
    y = y - y.mean()
    with pytest.raises(LikelihoodError, match=sentence):
        DistributionalRegressor(**options).fit(X, y)


def test_targets_outside_the_support_name_rows_and_column() -> None:
    X, y = line()
    y = np.abs(y)
    y[[17, 40]] = -1.0
    with pytest.raises(TargetError, match=r"'price': 2 of 200 rows .* \(2 below 0; row 17: -1; row 40: -1\)"):
        DistributionalRegressor("exponential").fit(X, pd.Series(y, name="price"))


def test_exposures_and_weights_are_checked() -> None:
    X, y, exposure = counts()
    with pytest.raises(LikelihoodError, match="one number above 0 for each of the 300 rows"):
        DistributionalRegressor("poisson").fit(X, y, exposure=exposure - 1.0)
    with pytest.raises(TargetError, match="takes no exposure"):
        DistributionalRegressor("normal").fit(X, y, exposure=exposure)
    with pytest.raises(ValueError, match=r"[Nn]egative values in data passed to `sample_weight`"):
        DistributionalRegressor("poisson").fit(X, y, sample_weight=-exposure)
