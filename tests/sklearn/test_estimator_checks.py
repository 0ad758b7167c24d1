"""scikit-learn's own checks of an estimator, on families of each sort: none is skipped or expected to fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from likelihead.sklearn import DistributionalClassifier, DistributionalRegressor

ESTIMATORS = [
    DistributionalRegressor("normal"),
    DistributionalRegressor("poisson", round_counts=True),
    DistributionalRegressor("gamma"),
    DistributionalClassifier("categorical"),
]
#: The one check that wants a variable set before scipy is imported.
IN_A_PROCESS = "check_array_api_input"


def name_of(check: Any) -> str:
    return str(getattr(check, "func", check).__name__)


CASES = [pair for estimator in ESTIMATORS for pair in estimator_checks_generator(estimator)]


@pytest.mark.parametrize(
    ("estimator", "check"),
    [pair for pair in CASES if name_of(pair[1]) != IN_A_PROCESS],
    ids=lambda value: getattr(value, "distribution", None) or name_of(value),
)
def test_scikit_learns_checks_pass(estimator: Any, check: Any) -> None:
    check(estimator)


def test_the_check_of_array_libraries_passes(environment: dict[str, str]) -> None:
    script = "import test_estimator_checks as checks; checks.check_array_libraries()"
    environment = {**environment, "SCIPY_ARRAY_API": "1"}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], check=True, env=environment, cwd=Path(__file__).parent
    )


def check_array_libraries() -> None:
    """The checks that the function above runs in a process of its own, where a skipped one is an error."""
    chosen = [pair for pair in CASES if name_of(pair[1]) == IN_A_PROCESS]
    assert len(chosen) == len(ESTIMATORS)
    for estimator, check in chosen:
        check(estimator)


def test_no_check_is_left_out() -> None:
    names = {name_of(check) for _, check in CASES}
    assert {"check_sample_weight_equivalence_on_dense_data", "check_methods_sample_order_invariance"} <= names
    assert {"check_regressor_multioutput", "check_fit_idempotent", "check_classifiers_train"} <= names
