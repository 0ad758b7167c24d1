"""Importance and effects of inputs, against closed forms and scikit-learn; cells decoded from x."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.inspection import partial_dependence, permutation_importance

from likelihead import DistributionHead, LikelihoodModule, fit
from likelihead.data import Batch, split_table
from likelihead.data.options import table_defaults
from likelihead.data.tables.columns import fit_column
from likelihead.report.effects import effect, fan
from likelihead.report.importance import importances
from likelihead.report.subject import Subject
from likelihead.report.tables import coefficient_table

ROWS, SIGMA, SLOPES = 1500, 0.7, (2.0, -0.5, 0.0)


@pytest.fixture(scope="module")
def subject() -> Subject:
    """A normal model whose parameters are known: loc = 2 x1 - 0.5 x2 + 1, scale = 0.7 exp(0.3 x2)."""
    torch.manual_seed(0)
    x = torch.randn(ROWS, 3)
    head = DistributionHead("normal", in_features=3)
    module = LikelihoodModule(torch.nn.Identity(), head)
    with torch.no_grad():
        head.linear.weight.copy_(torch.tensor([SLOPES, (0.0, 0.3, 0.0)]))
        head.linear.bias.copy_(torch.tensor([1.0, np.log(SIGMA)]))
        y = module(x).sample()
    return Subject.of(module, [(x, y)])


def test_importance_is_what_the_nll_loses(subject: Subject) -> None:
    """Two draws of x1 differ by a variance of 2, so loc is off by 8 on average: 8 / (2 sigma^2), averaged over x2."""
    found = {importance.entry.name: importance for importance in importances(subject)}
    assert list(found) == ["x1", "x2", "x3"]
    expected = 4.0 * np.exp(2 * 0.3**2) / SIGMA**2
    assert found["x1"].nats == pytest.approx(expected, abs=4.0 * found["x1"].error + 0.05 * expected)
    assert 0.0 < found["x1"].error < 0.1 * expected
    assert found["x3"].nats == found["x3"].error == 0.0


def test_importance_agrees_with_scikit_learn(subject: Subject) -> None:
    y = subject.batch.y
    wrapped = permutation_importance(
        Wrapped(subject),
        subject.batch.x.numpy(),
        y.numpy(),
        scoring=lambda _, x, __: float(subject.predict(torch.from_numpy(x)).log_prob(y).mean()),
        n_repeats=5,
        random_state=0,
    )
    found = {importance.entry.name: importance.nats for importance in importances(subject)}
    np.testing.assert_allclose([found[f"x{k}"] for k in (1, 2, 3)], wrapped.importances_mean, rtol=0.1, atol=1e-12)


def test_importance_counts_what_is_known_of_censored_answers() -> None:
    """A row known only to lie below infinity says nothing, whatever its y: half as many rows lose half as much."""
    torch.manual_seed(0)
    x = torch.randn(ROWS, 1)
    module = LikelihoodModule(torch.nn.Identity(), DistributionHead("normal", in_features=1))
    torch.nn.init.ones_(module.head.linear.weight)
    y = module(x).sample()
    free = torch.arange(ROWS) % 2 == 0
    bounds = torch.where(free[:, None], torch.tensor([-torch.inf, torch.inf]), torch.stack([y, y], -1))
    subject = Subject.of(module, [Batch(x, torch.where(free, 1e4, y), bounds=bounds)])
    found = importances(subject)[0]
    seen = importances(Subject.of(module, [Batch(x[~free], y[~free])]))[0]
    assert found.nats == pytest.approx(seen.nats / 2, rel=0.15)
    assert len(subject.parts[0].y) == int((~free).sum())


class Wrapped(RegressorMixin, BaseEstimator):
    """The mean of the model as an estimator of scikit-learn, which needs no fit."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    def fit(self, x: np.ndarray, y: np.ndarray) -> Wrapped:
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.subject.predict(torch.from_numpy(np.asarray(x, dtype=float))).mean.numpy()

    def __sklearn_is_fitted__(self) -> bool:
        return True


