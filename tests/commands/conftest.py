"""A folder with a table, and a finished run in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands.runs import Command, table, words


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    table(folder / "rows.csv")
    return folder


@pytest.fixture(scope="module")
def finished(home: Path, command: Command) -> Path:
    """A run of four epochs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        command("train", *words("run", "trainer.max_epochs=4"))
    return home / "run"


@pytest.fixture
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
