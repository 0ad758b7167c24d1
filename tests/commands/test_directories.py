"""The directory of a run in place of its checkpoint, and its test rows in place of a table."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands.runs import ROWS, Command, metrics, words

from likelihead import LikelihoodError, LikelihoodModule, fit, load
from likelihead.data import load_rows

pytestmark = pytest.mark.usefixtures("at_home")


def test_python_loads_a_run_and_predicts_what_the_command_writes(finished: Path, home: Path, command: Command) -> None:
    command("predict", f"checkpoint={finished}", "data.path=rows.csv", "output=whole.parquet", "quantiles=[0.2,0.8]")
    frame = pd.read_csv(home / "rows.csv")
    predicted = load(finished).predict(frame, quantiles=(0.2, 0.8))
    pd.testing.assert_frame_equal(predicted, pd.read_parquet(home / "whole.parquet"))
    assert load(str(finished)).extra == load(finished / "checkpoints" / "best.ckpt").extra


def test_predictions_keep_the_index_of_the_frame(finished: Path, home: Path) -> None:
    frame = pd.read_csv(home / "rows.csv").head(3).set_index(pd.Index(["a", "b", "c"]))
    assert load(finished).predict(frame).index.tolist() == ["a", "b", "c"]


def test_a_module_that_knows_no_table(tmp_path: Path) -> None:
    import torch

    x, y = torch.zeros(20, 2), torch.arange(20.0)
    fit(LikelihoodModule.for_data((x, y), "normal", "linear"), (x, y), directory=tmp_path, max_epochs=1)
    with pytest.raises(LikelihoodError, match=r"was not trained on a table .* module\(x\)"):
        load(tmp_path).predict(pd.DataFrame({"a": [1.0]}))
    with pytest.raises(LikelihoodError, match=r"load it with|likelihead\.load\(path\)"):
        LikelihoodModule.load_from_checkpoint(tmp_path / "checkpoints" / "best.ckpt")


def test_a_level_outside_the_unit_interval_in_python(finished: Path, home: Path) -> None:
    with pytest.raises(LikelihoodError, match="quantiles contains 5"):
        load(finished).predict(pd.read_csv(home / "rows.csv"), quantiles=(5,))


def test_training_starts_from_a_run(finished: Path, home: Path, command: Command) -> None:
    command("train", *words("from_run", "trainer.max_epochs=1", f"checkpoint={finished}"))
    assert metrics(home / "from_run")["test"]["nll"] < metrics(finished)["marginal"]["nll"]


def test_a_directory_without_a_run(home: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "empty").mkdir()
    with pytest.raises(SystemExit):
        command("predict", "checkpoint=empty", "output=x.csv")
    assert "name the directory of a run, or a file such as RUN/checkpoints/best.ckpt" in capsys.readouterr().err
    with pytest.raises(LikelihoodError, match="there is no checkpoint"):
        load(home / "empty")


def test_a_table_given_as_checkpoint(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command("predict", "checkpoint=rows.csv", "output=x.csv")
    assert "rows.csv' is a table, not a checkpoint: give the table as data.path=" in capsys.readouterr().err


def test_the_test_rows_of_a_run(finished: Path, home: Path, command: Command) -> None:
    command("predict", f"checkpoint={finished}", "output=test.csv", "columns=[visits,kind]")
    predicted, rows = pd.read_csv(home / "test.csv"), load_rows(finished / "splits.npz")["test"]
    frame = pd.read_csv(home / "rows.csv").iloc[rows].reset_index(drop=True)
    pd.testing.assert_frame_equal(predicted[["visits", "kind"]], frame[["visits", "kind"]])
    assert -predicted.log_prob.mean() == pytest.approx(metrics(finished)["test"]["nll"], rel=1e-9)
    command("evaluate", f"checkpoint={finished}", "output=test.json")
    assert json.loads((home / "test.json").read_text())["nll"] == pytest.approx(metrics(finished)["test"]["nll"])


DATA = {
    "synthetic": ["distribution=gaussian_mixture", "data.rows=200"],
    "any": ["distribution=any", "distribution.family=pyro.distributions.Gumbel", "data.rows=200"],
    "bundled": ["distribution=normal", "data=diabetes"],
    "second file": ["data=table", "data.path=rows.csv", "data.test_path=second.csv", "data.target=mass"],
}


@pytest.mark.parametrize("name", DATA)
def test_the_printed_command_predicts(
    name: str, home: Path, tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    pd.read_csv(home / "rows.csv").head(50).to_csv(home / "second.csv", index=False)
    command("train", *DATA[name], "trainer.max_epochs=1", "strategy=cpu", f"hydra.run.dir={tmp_path}/a run")
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("Predict: "))
    given = [word for word in shlex.split(line.removeprefix("Predict: "))[1:] if not word.startswith("data.path=")]
    assert ("data.path=NEW.csv" in line) == (name == "second file")
    command(*given)
    predicted, test = pd.read_csv(home / "predictions.csv"), metrics(tmp_path / "a run")["test"]
    assert len(predicted) == test["n"]
    assert -predicted.log_prob.mean() == pytest.approx(test["nll"], rel=1e-5)
    if name == "second file":
        assert test["n"] == 50


def test_rows_of_a_table_that_shrank(home: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.read_csv(home / "rows.csv")
    frame.to_csv(home / "shrinking.csv", index=False)
    given = [word.replace("rows.csv", "shrinking.csv") for word in words("shrunk", "trainer.max_epochs=1")]
    command("train", *given)
    frame.head(10).to_csv(home / "shrinking.csv", index=False)
    with pytest.raises(SystemExit):
        command("predict", "checkpoint=shrunk", "output=x.csv")
    assert "has lost rows since: give data.path=FILE" in capsys.readouterr().err


def test_a_run_without_test_rows(home: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    command("train", *words("untested", "trainer.max_epochs=1", "data.test_fraction=0"))
    with pytest.raises(SystemExit):
        command("predict", "checkpoint=untested", "output=x.csv")
    assert "held out no test rows: give data.path=FILE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [("[nothing]", "there is no output column 'nothing'"), ("[mean]", "columns names 'mean'")],
    ids=["missing", "taken"],
)
def test_columns_that_cannot_be_written(
    columns: str, sentence: str, finished: Path, home: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    pd.read_csv(home / "rows.csv").assign(mean=1.0).to_csv(home / "mean.csv", index=False)
    with pytest.raises(SystemExit):
        command("predict", f"checkpoint={finished}", "data.path=mean.csv", "output=x.csv", f"columns={columns}")
    assert sentence in capsys.readouterr().err


def test_one_row_is_counted_as_one(
    finished: Path, home: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    pd.read_csv(home / "rows.csv").head(1).to_csv(home / "one.csv", index=False)
    for name in ("predict", "evaluate"):
        command(name, f"checkpoint={finished}", "data.path=one.csv", f"output=one.{name}.csv")
        assert "1 row of one.csv" in capsys.readouterr().out
    assert np.isfinite(pd.read_csv(home / "one.predict.csv")["mean"]).all()
    assert ROWS == 240
