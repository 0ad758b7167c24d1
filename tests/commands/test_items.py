"""Runs on items with features from the command line: a table of the user's, arrays, ensembles, and new rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from likelihead.data.sources.synthetic import make

SOON = ("trainer.max_epochs=2", "strategy=cpu", "architecture.width=8", "hydra.run.dir=run")
WORDS = (
    *("distribution=plackett_luce_partial", "architecture=set", "data=table", "data.path=races.csv"),
    *("data.items=[form,weight,stamina,style]", "data.target=place"),
)


@pytest.fixture
def table(in_folder: Path) -> pd.DataFrame:
    frame = make("horse_races", "plackett_luce_partial", 200, 0).frame
    frame.to_csv(in_folder / "races.csv", index=False)
    return frame


def test_a_table_of_races(table: pd.DataFrame, in_folder: Path, command: Callable[..., None]) -> None:
    command("train", *WORDS, *SOON, "report=true")
    report = (in_folder / "run" / "report.html").read_text()
    assert "rank (1 is best)" in report
    metrics = json.loads((in_folder / "run" / "metrics.json").read_text())
    command("evaluate", "checkpoint=run", "output=scores.json")
    assert json.loads((in_folder / "scores.json").read_text())["nll"] == pytest.approx(metrics["test"]["nll"], rel=1e-9)
    new = table.drop(columns=[f"place_{horse}" for horse in range(1, 8)]).head(20)
    new.to_csv(in_folder / "new.csv", index=False)
    command("predict", "checkpoint=run", "data.path=new.csv", "columns=[soft]", "output=predictions.csv")
    predictions = pd.read_csv(in_folder / "predictions.csv")
    assert "log_prob" not in predictions
    for row, order in enumerate(predictions["mode"]):
        started = {str(horse) for horse in range(1, 8) if not np.isnan(new[f"form_{horse}"][row])}
        assert set(order.split(">")) == started and len(order.split(">")) == len(started)


def test_the_order_of_the_columns_does_not_matter(
    table: pd.DataFrame, in_folder: Path, command: Callable[..., None]
) -> None:
    """New rows whose horses change places get the same logits, each horse its own."""
    command("train", *WORDS, *SOON)
    renamed = {f"{name}_{old}": f"{name}_{8 - old}" for name in ("form", "weight", "stamina", "style", "place")
               for old in range(1, 8)}  # fmt: skip
    table.rename(columns=renamed).to_csv(in_folder / "swapped.csv", index=False)
    for path in ("races", "swapped"):
        command("predict", "checkpoint=run", f"data.path={path}.csv", f"output={path}_out.csv")
    first, second = (pd.read_csv(in_folder / f"{path}_out.csv") for path in ("races", "swapped"))
    for horse in range(1, 8):
        np.testing.assert_allclose(first[f"logits.{horse}"], second[f"logits.{8 - horse}"], atol=1e-5)
    np.testing.assert_allclose(first["log_prob"], second["log_prob"], atol=1e-5)


def test_a_choice_of_arrays(in_folder: Path, command: Callable[..., None]) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(300, 4, 2))
    np.savez(in_folder / "shops.npz", x=x, y=(x @ [3.0, -2.0] + generator.gumbel(size=(300, 4))).argmax(1))
    words = ["distribution=categorical", "architecture=set", "architecture.depth=0", "architecture.attention=0"]
    more = ["data=arrays", "data.path=shops.npz", "optimizer=lbfgs", "architecture.dropout=0", "report=true"]
    command("train", *words, *more, "hydra.run.dir=run")
    metrics = json.loads((in_folder / "run" / "metrics.json").read_text())
    assert metrics["marginal"]["nll"] == pytest.approx(np.log(4.0)) and metrics["test"]["nll"] < 0.8
    command("predict", "checkpoint=run", "output=predictions.csv")
    assert len(pd.read_csv(in_folder / "predictions.csv")) == metrics["test"]["n"]


PLACES = ",".join(f"place_{horse}" for horse in range(1, 8))
REFUSED = {
    "no items": (["data.items=null", f"data.target=[{PLACES}]", "data.ranking=ranks"], "data.items=[speed]"),
    "other family": (["distribution=normal", "data.target=soft"], "features for each item of a row"),
    "other network": (["architecture=linear"], "and set for items"),
    "wrong name": (["data.items=[speed]"], "has no columns speed_1, speed_2"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_told_in_a_sentence(
    case: str, table: pd.DataFrame, command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    words, message = REFUSED[case]
    with pytest.raises(SystemExit) as stopped:
        command("train", *WORDS, *words, "hydra.run.dir=run")
    assert stopped.value.code
    assert message in capsys.readouterr().err