def test_the_effect_on_mean_and_spread(subject: Subject) -> None:
    x = subject.batch.x
    rows = torch.linspace(0, ROWS - 1, 120).long()
    found = effect(subject, 0, subject.inputs[1])
    values = found.values.to_numpy()
    assert (np.diff(values) > 0).all() and len(values) == 20
    mean = 1.0 + 2.0 * float(x[rows, 0].mean()) - 0.5 * values
    np.testing.assert_allclose(found.response.mean[:, 0], mean, rtol=1e-6)
    np.testing.assert_allclose(found.response.spread, 2 * 1.6448536 * SIGMA * np.exp(0.3 * values), rtol=1e-6)


def test_the_effect_agrees_with_scikit_learn(subject: Subject) -> None:
    found = effect(subject, 0, subject.inputs[0])
    rows = torch.linspace(0, ROWS - 1, 120).long()
    theirs = partial_dependence(
        Wrapped(subject), subject.batch.x[rows].numpy(), [0], custom_values={0: found.values.to_numpy()}, kind="average"
    )
    np.testing.assert_allclose(found.response.mean[:, 0], theirs["average"][0], rtol=1e-9)


def test_the_fan_holds_the_mixture_over_rows(subject: Subject) -> None:
    """Along x1 the other inputs vary: y is a scale mixture with variance 0.25 + sigma^2 exp(0.18) around 1 + 2 x1."""
    values, quantiles = fan(subject, 0, subject.inputs[0])
    center = 1.0 + 2.0 * values.to_numpy()
    np.testing.assert_allclose(quantiles[:, 2], center, atol=0.15)
    deviation = np.sqrt(0.25 + SIGMA**2 * np.exp(0.18))
    np.testing.assert_allclose(quantiles[:, 4] - quantiles[:, 0], 2 * 1.645 * deviation, rtol=0.15)


def test_the_coefficients_are_those_of_statsmodels() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(10.0, 3.0, 300), "kind": rng.choice(["a", "b"], 300)})
    frame["y"] = rng.poisson(np.exp(0.1 * frame["size"]))
    data = split_table(frame, "poisson", "y", test_fraction=0.0, validation_fraction=0.0)
    lbfgs = partial(torch.optim.LBFGS, max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-7)
    module = LikelihoodModule.for_data(data, "poisson", "linear", lbfgs)
    fit(module, data, batch_size=None, max_epochs=3, precision="64-true")
    header, rows = coefficient_table(module, data.train)
    assert header == ["parameter (link)", "term", "coefficient", "95% interval"]
    inputs = sm.add_constant(np.stack([frame["size"], frame["kind"] == "b"], 1).astype(float))
    theirs = sm.GLM(frame["y"], inputs, family=sm.families.Poisson()).fit()
    assert [row[:2] for row in rows] == [["rate (log)", term] for term in ("intercept", "size", "kind=b")]
    ours = [float(row[2].replace("−", "-")) for row in rows]
    np.testing.assert_allclose(ours, theirs.params, rtol=6e-3)
    ends = [[float(end.replace("−", "-")) for end in row[3].split(" to ")] for row in rows]
    np.testing.assert_allclose(ends, theirs.conf_int(), rtol=2e-2)


DATES = pd.Series(pd.to_datetime(["2021-03-01", "2023-07-15 12:30", None, "2020-01-01"], format="ISO8601"), name="day")
COLUMNS = [
    pd.Series([1.5, -2.0, np.nan, 7.25], name="number"),
    pd.Series(["b", "a", None, "b"], name="label"),
    pd.Series([True, False, True, True], name="flag"),
    DATES,
]


@pytest.mark.parametrize("series", COLUMNS, ids=lambda series: series.name)
def test_cells_come_back_from_x(series: pd.Series) -> None:
    column = fit_column(series, table_defaults())
    decoded = column.decode(column.encode(series, ignore_unseen=False))
    assert decoded.isna().tolist() == series.isna().tolist()
    known = series.dropna()
    if pd.api.types.is_datetime64_any_dtype(series):
        assert (decoded[known.index] - known).abs().max() < pd.Timedelta(minutes=1)
    elif series.name == "number":
        np.testing.assert_allclose(decoded[known.index], known, rtol=1e-6)
    else:
        assert decoded[known.index].tolist() == [str(value) for value in known]
