"""DistributionalRegressor against scipy's and scikit-learn's answers, and in their tools."""

from __future__ import annotations

import logging
import pickle
import random
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from estimator_samples import counts, line
from scipy import stats
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LinearRegression, PoissonRegressor
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from torch import nn

from likelihead import LikelihoodError
from likelihead.sklearn import DistributionalRegressor

GLM: dict[str, Any] = {"architecture": "linear", "optimizer": "lbfgs"}
HOMOSCEDASTIC = {"family": "pyro.distributions.Normal", "parameters": {"loc": "predicted", "scale": "learned"}}
SHORT: dict[str, Any] = {"max_epochs": 5, "random_state": 0}


def town_frame(n: int = 120, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"size": rng.normal(size=n), "rooms": rng.integers(1, 6, n), "town": rng.choice(["a", "b"], n)}
    )
    y = frame["rooms"] + 2.0 * (frame["town"] == "b") + rng.normal(size=n)
    frame.loc[::7, "size"] = np.nan
    frame.loc[3, "town"] = None
    return frame, y.rename("price")


def test_a_linear_model_is_least_squares() -> None:
    X, y = line()
    model = DistributionalRegressor(HOMOSCEDASTIC, **GLM).fit(X, y)
    expected = LinearRegression().fit(X, y).predict(X)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-5)
    deviation = np.sqrt(np.mean((y - expected) ** 2))
    np.testing.assert_allclose(model.predict_dist(X).scale.numpy(), deviation, rtol=1e-5)
    assert model.score(X, y) == pytest.approx(stats.norm(expected, deviation).logpdf(y).mean(), rel=1e-6)


def test_exposure_gives_rates_as_a_poisson_regression_with_weights_does() -> None:
    X, y, exposure = counts()
    model = DistributionalRegressor("poisson", **GLM).fit(X, y, exposure=exposure)
    reference = PoissonRegressor(alpha=0.0, tol=1e-10, max_iter=1000).fit(X, y / exposure, sample_weight=exposure)
    np.testing.assert_allclose(model.predict(X), reference.predict(X), rtol=1e-4)
    np.testing.assert_allclose(model.predict(X, exposure=exposure), exposure * model.predict(X), rtol=1e-6)
    rate = exposure * reference.predict(X)
    assert model.score(X, y, exposure=exposure) == pytest.approx(stats.poisson(rate).logpmf(y).mean(), rel=1e-6)
    median = model.predict_quantile(X, 0.5, exposure=exposure)
    assert (median == stats.poisson(model.predict(X, exposure=exposure)).ppf(0.5)).all()


def test_training_with_adamw_recovers_the_rates_too() -> None:
    X, y, exposure = counts(2000)
    model = DistributionalRegressor("poisson", architecture="linear", random_state=0).fit(X, y, exposure=exposure)
    reference = PoissonRegressor(alpha=0.0).fit(X, y / exposure, sample_weight=exposure).predict(X)
    assert np.abs(np.log(model.predict(X) / reference)).max() < 0.1


@pytest.mark.parametrize("options", [GLM, {"architecture": "linear"}, {}], ids=["lbfgs", "linear", "mlp"])
def test_an_integer_weight_is_a_repeated_row(options: dict[str, Any]) -> None:
    X, y = line(60)
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    order = np.random.default_rng(2).permutation(int(weight.sum()))
    weighted = DistributionalRegressor(**{**SHORT, **options}).fit(X, y, sample_weight=weight)
    repeated = DistributionalRegressor(**{**SHORT, **options}).fit(X.repeat(weight, 0)[order], y.repeat(weight)[order])
    assert (weighted.predict(X) == repeated.predict(X)).all()
    unweighted = DistributionalRegressor(**{**SHORT, **options}).fit(X, y)
    assert np.abs(weighted.predict(X) - unweighted.predict(X)).max() > 1e-3


