"""Full disks, damaged files, lost data: each ends in a sentence or goes on, and what was saved loads."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from reliability import faults
from reliability.refusals import Command, refused

from likelihead import LikelihoodError, LikelihoodModule, fit, load
from likelihead.training.metrics_csv import MetricsCSV


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, command: Command) -> Path:
    """A run of three epochs, that may be resumed."""
    folder = tmp_path_factory.mktemp("whole")
    command("train", *faults.WORDS, f"hydra.run.dir={folder / 'run'}")
    return folder / "run"


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return faults.linear(tmp_path_factory.mktemp("linear"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can mount a small disk")
@pytest.mark.slow
@pytest.mark.parametrize("free", [300, 1100, 1500, 1700, 4000])
def test_a_full_disk(tmp_path: Path, free: int) -> None:
    assert faults.full_disk(tmp_path, free)


@pytest.mark.slow
@pytest.mark.parametrize("largest", [8, 100])
def test_a_limit_on_the_size_of_files(tmp_path: Path, largest: int) -> None:
    assert faults.limited_files(tmp_path, largest)


def test_metrics_that_cannot_be_written_get_a_sentence(tmp_path: Path) -> None:
    logger = MetricsCSV("/dev/full")
    logger.log_metrics({"validation/nll": 1.0, "epoch": 0}, step=1)
    with pytest.raises(LikelihoodError, match=r"metrics\.csv' cannot be written: "):
        logger.save()


@pytest.mark.parametrize("seed", range(30))
def test_flipped_bits(linear: Path, tmp_path: Path, seed: int) -> None:
    assert faults.flipped_bits(linear, tmp_path / "flipped.ckpt", seed)


@pytest.mark.parametrize("seed", range(60))
def test_changed_values(linear: Path, tmp_path: Path, seed: int) -> None:
    assert faults.changed_value(linear, tmp_path / "changed.ckpt", seed)


def test_the_best_checkpoint_stands_in_for_a_damaged_last_one(
    run: Path, tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "checkpoints" / "last.ckpt").write_bytes(b"PK")
    command("train", f"resume={tmp_path / 'run'}", "trainer.max_epochs=4")
    printed = capsys.readouterr().out
    assert "Resuming from best.ckpt, step" in printed and "last.ckpt' cannot be read as data" in printed
    assert pd.read_csv(tmp_path / "run" / "metrics.csv").epoch.tolist() == [0, 1, 2, 3]


def test_a_run_without_a_whole_checkpoint_is_not_resumed(
    run: Path, tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path / "run")
    for file in (tmp_path / "run" / "checkpoints").glob("*.ckpt"):
        file.write_bytes(file.read_bytes()[:1000])
    error = refused(command, capsys, "train", f"resume={tmp_path / 'run'}", "trainer.max_epochs=4")
    assert "has no checkpoint to resume from" in error


def test_state_that_is_not_that_of_the_run_gets_a_sentence(
    run: Path, tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path / "run")
    for file in (tmp_path / "run" / "checkpoints").glob("*.ckpt"):
        contents = torch.load(file, weights_only=True)
        contents["optimizer_states"] = [{"state": 7}]
        torch.save(contents, file)
    error = refused(command, capsys, "train", f"resume={tmp_path / 'run'}", "trainer.max_epochs=4")
    assert "whose state is damaged or not that of this run" in error


def test_a_batch_that_is_not_finite_is_named_and_the_checkpoint_before_it_loads(tmp_path: Path) -> None:
    x, y = torch.rand(60, 2), torch.rand(60)
    module = LikelihoodModule.for_data((x, y), "normal", "linear")
    fit(module, (x, y), max_epochs=2, directory=tmp_path)
    x[13] = torch.nan
    again = LikelihoodModule.for_data((x, y), "normal", "linear")
    with pytest.raises(LikelihoodError, match=r"the train loss is not finite: rows \[\d+\] of the batch, with targets"):
        fit(again, (x, y), max_epochs=4, directory=tmp_path, resume=tmp_path / "checkpoints" / "last.ckpt")
    assert load(tmp_path).head.name == "Normal"


def test_a_lost_table_gets_a_sentence(tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.DataFrame({"x": range(60), "y": [float(value % 7) for value in range(60)]})
    table.to_csv(tmp_path / "rows.csv", index=False)
    words = ["data=table", f"data.path={tmp_path / 'rows.csv'}", "data.target=y", *faults.WORDS]
    words = [word for word in words if not word.startswith("data.rows")]
    command("train", *words, f"hydra.run.dir={tmp_path / 'run'}")
    (tmp_path / "rows.csv").unlink()
    assert "there is no file" in refused(command, capsys, "train", f"resume={tmp_path / 'run'}", "trainer.max_epochs=4")
    output = f"output={tmp_path / 'predicted.csv'}"
    assert "there is no file" in refused(command, capsys, "predict", f"checkpoint={tmp_path / 'run'}", output)
    assert load(tmp_path / "run").head.name == "Normal"


@pytest.mark.parametrize("words", [["evaluate"], ["predict"]])
def test_no_output_replaces_a_checkpoint(
    run: Path, command: Command, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    before = {file: file.read_bytes() for file in (run / "checkpoints").iterdir()}
    for name in before:
        refused(command, capsys, *words, f"checkpoint={run}", f"output={name}")
    assert {file: file.read_bytes() for file in (run / "checkpoints").iterdir()} == before


def test_an_output_that_cannot_be_written_gets_a_sentence(
    run: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["evaluate", "output=/dev/null/scores.json"], ["predict", "output=/dev/null/rows.csv"]):
        assert "cannot be written" in refused(command, capsys, *words, f"checkpoint={run}")
    error = refused(command, capsys, "train", *faults.WORDS, "hydra.run.dir=/dev/null/run")
    assert "a run cannot write to" in error


@pytest.mark.parametrize("key", ["checkpoint", "resume", "hydra.run.dir", "data.path"])
def test_addresses_are_refused(command: Command, capsys: pytest.CaptureFixture[str], key: str) -> None:
    more = ["data=table", "data.target=y"] if key == "data.path" else []
    words = [word for word in faults.WORDS if not (more and word.startswith("data.rows"))]
    error = refused(command, capsys, "train", *words, *more, f"{key}=https://example.org/a.csv")
    assert "is an address" in error


def test_training_without_validation_batches_watches_the_training_nll(in_folder: Path, command: Command) -> None:
    command("train", *faults.WORDS, "trainer.limit_val_batches=0", "hydra.run.dir=run")
    written = torch.load(in_folder / "run" / "checkpoints" / "best.ckpt", weights_only=True)
    assert any("train/nll" in str(state.get("monitor")) for state in written["callbacks"].values())
