"""A table as people have them, from training to predictions and a comparison, with no preparation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands.runs import Command

ROWS = 12_000


@pytest.fixture(scope="module")
def untidy() -> pd.DataFrame:
    """Holes, dates, a month, an identifier, 3,000 shops, and a target that is empty in some rows."""
    rng = np.random.default_rng(0)
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1400, ROWS), unit="D")
    frame = pd.DataFrame({"id": [f"order-{row}" for row in range(ROWS)], "day": day.strftime("%Y-%m-%d")})
    frame["month"] = day.month
    frame["shop"] = rng.integers(0, 3000, ROWS).astype(str) + " high street"
    frame["price"] = np.where(rng.random(ROWS) < 0.1, np.nan, rng.gamma(2.0, 3.0, ROWS))
    frame["sold"] = pd.array(rng.poisson(2 + day.month / 2 + frame.price.fillna(6) / 3), dtype="Int64")
    frame.loc[rng.random(ROWS) < 0.05, "sold"] = pd.NA
    return frame


def test_an_untidy_table_from_training_to_predictions(
    untidy: pd.DataFrame, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    untidy.to_csv("my sales (1).csv", sep=";", decimal=",", index=False)
    data = ["data=table", "data.path=my sales (1).csv", "data.target=sold", "data.ignore=[id]"]
    options = [*data, "data.missing_target=drop", "trainer.max_epochs=4", "strategy=cpu"]
    command("train", "distribution=negative_binomial", *options, "hydra.run.dir=run")
    metrics = json.loads(Path("run/metrics.json").read_text())
    assert metrics["test"]["nll"] < metrics["marginal"]["nll"]

    command("report", "run")
    page = Path("run/report.html").read_text(encoding="utf-8")
    for told in ("sold", "price", "shop", "my sales (1).csv", "Can it be believed?", "PIT"):
        assert told in page, told

    new = untidy.head(50).assign(shop="a shop that opened yesterday", month=[13, *untidy.month[1:50]])
    new.to_csv("new.csv", index=False)
    new_rows = ["checkpoint=run", "data.path=new.csv", "data.unseen=ignore"]
    command("predict", *new_rows, "columns=[id]", "output=predictions.csv")
    predictions = pd.read_csv("predictions.csv")
    assert predictions.id.tolist() == new.id.tolist()
    assert predictions["mean"].between(1, 30).all()
    assert predictions.log_prob.isna().tolist() == new.sold.isna().tolist()
    command("evaluate", *new_rows, "data.missing_target=drop")

    compared = ["distribution=poisson,negative_binomial", *options[:-2], "trainer.max_epochs=1", "strategy=cpu"]
    command("compare", *compared, "hydra.sweep.dir=compared")
    assert len(list(Path("compared").rglob("metrics.json"))) == 2
