"""data.folds: a run for each fold and one summary; and the test rows of every split, read again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import runs
from commands.runs import Command, metrics, words

from likelihead.data import load_rows

pytestmark = pytest.mark.usefixtures("at_home")


def test_each_row_is_tested_once_and_the_summary_agrees(
    home: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command("train", *words("folds", "data.folds=3", "trainer.max_epochs=1", "architecture=linear"))
    places = [home / "folds" / f"fold-{fold}" for fold in range(3)]
    tested = np.concatenate([load_rows(run / "splits.npz")["test"] for run in places])
    assert sorted(tested) == list(range(240))
    tests = pd.DataFrame([metrics(run)["test"] for run in places])
    summary = json.loads((home / "folds" / "folds.json").read_text())
    assert summary["scores"]["crps"]["mean"] == pytest.approx(tests.crps.mean())
    assert summary["scores"]["crps"]["standard_error"] == pytest.approx(tests.crps.sem())
    assert summary["pooled"]["nll"] == pytest.approx(np.average(tests.nll, weights=tests.n))
    assert summary["n"] == 240
    printed = capsys.readouterr().out
    assert f"each predicted by the run that did not see it: {summary['pooled']['nll']:.4f} (marginal" in printed
    command("evaluate", f"checkpoint={places[1]}", "output=fold.json")
    assert json.loads((home / "fold.json").read_text())["nll"] == metrics(places[1])["test"]["nll"]


def test_a_sweep_over_models_has_a_summary_for_each(home: Path, command: Command) -> None:
    given = [word for word in words("x", "data.folds=2", "trainer.max_epochs=1") if not word.startswith("hydra.run")]
    command("train", "-m", *given, "architecture=linear,shallow", "hydra.sweep.dir=models")
    summary = json.loads((home / "models" / "folds.json").read_text())
    assert len(summary) == 2 and all(scores["n"] == 240 for scores in summary.values())
    assert ["architecture=linear" in words for words in summary] == [True, False]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data.folds=abc"], "data.folds is 'abc'; it must be a whole number of at least 2"),
        (["data.folds=1"], "data.folds is 1; it must be a whole number of at least 2"),
        (["data.folds=300"], "240 rows cannot make data.folds=300: ask for fewer folds"),
        (["data.folds=2", "data.validation_fraction=0.999"], "240 rows leave none to train on after 120 test and 120"),
        (["data.folds=3", "data.group=kind"], "2 groups cannot make data.folds=3"),
        (["data.folds=2", "data.group=kind"], "240 rows leave none to train on"),
        (["data.folds=3", "data.features=[sise]"], "there is no input column 'sise'"),
        (["data.folds=3", "data.fold=3"], "data.fold is 3, which counts from 0"),
        (["data.folds=3", "data.test_path=rows.csv"], "leave out data.test_path"),
    ],
)
def test_folds_that_cannot_be_made(
    home: Path, command: Command, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command("train", *runs.words("refused", *words))
    written = capsys.readouterr()
    assert written.err.count("error: ") == 1 and message in written.err
    # No fold was begun.
    assert "data.fold=0" not in written.out
    assert not (home / "refused").exists()


@pytest.mark.parametrize("split", [["data.group=kind"], ["data.time=size", "data.features=[size,kind]"]])
def test_the_test_rows_of_a_split_are_found_again(home: Path, command: Command, split: list[str]) -> None:
    name = split[0].split("=")[0]
    command("train", *words(name, *split, "trainer.max_epochs=1", "data.validation_fraction=0"))
    command("evaluate", f"checkpoint={name}", f"output={name}.json")
    assert json.loads((home / f"{name}.json").read_text())["nll"] == metrics(home / name)["test"]["nll"]


def test_folds_that_were_stopped_are_continued_one_by_one(
    home: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first fold has ended, the second was stopped after two epochs, and the third was not begun."""
    given = ["data.folds=3", "trainer.max_epochs=4", "architecture=linear"]
    command("train", *words("stopped", *given))
    whole = {fold: (home / "stopped" / f"fold-{fold}" / "metrics.json").read_text() for fold in (1, 2)}
    shutil.rmtree(home / "stopped" / "fold-1")
    shutil.rmtree(home / "stopped" / "fold-2")
    command("train", *words("stopped/fold-1", *given, "data.fold=1", "trainer.max_steps=10"))
    (home / "stopped" / "fold-1" / "metrics.json").unlink()
    for again in (["resume=stopped"], words("stopped", *given)):
        capsys.readouterr()
        with pytest.raises(SystemExit):
            command("train", *again)
        assert "resume=stopped/fold-1 continues the one that was stopped" in capsys.readouterr().err
    command("train", "resume=stopped/fold-1", "trainer.max_steps=-1")
    command("train", *words("stopped/fold-2", *given, "data.fold=2"))
    for fold, text in whole.items():
        assert (home / "stopped" / f"fold-{fold}" / "metrics.json").read_text() == text