def test_weights_count_as_in_least_squares() -> None:
    X, y = line()
    weight = np.random.default_rng(3).uniform(0.1, 4.0, len(X))
    model = DistributionalRegressor(HOMOSCEDASTIC, **GLM)
    expected = LinearRegression().fit(X, y, sample_weight=weight).predict(X)
    np.testing.assert_allclose(model.fit(X, y, sample_weight=weight).predict(X), expected, rtol=1e-5)
    np.testing.assert_allclose(model.fit(X, y, sample_weight=1000 * weight).predict(X), expected, rtol=1e-5)


def test_few_cells_with_many_rows_keep_their_probabilities() -> None:
    """Equal rows may be split between training and validation where inputs repeat: no cell is lost."""
    x = np.array([0.0] * 400 + [1.0] * 400)[:, None]
    y = np.array([0, 1] * 200 + [0, 0, 0, 1] * 100)
    model = DistributionalRegressor("bernoulli", architecture="linear", random_state=0).fit(x, y)
    np.testing.assert_allclose(model.predict([[0.0], [1.0]]), [0.5, 0.25], atol=0.05)


def test_points_quantiles_and_intervals_are_those_of_the_distribution() -> None:
    X, y = line()
    model = DistributionalRegressor("gamma", **SHORT).fit(X, np.exp(y / 4.0))
    dist = model.predict_dist(X)
    assert dist.batch_shape == (200,) and dist.rate.dtype == torch.float64
    reference = stats.gamma(dist.concentration.numpy(), scale=1.0 / dist.rate.numpy())
    np.testing.assert_allclose(model.predict_quantile(X, 0.9), reference.ppf(0.9), rtol=1e-9)
    several = model.predict_quantile(X, [0.05, 0.5, 0.95])
    np.testing.assert_allclose(several, np.stack([reference.ppf(q) for q in (0.05, 0.5, 0.95)], axis=1), rtol=1e-9)
    lower, upper = model.predict_interval(X, 0.8)
    np.testing.assert_allclose([lower, upper], reference.interval(0.8), rtol=1e-9)
    assert (np.subtract(*model.predict_interval(X, 0.8, kind="highest")) >= lower - upper - 1e-9).all()
    np.testing.assert_allclose(model.predict(X), reference.mean(), rtol=1e-9)
    np.testing.assert_allclose(model.set_params(point="median").predict(X), reference.median(), rtol=1e-9)
    mode = np.maximum(0.0, dist.concentration.numpy() - 1.0) / dist.rate.numpy()
    np.testing.assert_allclose(model.set_params(point="mode").predict(X), mode, rtol=1e-9)
    assert model.score(X, np.exp(y / 4.0)) == pytest.approx(reference.logpdf(np.exp(y / 4.0)).mean(), rel=1e-5)


def test_prediction_in_parts_is_prediction_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = line()
    model = DistributionalRegressor(**SHORT).fit(X, y)
    whole = model.predict(X), model.predict_quantile(X, [0.1, 0.9]), model.score(X, y)
    monkeypatch.setattr("likelihead.sklearn.base.ROWS_AT_A_TIME", 64)
    parts = model.predict(X), model.predict_quantile(X, [0.1, 0.9]), model.score(X, y)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_several_outputs_and_vectors() -> None:
    X, y = line()
    both = pd.DataFrame({"a": y, "b": -2.0 * y})
    model = DistributionalRegressor(**SHORT).fit(X, both)
    assert model.encoder_.target.names == ["a", "b"]
    assert model.predict(X).shape == (200, 2)
    assert model.predict_quantile(X, [0.1, 0.5, 0.9]).shape == (200, 3, 2)
    assert model.predict_interval(X)[0].shape == (200, 2)
    dist = model.predict_dist(X)
    loc, scale = dist.base_dist.loc.numpy(), dist.base_dist.scale.numpy()
    assert model.score(X, both) == pytest.approx(stats.norm(loc, scale).logpdf(both).sum(1).mean(), rel=1e-5)
    vector = DistributionalRegressor("multivariate_normal", **SHORT).fit(X, np.stack([y, X[:, 0]], axis=1))
    assert vector.predict_dist(X).event_shape == (2,) and vector.predict(X).shape == (200, 2)
    positive = DistributionalRegressor("gamma", **SHORT).fit(X, np.exp(both / 10.0))
    assert (positive.predict(X) > 0).all() and positive.predict(X).shape == (200, 2)


