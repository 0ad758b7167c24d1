"""The adapter for skpro: its own checks, and the same distributions in its words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from likelihead import LikelihoodError
from likelihead.sklearn import DistributionalRegressor

skpro = pytest.importorskip("skpro", reason="skpro is an extra")

FAMILIES = ("normal", "laplace", "student_t", "log_normal", "exponential", "gamma", "weibull", "poisson",
            "negative_binomial", "beta")  # fmt: skip


def rows() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(120, 2)), columns=["a", "b"], index=range(10, 130))
    return X, rng.poisson(np.exp(1.0 + 0.5 * X["a"].to_numpy())) + 1.0


@pytest.mark.filterwarnings("ignore")  # 2026-11: the checks of skpro 2.16 warn about pandas and numpy themselves
def test_skpros_checks_pass() -> None:
    from skpro.utils import check_estimator

    from likelihead.skpro import SkproRegressor

    results = check_estimator(SkproRegressor, verbose=False)
    assert len(results) > 50
    assert {name: result for name, result in results.items() if result != "PASSED"} == {}


@pytest.mark.parametrize("family", FAMILIES)
def test_quantiles_and_means_are_ours(family: str) -> None:
    from likelihead.skpro import SkproRegressor

    X, y = rows()
    y = y / (y.max() + 1.0) if family == "beta" else y
    regressor = DistributionalRegressor(family, architecture="linear", optimizer="lbfgs")
    model = SkproRegressor(regressor).fit(X, pd.DataFrame({"visits": y}, index=X.index))
    predicted = model.predict_proba(X)
    assert predicted.index.equals(X.index) and predicted.columns.tolist() == ["visits"]
    ours = model.regressor_
    np.testing.assert_allclose(predicted.mean().to_numpy()[:, 0], ours.predict(X), rtol=1e-9)
    np.testing.assert_allclose(predicted.ppf(0.9).to_numpy()[:, 0], ours.predict_quantile(X, 0.9), rtol=1e-6)
    table = pd.DataFrame({"visits": y}, index=X.index)
    log_mass = predicted.log_pmf(table) if family in ("poisson", "negative_binomial") else predicted.log_pdf(table)
    assert log_mass.to_numpy().mean() == pytest.approx(ours.score(X, y), rel=1e-5)


def test_a_family_that_skpro_lacks_is_an_error() -> None:
    from likelihead.skpro import SkproRegressor

    X, y = rows()
    model = SkproRegressor(DistributionalRegressor("zero_inflated_poisson", architecture="linear", optimizer="lbfgs"))
    with pytest.raises(LikelihoodError, match="skpro has no distribution for ZeroInflatedPoisson"):
        model.fit(X, pd.DataFrame({"visits": y}, index=X.index))
