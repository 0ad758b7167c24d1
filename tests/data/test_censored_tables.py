"""Censored and truncated targets in tables: from columns to bounds, in training, scoring and prediction."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from likelihead import LikelihoodError, LikelihoodModule, TargetError, load
from likelihead.data import TableEncoder, encode_table, split_table

INF = float("inf")
WHOLE = {"test_fraction": 0, "validation_fraction": 0}


def table(n: int = 120) -> pd.DataFrame:
    """Waiting times that are observed, right-, left- and interval-censored by turns."""
    rng = np.random.default_rng(2)
    time = rng.weibull(1.5, n) * 4.0
    turn = np.arange(n) % 4
    return pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "time": np.where(turn == 0, time, np.nan),
            "low": np.select([turn == 1, turn == 3], [0.8 * time, 0.9 * time], np.nan),
            "high": np.select([turn == 2, turn == 3], [1.2 * time, 1.1 * time], np.nan),
        }
    )


def test_columns_become_bounds_and_no_inputs() -> None:
    frame = table()
    data = split_table(frame, "weibull", "time", lower="low", upper="high", **WHOLE)
    assert data.encoder is not None and data.encoder.names == ["x"]
    bounds = data.train.bounds
    assert bounds is not None
    known = frame.time.fillna(0.0).to_numpy()
    observed = frame.time.notna().to_numpy()
    expected = np.stack([frame.low.fillna(-INF), frame.high.fillna(INF)], 1)
    expected[observed] = known[observed, None]
    np.testing.assert_array_equal(bounds.numpy(), expected.astype(np.float32))
    y = data.train.y
    assert y is not None and bool(((y >= bounds[:, 0]) & (y <= bounds[:, 1]) & (y > 0)).all())
    again = TableEncoder.from_state(data.encoder.state())
    torch.testing.assert_close(encode_table(frame, again).bounds, bounds)


def test_two_equal_bounds_are_an_observation_and_the_target_column_may_be_absent() -> None:
    frame = table().query("time.notna()").assign(low=lambda f: f.time, high=lambda f: f.time)
    observed = split_table(frame[["x", "time"]], "gamma", "time", **WHOLE).train
    bounded = split_table(frame[["x", "low", "high"]], "gamma", "duration", lower="low", upper="high", **WHOLE).train
    torch.testing.assert_close(bounded.y, observed.y)
    assert bool((bounded.bounds[:, 0] == bounded.bounds[:, 1]).all())


def test_counts_and_levels_include_their_bounds() -> None:
    frame = pd.DataFrame(
        {"x": range(8), "n": [0, 1, 2, 3, None, None, 5, 1], "least": [None] * 4 + [4, 2] + [None] * 2}
    )
    data = split_table(frame, "poisson", "n", lower="least", **WHOLE)
    assert data.train.bounds is not None and data.train.bounds[4].tolist() == [4.0, INF]
    frame = pd.DataFrame(
        {"x": range(6), "grade": ["a", "b", "c", None, "a", "c"], "at_least": [None, None, None, "b", None, None]}
    )
    levels = split_table(frame, "ordinal", "grade", lower="at_least", levels=["a", "b", "c"], **WHOLE)
    assert levels.train.bounds is not None and levels.train.bounds[3].tolist() == [1.0, INF]


def test_rows_that_say_nothing_have_no_target() -> None:
    frame = table()
    frame.loc[5, ["time", "low", "high"]] = np.nan
    with pytest.raises(TargetError, match="missing"):
        split_table(frame, "weibull", "time", lower="low", upper="high")
    dropped = split_table(frame, "weibull", "time", lower="low", upper="high", missing_target="drop", **WHOLE)
    assert len(dropped.train) == len(frame) - 1 and 5 not in dropped.train.rows


@pytest.mark.parametrize(
    ("change", "options", "error", "text"),
    [
        ({"low": 1.0, "high": 0.5}, {}, TargetError, "lower bound above the upper one .*row 0: 1"),
        ({"time": 3.0, "low": 4.0}, {}, TargetError, "target outside its own bounds .*row 0: 3"),
        ({"time": np.nan, "high": -1.0}, {}, TargetError, "below 0"),
        ({}, {"lower": "lowest"}, LikelihoodError, "no bound column 'lowest'.*low"),
        ({}, {"lower": ["low", "high"]}, TargetError, "names 2 columns for 1 targets"),
        ({}, {"truncation_lower": 2.0}, TargetError, "lie outside data.truncation_lower"),
        ({}, {"features": ["x", "low"]}, LikelihoodError, "a bound: leave it out"),
    ],
)
def test_mistakes_are_named(
    change: dict[str, float], options: dict[str, object], error: type[Exception], text: str
) -> None:
    frame = table()
    for column, value in change.items():
        frame.loc[0, column] = value
    with pytest.raises(error, match=text):
        split_table(frame, "weibull", "time", **{"lower": "low", "upper": "high", **options})


def test_the_commands_train_score_and_predict_censored_rows(in_folder: Path, command: Callable[..., None]) -> None:
    frame = table().assign(entry=0.01)
    frame.to_csv("table.csv", index=False)
    words = ["data=table", "data.path=table.csv", "data.target=time", "data.lower=low", "data.upper=high"]
    words += ["data.truncation_lower=entry", "architecture=linear", "trainer.max_epochs=2", "strategy=cpu"]
    command("train", "distribution=weibull", *words, "hydra.run.dir=RUN")
    metrics = json.loads(Path("RUN/metrics.json").read_text())
    command("predict", "checkpoint=RUN", "output=test.csv")
    predicted = pd.read_csv("test.csv")
    np.testing.assert_allclose(-predicted.log_prob.mean(), metrics["test"]["nll"], rtol=1e-9)
    command("predict", "checkpoint=RUN", "data.path=table.csv", "output=all.csv")
    everything = pd.read_csv("all.csv")
    assert (everything.pit.notna() == frame.time.notna()).all() and everything.log_prob.notna().all()
    command("evaluate", "checkpoint=RUN", "data.path=table.csv", "output=scores.json")
    scores = json.loads(Path("scores.json").read_text())
    np.testing.assert_allclose(scores["nll"], -everything.log_prob.mean(), rtol=1e-9)
    frame[["x"]].to_csv("new.csv", index=False)
    command("predict", "checkpoint=RUN", "data.path=new.csv", "output=new_predictions.csv")
    assert "log_prob" not in pd.read_csv("new_predictions.csv")
    assert load("RUN").predict(frame[["x", "time"]]).log_prob.notna().sum() == frame.time.notna().sum()


def test_an_ensemble_learns_from_censored_rows(in_folder: Path) -> None:
    from likelihead import fit
    from likelihead.training.ensemble import Ensemble

    data = split_table(table(), "gamma", "time", lower="low", upper="high", test_fraction=0)
    ensemble = Ensemble.of(lambda: LikelihoodModule.for_data(data, "gamma", "linear"), members=2)
    outcome = fit(ensemble, data, max_epochs=2)
    assert outcome is not None
    batch = data.train[:]
    alone = ensemble.member(0).log_prob(batch)
    together = ensemble.member_log_prob(
        batch._replace(**{k: torch.stack([v, v]) for k, v in batch._asdict().items() if v is not None})
    )
    torch.testing.assert_close(together[0], alone, rtol=1e-5, atol=1e-5)