def test_a_column_of_targets_is_one_output() -> None:
    X, y = line()
    with pytest.warns(DataConversionWarning):
        model = DistributionalRegressor(**SHORT).fit(X, y[:, None])
    assert (model.predict(X) == DistributionalRegressor(**SHORT).fit(X, y).predict(X)).all()


def test_frames_with_text_and_missing_cells() -> None:
    frame, y = town_frame()
    model = DistributionalRegressor(random_state=0).fit(frame, y)
    assert model.feature_names_in_.tolist() == ["size", "rooms", "town"] and model.n_features_in_ == 3
    assert model.encoder_.names == ["size", "size (missing)", "rooms", "town=a", "town=b", "town (missing)"]
    assert r2_score(y, model.predict(frame)) > 0.6
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["rooms", "size", "town"]])
    unseen = frame.assign(town="c")
    with pytest.raises(LikelihoodError, match="unseen category"):
        model.predict(unseen)
    ignoring = clone(model).set_params(data_options={"unseen": "ignore"}).fit(frame, y)
    assert np.isfinite(ignoring.predict(unseen)).all()


def test_a_frame_of_numbers_and_an_array_are_fitted_alike() -> None:
    X, y = line()
    X = np.round(X)
    frame = pd.DataFrame(X.astype(int), columns=list("abc"))
    from_array = DistributionalRegressor(**SHORT).fit(X, y).predict(X)
    assert (DistributionalRegressor(**SHORT).fit(frame, y).predict(frame) == from_array).all()
    assert (DistributionalRegressor(**SHORT).fit(X.tolist(), y.tolist()).predict(X) == from_array).all()


def test_polars_frames() -> None:
    polars = pytest.importorskip("polars")
    frame, y = town_frame()
    other = polars.from_pandas(frame)
    model = DistributionalRegressor(**SHORT).fit(other, polars.from_pandas(y))
    assert model.feature_names_in_.tolist() == ["size", "rooms", "town"]
    expected = DistributionalRegressor(**SHORT).fit(frame, y)
    assert (model.predict(other) == expected.predict(frame)).all()


def test_pipelines_and_column_transformers() -> None:
    frame, y = town_frame()
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), ["size", "rooms"]), ("text", OneHotEncoder(sparse_output=False), ["town"])]
    ).set_output(transform="pandas")
    pipeline = make_pipeline(columns, DistributionalRegressor(**SHORT)).fit(frame, y)
    assert pipeline[-1].feature_names_in_[:2].tolist() == ["numbers__size", "numbers__rooms"]
    assert pipeline.predict(frame).shape == (120,)
    assert pipeline.score(frame, y) == pipeline[-1].score(columns.transform(frame), y)


def test_searches_and_cross_validation() -> None:
    X, y = line()
    search = GridSearchCV(
        DistributionalRegressor(architecture="linear", optimizer="lbfgs"),
        {"distribution": ["normal", "student_t"]},
        cv=3,
    ).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_score_ > -1.6
    model = DistributionalRegressor(**GLM)
    predicted = cross_val_predict(model, X, y, cv=3)
    assert r2_score(y, predicted) > 0.8
    scores = cross_val_score(model, X, y, cv=3, scoring="r2")
    np.testing.assert_allclose(scores, cross_val_score(LinearRegression(), X, y, cv=3, scoring="r2"), atol=0.02)


