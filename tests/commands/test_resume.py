"""A run that is resumed, moved, or already finished."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from commands.runs import Command, epochs, words

pytestmark = pytest.mark.usefixtures("at_home")


def test_a_resumed_run_gives_the_uninterrupted_one(finished: Path, home: Path, command: Command) -> None:
    """Stopped after two of four epochs, dropout and all."""
    command("train", *words("half", "trainer.max_epochs=4", "trainer.max_steps=12"))
    assert len((home / "half" / "metrics.csv").read_text().splitlines()) == 1 + 2
    command("train", "resume=half", "trainer.max_steps=-1")
    assert (home / "half" / "metrics.json").read_text() == (finished / "metrics.json").read_text()
    assert (home / "half" / "metrics.csv").read_text() == (finished / "metrics.csv").read_text()


def test_a_resumed_run_stays_where_it_moved(finished: Path, home: Path, command: Command) -> None:
    shutil.copytree(finished, home / "moved")
    command("train", "resume=moved", "trainer.max_epochs=5")
    assert len((home / "moved" / "metrics.csv").read_text().splitlines()) == 1 + 5
    assert len((finished / "metrics.csv").read_text().splitlines()) == 1 + 4


def test_resuming_a_finished_run_changes_nothing(
    home: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that was stopped early, before its last epoch."""
    command(
        "train",
        *words(
            "stopped",
            "trainer.max_epochs=30",
            "callbacks.early_stopping.patience=1",
            "callbacks.early_stopping.min_delta=1",
        ),
    )
    assert len(epochs(home / "stopped")) < 30
    before = {path: path.read_bytes() for path in (home / "stopped").rglob("*") if path.is_file()}
    capsys.readouterr()
    command("train", "resume=stopped")
    after = {path: path.read_bytes() for path in (home / "stopped").rglob("*") if path.is_file()}
    assert [path.name for path in before if before[path] != after.get(path)] == []
    assert set(after) == set(before)
    assert "NLL per row" in capsys.readouterr().out
    command("train", "resume=stopped", "trainer.max_epochs=31", "callbacks.early_stopping=null")
    assert len(epochs(home / "stopped")) == 31
