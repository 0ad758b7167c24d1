"""data.describe=true prints the decisions about each column and trains nothing; a run keeps them."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands.runs import Command, words

from likelihead import load
from likelihead.data import TableEncoder

pytestmark = pytest.mark.usefixtures("at_home")


def test_the_columns_are_described_without_a_run(
    home: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(home.iterdir())
    command("train", *words("described", "data.describe=true"))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["column", "role", "type", "missing", "levels", "lowest", "highest", "inputs", "why"]
    assert lines[2] == ["kind", "input", "category", "0", "2", "2", "its", "cells", "are", "text"]
    assert [line[:3] for line in lines[3:5]] == [["mass", "target", "real"], ["amount", "left", "out"]]
    assert sorted(home.iterdir()) == before


def test_a_run_keeps_the_description(finished: Path) -> None:
    kept = TableEncoder.from_state(load(finished).extra["table"]).describe()
    assert kept.column.tolist() == ["size", "kind", "mass", "amount", "visits"]
    assert kept.role.tolist() == ["input", "input", "target", "left out", "left out"]