def test_pickles_predict_the_same_bits(tmp_path: Path) -> None:
    frame, y = town_frame()
    model = DistributionalRegressor(**SHORT).fit(frame, y)
    joblib.dump(model, tmp_path / "model.joblib")
    for again in (pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model.joblib")):
        assert (again.predict(frame) == model.predict(frame)).all()
        assert again.metrics_ == model.metrics_
        assert again.get_params() == model.get_params()


def test_nothing_outside_the_estimator_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    X, y = line()
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # type: ignore[index]
    flags = torch.get_default_dtype(), torch.distributions.Distribution._validate_args, torch.get_num_threads()
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        model = DistributionalRegressor(**SHORT).fit(X, y)
        model.predict(X)
        model.score(X, y)
    after = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # type: ignore[index]
    assert torch.equal(before[0], after[0]) and (before[1] == after[1]).all() and before[2] == after[2]
    assert flags == (
        torch.get_default_dtype(), torch.distributions.Distribution._validate_args, torch.get_num_threads()
    )  # fmt: skip
    assert capfd.readouterr() == ("", "") and not caplog.records and not list(tmp_path.iterdir())


def test_the_random_state_decides_everything() -> None:
    X, y = line()
    first, again = (DistributionalRegressor(max_epochs=3, random_state=1).fit(X, y).predict(X) for _ in range(2))
    assert (first == again).all()
    assert (DistributionalRegressor(max_epochs=3, random_state=2).fit(X, y).predict(X) != first).any()
    source = np.random.RandomState(1)
    draws = [DistributionalRegressor(max_epochs=3, random_state=source).fit(X, y).predict(X) for _ in range(2)]
    assert (draws[0] != draws[1]).any()


def test_networks_of_ones_own() -> None:
    class Small(nn.Module):
        def __init__(self, in_features: int, width: int = 4) -> None:
            super().__init__()
            self.layer, self.out_features = nn.Linear(in_features, width), width

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x).tanh()

    X, y = line()
    made = DistributionalRegressor(architecture=Small, architecture_options={"width": 5}, **SHORT).fit(X, y)
    assert made.module_.architecture.out_features == 5
    module = Small(3)
    kept = module.layer.weight.detach().clone()
    given = DistributionalRegressor(architecture=module, **SHORT).fit(X, y)
    assert torch.equal(module.layer.weight, kept)
    assert not torch.equal(given.module_.architecture.layer.weight, kept)
    assert np.isfinite(clone(given).fit(X, y).predict(X)).all()


def test_the_defaults_explain_the_diabetes_data() -> None:
    X, y = load_diabetes(return_X_y=True)
    model = DistributionalRegressor(random_state=0).fit(X[:300], y[:300])
    assert r2_score(y[300:], model.predict(X[300:])) > 0.4
    marginal = stats.norm(y[:300].mean(), y[:300].std()).logpdf(y[300:]).mean()
    assert model.score(X[300:], y[300:]) > marginal + 0.15


def test_an_ensemble_predicts_the_mixture_of_its_networks() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (120, 2))
    y = np.random.default_rng(1).poisson(np.exp(1 + x[:, 0]))
    model = DistributionalRegressor("poisson", ensemble=3, max_epochs=5, random_state=0).fit(x, y)
    predicted = model.predict_dist(x)
    rates = predicted.component_distribution.rate
    assert rates.shape == (120, 3)
    expected = np.mean(stats.poisson.pmf(y[:, None], rates.numpy()), axis=1)
    np.testing.assert_allclose(predicted.log_prob(torch.as_tensor(y, dtype=torch.float64)), np.log(expected), rtol=1e-9)
    assert model.score(x, y) == pytest.approx(np.log(expected).mean())
    with pytest.raises(LikelihoodError, match="ensemble is 0; it must be the number of networks"):
        DistributionalRegressor("poisson", ensemble=0).fit(x, y)
