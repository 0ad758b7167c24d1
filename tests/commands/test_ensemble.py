"""ensemble=K from the command line: train, evaluate, predict, compare, and the runs of a fixed split."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands.runs import Command, metrics, table, words

pytestmark = pytest.mark.usefixtures("in_folder")
FEW = ["trainer.max_epochs=3", "architecture.width=8"]


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(tmp_path / "rows.csv")
    monkeypatch.chdir(tmp_path)


def test_an_ensemble_is_trained_scored_and_predicted(command: Command, tmp_path: Path) -> None:
    command("train", *words("run", "ensemble=3", *FEW))
    scores = metrics(tmp_path / "run")
    # Every row that is no test row was held out by one member.
    assert (scores["train"]["n"], scores["validation"]["n"], scores["test"]["n"]) == (192, 192, 48)
    command("predict", "checkpoint=run", "output=predictions.csv")
    predictions = pd.read_csv(tmp_path / "predictions.csv")
    assert -predictions["log_prob"].mean() == pytest.approx(scores["test"]["nll"], rel=1e-12)
    loc = predictions[["loc.1", "loc.2", "loc.3"]]
    np.testing.assert_allclose(predictions["mean"], loc.mean(axis=1), rtol=1e-9)
    command("evaluate", "checkpoint=run")
    held_out = pd.read_csv(tmp_path / "run" / "out_of_fold.csv")
    test = np.load(tmp_path / "run" / "splits.npz")["test"]
    assert sorted([*held_out["row"], *test]) == list(range(240))


def test_one_network_is_what_a_run_without_the_word_trains(command: Command, tmp_path: Path) -> None:
    command("train", *words("plain", *FEW))
    command("train", *words("one", "ensemble=1", *FEW))
    assert metrics(tmp_path / "plain") == metrics(tmp_path / "one")


def test_the_seed_of_the_data_fixes_what_each_member_holds_out(command: Command, tmp_path: Path) -> None:
    for seed in (1, 2):
        command("train", *words(str(seed), "ensemble=2", f"seed={seed}", "data.seed=0", *FEW))
    first, second = (pd.read_csv(tmp_path / str(seed) / "out_of_fold.csv") for seed in (1, 2))
    assert first[["row", "member"]].equals(second[["row", "member"]])
    assert not np.allclose(first["loc"], second["loc"])


def test_families_are_compared_as_ensembles(command: Command, tmp_path: Path) -> None:
    command("compare", *words("run", "ensemble=2", *FEW)[1:-5], "distribution=normal,laplace", "ensemble=2", *FEW,
            "hydra.sweep.dir=both")  # fmt: skip
    for name in ("normal", "laplace"):
        assert json.loads((tmp_path / "both" / name / "metrics.json").read_text())["validation"]["n"] == 192


def test_joint_targets_with_empty_cells_are_scored_and_predicted(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.read_csv("rows.csv")
    frame.loc[::3, "visits"] = None
    frame.to_csv("rows.csv", index=False)
    families = "distribution.families={mass: normal, visits: poisson}"
    command("train", *words("joint", "distribution=joint", families, "data.target=[mass,visits]", "ensemble=3", *FEW))
    scores = metrics(tmp_path / "joint")
    command("report", "checkpoint=joint")
    assert (tmp_path / "joint" / "report.html").is_file()
    command("evaluate", "checkpoint=joint", "output=scores.json")
    assert json.loads(Path("scores.json").read_text())["nll"] == scores["test"]["nll"]
    command("predict", "checkpoint=joint", "output=predictions.csv")
    predictions = pd.read_csv("predictions.csv")
    assert -predictions["log_prob"].mean() == pytest.approx(scores["test"]["nll"], rel=1e-12)
    assert -predictions["visits.log_prob"].mean() == pytest.approx(scores["test"]["visits.nll"], rel=1e-12)
    test = np.load(tmp_path / "joint" / "splits.npz")["test"]
    assert predictions["visits.log_prob"].isna().sum() == (test % 3 == 0).sum() > 0
    command("train", *words("other", "distribution=joint", families, "data.target=[mass,visits]", *FEW))
    command("compare", "runs=[joint,other]", "output=comparison.csv")
    kept = pd.read_csv("comparison.csv").set_index("run")
    assert kept.loc["joint", "nll"] == pytest.approx(scores["test"]["nll"], rel=1e-6)


@pytest.mark.parametrize("bad", ["0", "two", "1.5", "true"])
def test_a_wrong_number_of_members_is_refused(
    command: Command, tmp_path: Path, bad: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command("train", *words("run", f"ensemble={bad}", *FEW))
    assert "ensemble is" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_an_ensemble_says_so(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command("train", *words("run", "ensemble=2", "architecture=linear", "optimizer=lbfgs", "data.batch_size=null"))
    assert "LBFGS steps for all members at once" in capsys.readouterr().err
