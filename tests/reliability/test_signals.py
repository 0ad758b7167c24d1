"""SIGTERM and Ctrl-C: the state is saved, the exit status says so, and no process stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from likelihead.training.checkpoint import read

ROOT = Path(__file__).resolve().parents[2]
WORDS = ["data.rows=300", "trainer.accelerator=cpu", "trainer.devices=1", "callbacks.early_stopping=null"]
LONG = "trainer.max_epochs=100000"
Started = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def started(in_folder: Path, environment: dict[str, str]) -> Iterator[Started]:
    """Start `likelihead <words>` in a process of its own."""
    processes: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "likelihead", *words]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        processes.append(subprocess.Popen(command, cwd=in_folder, env=environment, text=True, **streams))  # type: ignore[call-overload]
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    for _ in range(1200):
        if file.is_file() and file.stat().st_size:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    raise AssertionError(f"{file} was not written")


def children(process: subprocess.Popen[str]) -> list[int]:
    return [int(number) for number in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def is_running(number: int) -> bool:
    status = Path(f"/proc/{number}/stat")
    return status.is_file() and status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [
        (signal.SIGTERM, 143, "terminated"),
        pytest.param(signal.SIGINT, 130, "interrupted", marks=pytest.mark.slow),
    ],
)
def test_a_run_is_saved_and_says_how_to_go_on(
    started: Started, in_folder: Path, number: int, status: int, word: str
) -> None:
    process = started("train", *WORDS, LONG, "hydra.run.dir=run")
    wait_for(in_folder / "run" / "metrics.csv", process)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == status
    assert error.strip() == f"{word}: likelihead train resume={in_folder / 'run'} continues this run"
    steps = read(in_folder / "run" / "checkpoints" / "last.ckpt")["global_step"]
    logged = pd.read_csv(in_folder / "run" / "metrics.csv").step.iloc[-1]
    assert steps > logged


def test_a_signal_before_training_ends_at_once(started: Started, in_folder: Path) -> None:
    process = started("train", *WORDS, LONG, "hydra.run.dir=run")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 143
    assert error.startswith("terminated: no epoch had ended")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "table"),
    [
        (["train", "-m", "distribution=normal,laplace"], "sweep.csv"),
        (["compare", "distribution=normal,laplace", "data=diabetes"], "comparison.csv"),
    ],
)
def test_a_sweep_stops_as_a_whole_and_keeps_what_is_finished(
    started: Started, in_folder: Path, words: list[str], table: str
) -> None:
    process = started(*words, *WORDS[1:3], "trainer.max_epochs=60", "hydra.sweep.dir=all")
    second = in_folder / "all" / ("1" if words[0] == "train" else "laplace")
    wait_for(second / "metrics.csv", process)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 143
    assert f"terminated: likelihead train resume={second} continues this run" in error
    written = pd.read_csv(in_folder / "all" / table).set_index("distribution")
    assert written.validation_nll.notna().to_dict() == {"normal": True, "laplace": False}


@pytest.mark.slow
def test_every_process_of_a_run_stops_at_the_same_step(started: Started, in_folder: Path) -> None:
    words = ["strategy=ddp", "trainer.devices=2", "hydra.run.dir=run"]
    process = started("train", WORDS[0], WORDS[1], WORDS[3], LONG, *words)
    wait_for(in_folder / "run" / "metrics.csv", process)
    others = children(process)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 143
    assert error.strip() == f"terminated: likelihead train resume={in_folder / 'run'} continues this run"
    assert others and not any(map(is_running, others))
    assert read(in_folder / "run" / "checkpoints" / "last.ckpt")["global_step"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("dead", ["the first", "another"])
def test_a_dead_process_ends_the_others(started: Started, in_folder: Path, dead: str) -> None:
    words = ["strategy=ddp", "trainer.devices=2", "hydra.run.dir=run"]
    process = started("train", WORDS[0], WORDS[1], WORDS[3], LONG, *words)
    wait_for(in_folder / "run" / "metrics.csv", process)
    (other,) = children(process)
    (process.kill if dead == "the first" else lambda: os.kill(other, signal.SIGKILL))()
    _, error = process.communicate(timeout=60)
    assert process.returncode == (-9 if dead == "the first" else 1)
    assert "of this run has ended" in error and "Traceback" not in error
    for _ in range(100):
        if not is_running(other):
            break
        time.sleep(0.1)
    assert not is_running(other)
    assert read(in_folder / "run" / "checkpoints" / "last.ckpt")["global_step"] > 0


@pytest.mark.slow
def test_a_process_that_dies_at_once_ends_the_first_with_a_sentence(started: Started, in_folder: Path) -> None:
    """It is killed while the first one waits for it, before Lightning looks for the first time."""
    process = started("train", *WORDS[:2], LONG, "strategy=ddp", "trainer.devices=2", "hydra.run.dir=run")
    while process.poll() is None and not children(process):
        time.sleep(0.01)
    os.kill(children(process)[0], signal.SIGKILL)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "another process of this run has ended" in error and "Traceback" not in error
