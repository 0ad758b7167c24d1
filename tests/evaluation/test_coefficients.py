"""The coefficients of linear models and their standard errors are those of statsmodels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import torch
from statsmodels.discrete.discrete_model import NegativeBinomial, Poisson

from likelihead import LikelihoodModule, fit
from likelihead.data import split_table
from likelihead.errors import LikelihoodError
from likelihead.evaluation.coefficients import coefficients

HOMOSCEDASTIC = {"family": "likelihead.distributions.Normal", "parameters": {"loc": "predicted", "scale": "learned"}}
GAMMA = {"family": "likelihead.distributions.Gamma", "parameters": {"concentration": "learned", "rate": "predicted"}}


def table() -> pd.DataFrame:
    """Inputs of very different units, a category, and a target of each kind."""
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({
        "age": generator.normal(40.0, 12.0, 1500).round(1),
        "income": generator.lognormal(10.0, 0.4, 1500).round(0),
        "region": generator.choice(["east", "north", "west"], 1500),
        "hours": generator.uniform(0.5, 2.0, 1500).astype(np.float32),
        "weight": generator.uniform(0.5, 2.0, 1500).astype(np.float32),
    })  # fmt: skip
    effect = frame["region"].map({"east": 0.0, "north": 0.4, "west": -0.3})
    eta = 0.02 * (frame["age"] - 40.0) + 2e-5 * (frame["income"] - 24_000.0) + effect + 0.5
    frame["visits"] = generator.poisson(np.exp(eta))
    frame["claims"] = generator.negative_binomial(2.0, 2.0 / (2.0 + np.exp(eta)))
    frame["sick"] = generator.binomial(1, 1.0 / (1.0 + np.exp(-eta)))
    frame["score"] = (eta + 0.7 * generator.normal(size=1500)).astype(np.float32)
    frame["amount"] = generator.gamma(2.0, np.exp(eta) / 2.0).astype(np.float32)
    return frame


def fitted(distribution: Any, target: str, **roles: str) -> pd.DataFrame:
    options = {"features": ["age", "income", "region"], "test_fraction": 0.0, "validation_fraction": 0.0, **roles}
    data = split_table(table(), distribution, target=target, **options)

    def lbfgs(parameters: Any) -> torch.optim.Optimizer:
        return torch.optim.LBFGS(
            parameters, max_iter=500, max_eval=2000, tolerance_grad=1e-7, tolerance_change=1e-14,
            history_size=50, line_search_fn="strong_wolfe",
        )  # fmt: skip

    module = LikelihoodModule.for_data(data, distribution, "linear", lbfgs)
    fit(module, data, batch_size=None, max_epochs=1, precision="64-true", gradient_clip_val=0.0)
    return coefficients(module, data.train)


def design() -> pd.DataFrame:
    frame = table()
    dummies = pd.get_dummies(frame["region"], dtype=float)[["north", "west"]]
    return sm.add_constant(pd.concat([frame[["age", "income"]], dummies], axis=1))


def of_counts(model: type, target: str, **options: Any) -> tuple[Any, Any]:
    """Estimates and standard errors of a model of statsmodels, which converges on inputs of like size only."""
    units = np.array([1.0, 10.0, 1e4, 1.0, 1.0])
    result = model(table()[target], design() / units, **options).fit(disp=0, method="newton", tol=1e-10, maxiter=300)
    units = np.append(units, np.ones(len(result.params) - len(units)))
    return result.params.to_numpy() / units, result.bse.to_numpy() / units


def assert_equal(found: pd.DataFrame, estimates: Any, errors: Any) -> None:
    estimates, errors = np.asarray(estimates), np.asarray(errors)
    np.testing.assert_allclose(found["estimate"], estimates, rtol=1e-6, atol=1e-6 * np.abs(errors).min())
    np.testing.assert_allclose(found["standard_error"], errors, rtol=1e-6)
    np.testing.assert_allclose(found["z"], estimates / errors, rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(found["lower"], estimates - 1.959963984540054 * errors, rtol=1e-5, atol=1e-7)


def test_poisson_with_exposure() -> None:
    found = fitted("poisson", "visits", exposure="hours")
    assert found["term"].tolist() == ["intercept", "age", "income", "region=north", "region=west"]
    assert set(found["parameter"]) == {"rate"} and set(found["link"]) == {"log"}
    assert_equal(found, *of_counts(Poisson, "visits", exposure=table()["hours"]))


def test_weighted_poisson() -> None:
    frame = table()
    model = sm.GLM(frame["visits"], design(), sm.families.Poisson(), freq_weights=frame["weight"])
    expected = model.fit(tol=1e-14)
    assert_equal(fitted("poisson", "visits", weight="weight"), expected.params, expected.bse)


def test_bernoulli() -> None:
    expected = sm.Logit(table()["sick"], design()).fit(disp=0, method="newton", tol=1e-12)
    assert_equal(fitted("bernoulli", "sick"), expected.params, expected.bse)


def test_normal_with_one_scale() -> None:
    """The information of the scale's logarithm is 2 n, and the scale that of maximum likelihood."""
    expected = sm.OLS(table()["score"].astype(float), design()).fit()
    size, freedom = expected.nobs, expected.df_resid
    found = fitted(HOMOSCEDASTIC, "score")
    assert_equal(found.iloc[:5], expected.params, expected.bse * np.sqrt(freedom / size))
    scale = 0.5 * np.log(expected.ssr / size)
    assert_equal(found.iloc[5:], [scale], [1.0 / np.sqrt(2.0 * size)])


