"""A table in a named encoding and a German spreadsheet's notation, from training to predictions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands.runs import Command, metrics

ROWS = 120


@pytest.fixture
def table(in_folder: Path) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    price, sold = rng.gamma(2.0, 2000.0, ROWS), rng.gamma(2.0, 1000.0, ROWS)
    german = str.maketrans({",": ".", ".": ","})
    frame = pd.DataFrame({"цена": [f"{value:,.2f} €".translate(german) for value in price]})
    frame["город"] = rng.choice(["Омск", "Москва"], ROWS)
    frame["скидка"] = rng.choice(["ja", "nein"], ROWS)
    frame["sold"] = [f"{value:,.2f}".translate(german) for value in sold]
    return frame.replace({"€": "EUR"}, regex=True)


def test_new_rows_are_read_as_the_training_rows_were(
    table: pd.DataFrame, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    table.to_csv("t.csv", sep=";", index=False, encoding="koi8-r")
    given = ["data=table", "data.path=t.csv", "data.target=sold", "data.encoding=koi8-r", "architecture=linear"]
    command("train", "distribution=gamma", *given, "trainer.max_epochs=1", "strategy=cpu", "hydra.run.dir=run")
    command("evaluate", "checkpoint=run", "output=scores.json")
    assert json.loads(Path("scores.json").read_text())["nll"] == metrics(Path("run"))["test"]["nll"]

    # Each row alone, in a file in which 1.234 could be any number, is predicted as among the others.
    command("predict", "checkpoint=run", "data.path=t.csv", "data.encoding=koi8-r", "output=all.csv")
    together = pd.read_csv("all.csv")
    for row in range(2):
        table.iloc[[row]].to_excel("one.xlsx", index=False)
        command("predict", "checkpoint=run", "data.path=one.xlsx", "output=one.csv")
        alone = pd.read_csv("one.csv").drop(columns="pit")
        pd.testing.assert_frame_equal(alone, together.iloc[[row]][alone.columns].reset_index(drop=True))

    capsys.readouterr()
    with pytest.raises(SystemExit):
        command("predict", "checkpoint=run", "data.path=t.csv", "output=other.csv")
    assert "there is no input column 'цена' in the table" in capsys.readouterr().err
