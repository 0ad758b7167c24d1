"""What a run says at its end about numbers that mislead, and the words of its title."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from commands.runs import Command, metrics

from likelihead.commands.remarks import remarks
from likelihead.evaluation import Evaluation

QUICK = ["trainer.max_epochs=1", "strategy=cpu", "hydra.run.dir=run"]


def noise(path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 12)), columns=[f"x{index}" for index in range(12)])
    frame.assign(y=rng.normal(size=60)).to_csv(path, index=False)


def notes(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("Note: ")]


def test_a_model_worse_than_the_marginal_fit(
    in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    noise(in_folder / "noise.csv")
    words = ["data=table", "data.path=noise.csv", "data.target=y", "experiment=glm"]
    command("train", *words, *(word for word in QUICK if "epochs" not in word))
    assert metrics(in_folder / "run")["test"]["nll"] > metrics(in_folder / "run")["marginal"]["nll"]
    said = notes(capsys.readouterr().out)
    assert len(said) == 1
    assert "on the test rows the trained model is worse than the marginal fit" in said[0]


def test_a_table_without_inputs(in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    noise(in_folder / "noise.csv")
    pd.read_csv(in_folder / "noise.csv")[["y"]].to_csv(in_folder / "bare.csv", index=False)
    command("train", "data=table", "data.path=bare.csv", "data.target=y", "architecture=linear", *QUICK)
    assert "Note: the table has no input column" in notes(capsys.readouterr().out)[0]


def test_without_inputs_it_is_not_said_that_they_say_little() -> None:
    evaluations = {"test": Evaluation(10, {"nll": 2.0}, marginal=1.9)}
    for columns, said in (([], "the table has no input column"), ([{"name": "x"}], "worse than the marginal fit")):
        module: Any = SimpleNamespace(extra={"table": {"columns": columns}}, head=None)
        (note,) = remarks(module, evaluations)
        assert said in note


def test_a_fixed_scale(in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    command("train", "experiment=least_squares", "data.rows=200", *QUICK)
    assert "the scale is fixed at 1.0" in notes(capsys.readouterr().out)[-1]


def test_nothing_is_said_where_nothing_is_odd(
    in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command("train", "data.rows=200", *QUICK)
    assert notes(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("words", "title"),
    [
        (["distribution=ordinal", "data=table", "data.path=ok.csv.gz", "data.target=y"], "ordinal on ok.csv.gz"),
        (["distribution=any", "distribution.family=pyro.distributions.Gumbel", "data=diabetes"], "Gumbel on diabetes"),
    ],
)
def test_a_title_in_the_words_of_the_user(
    words: list[str], title: str, in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    pd.DataFrame({"x": np.arange(60), "y": np.arange(60) // 20}).to_csv(in_folder / "ok.csv.gz", index=False)
    command("train", *words, *QUICK)
    assert title in capsys.readouterr().out.splitlines()
    command("evaluate", "checkpoint=run")
    distribution = title.split()[0]
    assert capsys.readouterr().out.startswith(f"{distribution}, ")
