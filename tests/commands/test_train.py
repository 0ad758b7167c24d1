"""One small run from the command line to its files, and what evaluate and predict make of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from commands.runs import ROWS, Command, epochs, metrics, words
from scipy import stats

from likelihead import load
from likelihead.data import load_rows

pytestmark = pytest.mark.usefixtures("at_home")


def test_the_files_of_a_run(finished: Path) -> None:
    names = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    expected = {
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "metrics.csv",
        "metrics.json",
        "config.yaml",
        "splits.npz",
    }
    assert names == expected | {f".hydra/{name}.yaml" for name in ("config", "hydra", "overrides")}


def test_the_splits_deal_out_all_rows(finished: Path) -> None:
    rows = load_rows(finished / "splits.npz")
    found = metrics(finished)
    assert sorted(np.concatenate(list(rows.values()))) == list(range(ROWS))
    assert {name: len(numbers) for name, numbers in rows.items()} == {name: found[name]["n"] for name in rows}


def test_a_row_for_each_epoch(finished: Path) -> None:
    rows = epochs(finished)
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "3"]
    assert all(float(row["train/nll"]) and float(row["validation/nll"]) for row in rows)


def test_the_metrics_are_those_of_the_best_weights(finished: Path, home: Path) -> None:
    """The marginal fit and the NLL are computed again with scipy from the predicted parameters."""
    frame, rows = pd.read_csv(home / "rows.csv"), load_rows(finished / "splits.npz")
    found, module = metrics(finished), load(finished / "checkpoints" / "best.ckpt")
    train, test = frame.mass[rows["train"]], frame.mass[rows["test"]]
    marginal = -stats.norm(train.mean(), train.std(ddof=0)).logpdf(test).mean()
    assert found["marginal"]["nll"] == pytest.approx(marginal, rel=1e-5)
    assert found["test"]["nll"] < marginal
    assert "oracle" not in found
    assert module.head.family.name == "Normal"
    lowest = min(float(row["validation/nll"]) for row in epochs(finished))
    assert found["validation"]["nll"] == pytest.approx(lowest, rel=1e-5)


def test_predict_reproduces_the_metrics(finished: Path, home: Path, command: Command) -> None:
    for name in ("first.csv", "second.csv", "third.parquet"):
        command("predict", f"checkpoint={finished}/checkpoints/best.ckpt", "data.path=rows.csv", f"output={name}")
    assert (home / "first.csv").read_bytes() == (home / "second.csv").read_bytes()
    predicted, frame = pd.read_csv(home / "first.csv"), pd.read_csv(home / "rows.csv")
    pd.testing.assert_frame_equal(predicted, pd.read_parquet(home / "third.parquet"), check_exact=False, rtol=1e-14)
    assert list(predicted) == ["mean", "mode", "median", "q0.05", "q0.5", "q0.95", "loc", "scale", "log_prob", "pit"]
    law = stats.norm(predicted["loc"], predicted["scale"])
    np.testing.assert_allclose(predicted["log_prob"], law.logpdf(frame.mass), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(predicted["q0.05"], law.ppf(0.05), rtol=1e-9)
    np.testing.assert_allclose(predicted["pit"], law.cdf(frame.mass), atol=1e-6)
    for part, rows in load_rows(finished / "splits.npz").items():
        assert -predicted["log_prob"][rows].mean() == pytest.approx(metrics(finished)[part]["nll"], rel=1e-9)


def test_rows_without_a_target_are_predicted(finished: Path, home: Path, command: Command) -> None:
    pd.read_csv(home / "rows.csv")[["kind", "size"]].head(7).to_csv(home / "new.csv", index=False)
    command(
        "predict", f"checkpoint={finished}/checkpoints/best.ckpt", "data.path=new.csv", "output=sub/new.out.csv",
        "quantiles=[0.1]",
    )  # fmt: skip
    predicted = pd.read_csv(home / "sub" / "new.out.csv")
    assert list(predicted) == ["mean", "mode", "median", "q0.1", "loc", "scale"]
    assert len(predicted) == 7


def test_evaluate_reproduces_the_metrics(finished: Path, home: Path, command: Command) -> None:
    frame, rows = pd.read_csv(home / "rows.csv"), load_rows(finished / "splits.npz")
    frame.iloc[rows["test"]].to_csv(home / "test.csv", index=False)
    command("evaluate", f"checkpoint={finished}/checkpoints/best.ckpt", "data.path=test.csv", "output=scores.json")
    scores, told = json.loads((home / "scores.json").read_text(encoding="utf-8")), metrics(finished)
    assert scores["n"] == told["test"]["n"]
    assert scores["nll"] == pytest.approx(told["test"]["nll"], rel=1e-12)
    assert scores["marginal"]["nll"] == pytest.approx(told["marginal"]["nll"], rel=1e-12)
    assert 0 < scores["standard_errors"]["nll"] < 1


def test_the_same_command_twice_gives_the_same_numbers(finished: Path, home: Path, command: Command) -> None:
    command("train", *words("again", "trainer.max_epochs=4"))
    assert (home / "again" / "metrics.json").read_text() == (finished / "metrics.json").read_text()
    assert (home / "again" / "metrics.csv").read_text() == (finished / "metrics.csv").read_text()


def test_nothing_held_out(home: Path, command: Command) -> None:
    command("train", *words("all", "trainer.max_epochs=1", "data.test_fraction=0", "data.validation_fraction=0"))
    found = metrics(home / "all")
    assert found["train"]["n"] == ROWS
    assert found["validation"] == found["test"] == {"n": 0, "nll": None}
    assert found["marginal"]["nll"] > found["train"]["nll"]


def test_a_generalised_linear_model_reaches_least_squares(home: Path, command: Command) -> None:
    """With a learned scale the maximum of the likelihood is known: ordinary least squares."""
    given = ["distribution.parameters.scale=learned", "data.test_fraction=0", "experiment=glm"]
    command("train", *(word for word in words("glm", *given) if "batch_size" not in word))
    frame = pd.read_csv(home / "rows.csv")
    design = np.stack([np.ones(ROWS), frame["size"], frame["kind"] == "a"], axis=1)
    residual = frame.mass - design @ np.linalg.lstsq(design, frame.mass, rcond=None)[0]
    best = 0.5 * np.log(2 * np.pi * np.mean(residual**2)) + 0.5
    assert metrics(home / "glm")["train"]["nll"] == pytest.approx(best, rel=1e-6)


def test_a_sweep_returns_the_validation_nll(home: Path, command: Command) -> None:
    given = [word for word in words("x", "trainer.max_epochs=1") if not word.startswith(("hydra.run", "distribution"))]
    command("train", "-m", *given, "distribution=normal,laplace", "hydra.sweep.dir=sweep")
    assert metrics(home / "sweep" / "0")["test"]["nll"] != metrics(home / "sweep" / "1")["test"]["nll"]


def test_compare_orders_families_on_the_same_rows(
    home: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word for word in words("x", "trainer.max_epochs=1") if not word.startswith(("hydra.run", "distribution"))]
    given = [word.replace("mass", "visits") for word in given]
    with pytest.raises(SystemExit) as end:
        command("compare", *given, "distribution=normal,poisson,beta", "hydra.sweep.dir=compared")
    assert end.value.code == 1
    found = pd.read_csv(home / "compared" / "comparison.csv")
    assert list(found.distribution[:2]) == ["poisson", "normal"] or list(found.distribution[:2]) == [
        "normal",
        "poisson",
    ]
    assert list(found.nll[:2]) == sorted(found.nll[:2])
    assert "cannot be targets of Beta" in found.failure[2]
    printed = capsys.readouterr()
    assert "different scales" in printed.out
    assert "error: 1 of 3 families could not be trained: beta" in printed.err
    assert list(found.discrete[:2]) == [name == "poisson" for name in found.distribution[:2]]
    splits = [load_rows(home / "compared" / name / "splits.npz")["test"] for name in ("normal", "poisson")]
    np.testing.assert_array_equal(*splits)


def test_training_starts_from_given_weights(finished: Path, home: Path, command: Command) -> None:
    command("train", *words("warm", "trainer.max_epochs=1", f"checkpoint={finished}/checkpoints/best.ckpt"))
    assert metrics(home / "warm")["test"]["nll"] < metrics(finished)["marginal"]["nll"]
    assert metrics(home / "warm")["marginal"]["nll"] == metrics(finished)["marginal"]["nll"]


def test_training_without_early_stopping_and_averaging(home: Path, command: Command) -> None:
    off = ["callbacks.early_stopping=null", "callbacks.averaging=null"]
    command("train", *words("plain", "trainer.max_epochs=2", *off))
    assert [row["epoch"] for row in epochs(home / "plain")] == ["0", "1"]
    # The averaged weights, which a checkpoint keeps beside the current ones, are gone.
    states = [torch.load(home / run / "checkpoints" / "last.ckpt", weights_only=True) for run in ("plain", "run")]
    assert ["averaging_state" in state for state in states] == [False, True]


def test_training_without_callbacks_and_logger(home: Path, command: Command) -> None:
    command("train", *words("bare", "trainer.max_epochs=1", "callbacks=null", "logger=null"))
    assert metrics(home / "bare")["test"]["n"] == 48
    assert not (home / "bare" / "metrics.csv").exists()


def test_a_refitted_run_is_evaluated_and_resumed_as_it_ended(
    home: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = ("trainer.max_epochs=3", "data.test_fraction=0.1", "data.validation_fraction=0.05")
    command("train", *words("first", *parts, "refit=false"))
    command("train", *words("refitted", *parts))
    assert "Refit:   on all 216 training and validation rows" in capsys.readouterr().out
    first, refitted = metrics(home / "first"), metrics(home / "refitted")
    assert refitted["validation"] == first["validation"]
    assert refitted["test"]["nll"] != first["test"]["nll"]
    assert sorted(path.name for path in (home / "refitted" / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]
    command("evaluate", "checkpoint=refitted", "output=refitted.json")
    scores = json.loads((home / "refitted.json").read_text(encoding="utf-8"))
    assert scores["nll"] == pytest.approx(refitted["test"]["nll"], rel=1e-12)
    command("train", "resume=refitted")
    assert metrics(home / "refitted") == refitted
