"""Who may write to a directory: one run at a time, never over another one, and nothing stays of a refused one."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from likelihead import LikelihoodError
from likelihead.commands.directory_lock import LOCK, locked

ROOT = Path(__file__).resolve().parents[2]
Command = Callable[..., None]
QUICK = ["distribution=normal", "data.rows=200", "trainer.max_epochs=1", "strategy=cpu", "report=false"]
REFUSED = ["distribution=beta", "data=diabetes"]


def start(folder: Path, environment: dict[str, str], *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "train.py"), *words]
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def contents(folder: Path) -> dict[str, bytes | None]:
    paths = folder.rglob("*")
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in paths}


def refuse(command: Command, *words: str) -> None:
    with pytest.raises(SystemExit) as end:
        command("train", *words)
    assert end.value.code == 1


def test_a_refused_command_leaves_an_empty_directory(tmp_path: Path, environment: dict[str, str]) -> None:
    process = start(tmp_path, environment, *REFUSED)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "cannot be targets of Beta" in errors
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        [*REFUSED, "hydra.run.dir=deep/er/run"],
        [*REFUSED, "-m", "seed=1,2"],
        [*QUICK, "trainer.accelerator=abacus"],
        [*QUICK, "distribution.parameters.scale=predicte", "logger=tensorboard"],
        ["data=table", "data.path=none.csv", "data.target=y"],
    ],
    ids=["directory", "sweep", "trainer", "role", "file"],
)
def test_nothing_stays_of_a_refused_run(words: list[str], in_folder: Path, command: Command) -> None:
    refuse(command, *words)
    assert not list(in_folder.iterdir())


def test_a_directory_that_existed_stays_as_it_was(in_folder: Path, command: Command) -> None:
    for name in ("mine/notes/a.txt", "mine/config.yaml", "mine/.hydra/config.yaml", "outputs/a.txt"):
        (in_folder / name).parent.mkdir(parents=True, exist_ok=True)
        (in_folder / name).write_text("my own: 1\n", encoding="utf-8")
    before = contents(in_folder)
    refuse(command, *REFUSED, "hydra.run.dir=mine")
    refuse(command, *REFUSED)
    assert contents(in_folder) == before


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, command: Command) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        command("train", *QUICK, "hydra.run.dir=run")
    return folder / "run"


def test_a_refused_resume_leaves_the_run_as_it_was(finished: Path, in_folder: Path, command: Command) -> None:
    shutil.copytree(finished, in_folder / "run")
    before = contents(in_folder)
    refuse(command, "resume=run", "trainer.accelerator=abacus")
    refuse(command, "resume=run", "distribution=laplace")
    refuse(command, "resume=run", "logger=null")
    assert contents(in_folder) == before


def test_trained_trials_stay_when_a_later_one_is_refused(in_folder: Path, command: Command) -> None:
    quick = [word for word in QUICK if not word.startswith("data.rows")]
    refuse(command, "-m", *quick, "data.rows=200,0", "hydra.sweep.dir=sweep")
    assert (in_folder / "sweep" / "0" / "metrics.json").is_file()
    assert not (in_folder / "sweep" / "1").exists()


def one_of_two(folder: Path, environment: dict[str, str], first: list[str], second: list[str]) -> int:
    """Run two commands at the same moment; the number of the one that ran, the other having been refused."""
    processes = [start(folder, environment, *words) for words in (first, second)]
    errors = [process.communicate()[1] for process in processes]
    codes = [process.returncode for process in processes]
    assert sorted(codes) == [0, 1], errors
    sentence = errors[codes.index(1)].strip()
    assert re.fullmatch(r"error: another run is writing to '[^\n]*'[^\n]*", sentence), sentence
    return codes.index(0)


def test_of_two_runs_in_one_directory_one_is_refused(tmp_path: Path, environment: dict[str, str]) -> None:
    seeds = [[*QUICK, "hydra.run.dir=run", f"seed={seed}"] for seed in (3, 4)]
    seed = (3, 4)[one_of_two(tmp_path, environment, *seeds)]
    assert f"seed={seed}" in (tmp_path / "run" / ".hydra" / "overrides.yaml").read_text(encoding="utf-8")
    assert f"seed: {seed}\n" in (tmp_path / "run" / "config.yaml").read_text(encoding="utf-8")
    assert LOCK not in contents(tmp_path / "run")


def test_of_two_resumes_one_is_refused(finished: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    shutil.copytree(finished, tmp_path / "run")
    words = ["resume=run", "trainer.max_epochs=3"]
    one_of_two(tmp_path, environment, words, words)
    epochs = pd.read_csv(tmp_path / "run" / "metrics.csv")["epoch"]
    assert list(epochs) == [0, 1, 2]
    assert set(contents(tmp_path / "run")) == set(contents(finished))


def test_a_killed_run_leaves_its_directory_free(tmp_path: Path, environment: dict[str, str]) -> None:
    words = [*QUICK, "hydra.run.dir=run"]
    killed = start(tmp_path, environment, *words)
    deadline = time.monotonic() + 60.0
    while not (tmp_path / "run" / LOCK).exists():
        assert time.monotonic() < deadline
        time.sleep(0.001)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "run" / LOCK).exists()
    second = start(tmp_path, environment, *words)
    assert second.communicate()[1] == ""
    assert second.returncode == 0
    assert (tmp_path / "run" / "metrics.json").is_file()
    assert not (tmp_path / "run" / LOCK).exists()


def test_the_lock_excludes_and_leaves_no_file(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"
    with locked(directory):
        with (
            pytest.raises(LikelihoodError, match=r"another run is writing to '.*': wait until it has ended"),
            locked(directory),
        ):
            raise AssertionError
        assert (directory / LOCK).exists()
    assert not list(directory.iterdir())
    with locked(directory):
        assert (directory / LOCK).exists()


def test_a_path_that_cannot_be_a_directory(
    in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_folder / "file").write_text("mine", encoding="utf-8")
    refuse(command, *QUICK, "hydra.run.dir=file/run")
    assert "a run cannot write to 'file/run': Not a directory" in capsys.readouterr().err
    assert contents(in_folder) == {"file": b"mine"}


@pytest.mark.parametrize("variable", ["LOCAL_RANK", "RANK", "NODE_RANK", "SLURM_PROCID"])
def test_further_processes_of_a_run_share_its_directory(
    variable: str, monkeypatch: pytest.MonkeyPatch, in_folder: Path
) -> None:
    from likelihead.commands.directory_claim import claim

    words = [*QUICK, "hydra.run.dir=run"]
    with claim(words) as first:
        assert first == [*words, "hydra.run.dir='run'"]
        monkeypatch.setenv(variable, "1")
        with claim(words) as copied:
            assert copied == words