def test_gamma_with_one_concentration() -> None:
    """The coefficients of the rate are those of the mean with the sign changed; the intercept has the shape in it."""
    frame, found = table(), fitted(GAMMA, "amount")
    concentration = float(np.exp(found["estimate"].iloc[5]))
    model = sm.GLM(frame["amount"].astype(float), design(), sm.families.Gamma(sm.families.links.Log()))
    expected = model.fit(tol=1e-14, maxiter=200)
    information = -model.hessian(expected.params, scale=1.0 / concentration, observed=True)
    errors = np.sqrt(np.diagonal(np.linalg.inv(information)))
    assert_equal(found.iloc[1:5], -expected.params.iloc[1:], errors[1:])
    assert found["estimate"].iloc[0] == pytest.approx(np.log(concentration) - expected.params.iloc[0], rel=1e-6)


def test_negative_binomial() -> None:
    estimates, errors = of_counts(NegativeBinomial, "claims")
    found = fitted("negative_binomial", "claims")
    dispersion = estimates[5]
    assert_equal(found.iloc[:5], estimates[:5], errors[:5])
    assert_equal(found.iloc[5:], [np.log(dispersion)], [errors[5] / dispersion])


def test_what_the_data_do_not_determine_has_no_error() -> None:
    x, y = torch.randn(50, 1).repeat(1, 2), torch.arange(50.0)
    module = LikelihoodModule.for_data((x, y), "poisson", "linear")
    module.head.fit_marginal(y)
    found = coefficients(module, [(x, y)]).set_index("term")["standard_error"]
    assert found[["x1", "x2"]].isna().all() and found["intercept"] > 0


def test_the_command_writes_and_prints_them(
    tmp_path: Path, command: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    table().to_csv("rows.csv", index=False)
    command(
        "train", "distribution=poisson", "architecture=linear", "optimizer=lbfgs", "data=table", "data.path=rows.csv",
        "data.target=visits", "data.features=[age,income,region]", "data.exposure=hours", "data.test_fraction=0",
        "data.validation_fraction=0", "hydra.run.dir=run",
    )  # fmt: skip
    assert_equal(pd.read_csv("run/coefficients.csv"), *of_counts(Poisson, "visits", exposure=table()["hours"]))
    printed = capsys.readouterr().out
    assert "rate (log)" in printed and "region=north" in printed


def test_only_linear_models_have_coefficients() -> None:
    x, y = torch.randn(50, 2), torch.randn(50)
    with pytest.raises(LikelihoodError, match="architecture=linear"):
        coefficients(LikelihoodModule.for_data((x, y), "normal"), [(x, y)])
    with pytest.raises(LikelihoodError, match="between 0 and 1"):
        coefficients(LikelihoodModule.for_data((x, y), "normal", "linear"), [(x, y)], level=95.0)
