"""likelihead compare: what is refused, what it says of families that fail, and its exit status."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

Command = Callable[..., None]
QUICK = ["data=diabetes", "trainer.max_epochs=1", "strategy=cpu"]


def compare(command: Command, *words: str) -> int:
    """The exit status of `likelihead compare`."""
    try:
        command("compare", *words)
    except SystemExit as end:
        assert isinstance(end.code, int)
        return end.code
    return 0


def test_all_families_succeed(in_folder: Path, command: Command) -> None:
    assert compare(command, *QUICK, "distribution=normal,poisson", "hydra.sweep.dir=both") == 0
    table = pd.read_csv(in_folder / "both" / "comparison.csv")
    columns = ["distribution", "part", "nll", "marginal_nll", "validation_nll", "discrete", "directory", "failure"]
    assert list(table) == columns
    assert dict(zip(table.distribution, table.discrete, strict=True)) == {"normal": False, "poisson": True}
    for name, directory in zip(table.distribution, table.directory, strict=True):
        assert Path(directory) == in_folder / "both" / name
    assert {path.name for path in (in_folder / "both").iterdir()} == {
        "comparison.csv", "multirun.yaml", "normal", "poisson",
    }  # fmt: skip


def test_some_families_fail(in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(command, *QUICK, "distribution=beta,normal", "hydra.sweep.dir=some") == 1
    printed = capsys.readouterr()
    assert "test NLL" in printed.out
    assert "beta: target column 'target': 442 of 442 rows cannot be targets of Beta" in printed.out
    assert printed.err.strip() == "error: 1 of 2 families could not be trained: beta"
    table = pd.read_csv(in_folder / "some" / "comparison.csv").set_index("distribution")
    reason = (in_folder / "some" / "beta" / "error.txt").read_text(encoding="utf-8").strip()
    assert table.failure["beta"] == reason
    assert not (in_folder / "some" / "normal" / "error.txt").exists()


def test_all_families_fail(in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(command, *QUICK, "distribution=beta,bernoulli", "hydra.sweep.dir=none") == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: none of the families could be trained: beta: target column 'target'")
    assert "; bernoulli: target column 'target'" in error
    assert not list(in_folder.iterdir())


def test_one_reason_is_said_once(in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(command, "distribution=normal,laplace", "trainer.max_epochs=1") == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: none of the families could be trained: each family would train on a synthetic set")
    assert error.count("synthetic") == 1
    assert not list(in_folder.iterdir())


WRONG = {
    "no list": (["distribution=normal"], "compare needs several families"),
    "twice": (["distribution=normal,laplace,normal"], "names a family twice"),
    "unknown": (["distribution=normal,laplas"], "did you mean 'laplace'"),
    "second list": (
        ["distribution=normal,laplace", "trainer.max_epochs=1,2"],
        "trainer.max_epochs=1,2: compare takes a list of distributions only",
    ),
    "second range": (["distribution=normal,laplace", "seed=range(3)"], "takes a list of distributions only"),
}


@pytest.mark.parametrize(("words", "sentence"), WRONG.values(), ids=WRONG)
def test_wrong_words(
    words: list[str], sentence: str, in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(command, "data=diabetes", *words) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ")
    assert sentence in error
    assert "\n" not in error
    assert not list(in_folder.iterdir())


def test_a_comparison_is_not_overwritten(in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    (in_folder / "old").mkdir()
    (in_folder / "old" / "comparison.csv").write_text("mine", encoding="utf-8")
    assert compare(command, *QUICK, "distribution=normal,laplace", "hydra.sweep.dir=old") == 1
    assert "already holds a comparison" in capsys.readouterr().err
    assert [path.name for path in in_folder.rglob("*")] == ["old", "comparison.csv"]


def test_the_task_can_be_sent_to_another_process(environment: dict[str, str], tmp_path: Path) -> None:
    """A launcher such as joblib's pickles the task; its results come back as files alone."""
    pytest.importorskip("cloudpickle")
    send = (
        "import cloudpickle, hydra, sys\n"
        "def catch(**_):\n    return lambda task: lambda: sys.stdout.buffer.write(cloudpickle.dumps(task))\n"
        "hydra.main = catch\n"
        "from likelihead.commands import command_line, compare\n"
        "command_line.start(compare.train_family, 'train', [])\n"
    )
    receive = (
        "import cloudpickle, sys\n"
        "from omegaconf import OmegaConf\n"
        "task = cloudpickle.loads(sys.stdin.buffer.read())\n"
        "from likelihead.commands import compare\n"
        "from pathlib import Path\n"
        "compare.output_directory = lambda: Path('.')\n"
        "task(OmegaConf.create({'data': {'kind': 'synthetic', 'name': None}}))\n"
        "assert OmegaConf.has_resolver('likelihead.times_rows')\n"
    )
    options = {"cwd": tmp_path, "env": environment, "check": True}
    pickled = subprocess.run([sys.executable, "-c", send], stdout=subprocess.PIPE, **options).stdout  # type: ignore[call-overload]
    subprocess.run([sys.executable, "-c", receive], input=pickled, **options)  # type: ignore[call-overload]
    assert "each family would train on a synthetic set" in (tmp_path / "error.txt").read_text(encoding="utf-8")
