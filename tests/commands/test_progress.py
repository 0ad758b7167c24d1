"""What a run prints at once, at its end, and when Ctrl-C stops it."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands.runs import Command, epochs, metrics, words

pytestmark = pytest.mark.usefixtures("at_home")
START = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "sys.argv = ['likelihead', *sys.argv[1:]]\n"
    "from likelihead.commands import main; main()"
)


def test_what_is_printed_before_and_after_training(
    home: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["callbacks.early_stopping.patience=1", "callbacks.early_stopping.min_delta=1", "trainer.max_epochs=30"]
    command("train", *words("told", *given))
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert lines[0] == f"distribution=normal; writing to {home / 'told'}"
    assert lines[1] == "Training normal on rows.csv: 163 train, 29 validation, 48 test rows"
    assert "normal on rows.csv" in lines
    rows = epochs(home / "told")
    best = min(range(len(rows)), key=lambda row: float(rows[row]["validation/nll"]))
    assert 2 <= len(rows) < 30
    assert f"Best:    epoch {best + 1} of 30; stopped early after epoch {len(rows)}" in lines


def test_a_run_of_all_epochs_did_not_stop_early(
    home: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command("train", *words("all_epochs", "trainer.max_epochs=2"))
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("Best:"))
    assert line.endswith(" of 2")


def interrupt(folder: Path, environment: dict[str, str], wait_for: str, *given: str) -> tuple[int, str]:
    process = subprocess.Popen(
        [sys.executable, "-c", START, "train", *given],
        cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120.0
    while not (folder / wait_for).exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    return process.wait(120), str(process.communicate()[1]).strip()


def test_an_interrupted_run_says_how_to_resume_it(tmp_path: Path, environment: dict[str, str]) -> None:
    given = ["data.rows=300", "trainer.max_epochs=100000", "strategy=cpu", "callbacks.early_stopping=null"]
    given += ["hydra.run.dir=a run"]
    code, told = interrupt(tmp_path, environment, "a run/checkpoints/last.ckpt", *given)
    assert code == 130
    assert told == f"interrupted: likelihead train 'resume={tmp_path}/a run' continues this run"
    resume = shlex.split(told.removeprefix("interrupted: ").removesuffix(" continues this run"))
    more = [*resume[1:], "trainer.max_epochs=1"]
    subprocess.run([sys.executable, "-c", START, *more], env=environment, check=True, stdout=subprocess.DEVNULL)
    assert metrics(tmp_path / "a run")["test"]["n"] == 60


def test_an_interruption_before_training(tmp_path: Path, environment: dict[str, str]) -> None:
    code, told = interrupt(tmp_path, environment, "run/config.yaml", "data.rows=300000", "hydra.run.dir=run")
    assert code == 130
    assert told.startswith("interrupted: ") and "\n" not in told
