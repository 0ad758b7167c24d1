"""Runs in processes of their own: what several devices share, and what a user sees on the terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORDS = [
    *("distribution=normal", "data.rows=601", "trainer.max_epochs=2", "optimizer=sgd", "trainer.accelerator=cpu"),
    "report=false",
]


def train(folder: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "train.py"), *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def metrics(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("more", [[], ["ensemble=3"]], ids=["one network", "ensemble"])
def test_two_processes_equal_one(tmp_path: Path, environment: dict[str, str], more: list[str]) -> None:
    """601 rows leave batches that do not divide by two; dropout falls on the same units."""
    one = train(tmp_path, environment, *WORDS, "data.batch_size=64", "hydra.run.dir=one", *more)
    assert one.returncode == 0, one.stderr
    shared = ["data.batch_size=32", "strategy=ddp", "trainer.devices=2", "hydra.run.dir=two", *more]
    two = train(tmp_path, environment, *WORDS, *shared)
    assert two.returncode == 0, two.stderr
    assert sum("Files:" in line for line in two.stdout.splitlines()) == 1
    for part in ("train", "validation", "test"):
        alone, both = metrics(tmp_path / "one")[part], metrics(tmp_path / "two")[part]
        assert both["n"] == alone["n"]
        assert both["nll"] == pytest.approx(alone["nll"], abs=1e-4)


def test_a_mistake_leaves_no_traceback_and_no_run(tmp_path: Path, environment: dict[str, str]) -> None:
    done = train(tmp_path, environment, "distribution=poison")
    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no distribution=poison: did you mean 'poisson'?")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_unknown_command(tmp_path: Path, environment: dict[str, str]) -> None:
    script = "import sys; sys.argv = ['likelihead', 'trian']; from likelihead.commands import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "did you mean 'train'" in done.stderr
