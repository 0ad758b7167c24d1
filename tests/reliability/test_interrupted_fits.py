"""A run that a signal stops after any step, and that is resumed, is the uninterrupted one to the last bit."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reliability import faults
from reliability.interrupted_fits import LOADERS, MEMBERS, SCHEDULES, STEPS, KillAfter, differences, trained

from likelihead.training.checkpoint import read

Reference = Callable[[str, str, int], Path]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    runs: dict[tuple[str, str, int], Path] = {}

    def run(schedule: str, kind: str, accumulated: int) -> Path:
        key = (schedule, kind, accumulated)
        if key not in runs:
            runs[key] = tmp_path_factory.mktemp("whole")
            assert trained(runs[key], schedule, kind, accumulated)
        return runs[key]

    return run


def check(folder: Path, whole: Path, schedule: str, kind: str, accumulated: int, step: int) -> None:
    run = folder / str(step)
    assert not trained(run, schedule, kind, accumulated, stop=KillAfter(step))
    last = run / "checkpoints" / "last.ckpt"
    assert read(last)["global_step"] > 0
    assert trained(run, schedule, kind, accumulated, resume=last)
    assert differences(run, whole) == []


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("kind", "accumulated", "step"), [("tensors", 1, 7), ("tensors", 2, 10), ("loader", 1, 3)])
def test_stopped_and_resumed(
    tmp_path: Path, uninterrupted: Reference, schedule: str, kind: str, accumulated: int, step: int
) -> None:
    check(tmp_path, uninterrupted(schedule, kind, accumulated), schedule, kind, accumulated, step)


@pytest.mark.parametrize(("accumulated", "step"), [(1, 2), (1, 8), (1, 15), (2, 9)])
def test_an_ensemble_stopped_and_resumed(
    tmp_path: Path, ensembles: dict[int, Path], accumulated: int, step: int
) -> None:
    run, options = tmp_path / "run", {"accumulated": accumulated, "members": MEMBERS}
    assert not trained(run, "plateau", "tensors", stop=KillAfter(step), **options)
    assert trained(run, "plateau", "tensors", resume=run / "checkpoints" / "last.ckpt", **options)
    assert differences(run, ensembles[accumulated]) == []
    assert (run / "out_of_fold.csv").is_file()


@pytest.fixture(scope="module")
def ensembles(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Uninterrupted ensembles by the number of batches that are accumulated."""
    runs = {accumulated: tmp_path_factory.mktemp("ensemble") for accumulated in (1, 2)}
    for accumulated, run in runs.items():
        assert trained(run, "plateau", "tensors", accumulated, members=MEMBERS)
    return runs


def test_everything_together_stopped_and_resumed(tmp_path: Path) -> None:
    """Two processes with two workers each, shuffling, dropout, a schedule and early stopping, in mid-epoch."""
    options: dict[str, Any] = {"kind": "two workers"}
    whole = tmp_path / "whole"
    assert faults.run(faults.fit_in_a_process(whole, devices=2, **options)) == 0
    assert (whole / "metrics.csv").read_text().count("\n") == 1 + 3
    assert faults.stopped_on_two_processes(tmp_path, whole, 7, **options)


@pytest.mark.slow
@pytest.mark.parametrize("accumulated", [1, 2])
@pytest.mark.parametrize("kind", LOADERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_stopped_at_any_step(
    tmp_path: Path, uninterrupted: Reference, schedule: str, kind: str, accumulated: int
) -> None:
    for step in range(1, STEPS + 1):
        check(tmp_path, uninterrupted(schedule, kind, accumulated), schedule, kind, accumulated, step)


def test_ctrl_c_stops_as_sigterm_does(tmp_path: Path, uninterrupted: Reference) -> None:
    assert not trained(tmp_path, "plateau", "tensors", stop=KillAfter(6, signal.SIGINT))
    assert read(tmp_path / "checkpoints" / "last.ckpt")["global_step"] in (6, 7)
    assert trained(tmp_path, "plateau", "tensors", resume=tmp_path / "checkpoints" / "last.ckpt")
    assert differences(tmp_path, uninterrupted("plateau", "tensors", 1)) == []


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9, 1.0])
def test_metrics_that_were_cut_off_are_written_again(tmp_path: Path, uninterrupted: Reference, share: float) -> None:
    """After two epochs; the checkpoint holds the rows too."""
    whole = uninterrupted("plateau", "tensors", 1)
    assert not trained(tmp_path, "plateau", "tensors", stop=KillAfter(12))
    written = (tmp_path / "metrics.csv").read_bytes()
    assert written.count(b"\n") == 1 + 2
    (tmp_path / "metrics.csv").write_bytes(written[: int(share * len(written))])
    assert trained(tmp_path, "plateau", "tensors", resume=tmp_path / "checkpoints" / "last.ckpt")
    assert (tmp_path / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()


def test_early_stopping_counts_on(tmp_path: Path) -> None:
    """No epoch improves on the first by ten nats: training ends after two more, resumed or not."""
    stop = {"patience": 2, "min_delta": 10.0}
    assert trained(tmp_path / "whole", "none", "tensors", max_epochs=9, early_stopping=stop)
    assert (tmp_path / "whole" / "metrics.csv").read_text().count("\n") == 1 + 3
    assert not trained(tmp_path / "run", "none", "tensors", max_epochs=9, early_stopping=stop, stop=KillAfter(12))
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    assert trained(tmp_path / "run", "none", "tensors", max_epochs=9, early_stopping=stop, resume=last)
    assert differences(tmp_path / "run", tmp_path / "whole") == []
