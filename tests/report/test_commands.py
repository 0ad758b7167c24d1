"""The report at the end of a run, and `likelihead report`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from commands.runs import Command, metrics, table, words
from report.pages import blocks, parsed

from likelihead.commands import run_report

MY_DATA = """
import torch
from likelihead.data import Data, Examples
def images():
    x, y = torch.rand(60, 1, 4, 4), torch.poisson(torch.ones(60))
    return Data(Examples(x[:40], y[:40]), Examples(x[40:50], y[40:50]), Examples(x[50:], y[50:]))
class Network(torch.nn.Sequential):
    out_features = 16
    def __init__(self):
        super().__init__(torch.nn.Flatten())
"""
OWN = ["data._target_=report_my_data.images", "architecture._target_=report_my_data.Network"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, command: Command, few_panels: None) -> Path:
    """A folder with a table and a run on it that has a report."""
    folder = tmp_path_factory.mktemp("home")
    table(folder / "rows.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        command("train", *words("run", "trainer.max_epochs=2", "report=true"))
    return folder


@pytest.fixture(autouse=True)
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)


def sentence(command: Command, capsys: pytest.CaptureFixture[str], *typed: str) -> str:
    with pytest.raises(SystemExit) as end:
        command(*typed)
    assert end.value.code == 1
    return capsys.readouterr().err


def test_a_run_ends_with_a_report_that_tells_how_to_repeat_it(home: Path) -> None:
    text = (home / "run" / "report.html").read_text(encoding="utf-8")
    tree = parsed(text)
    assert tree.find(".//h1").text == "normal on rows.csv"
    assert {"nats", "learning", "pit", "importance", "effects", "columns"} <= blocks(tree)
    shown = [node.text for node in tree.iter("pre")]
    assert shown[0].startswith("likelihead train distribution=normal data=table data.path=rows.csv data.target=mass")
    assert "max_epochs: 2" in shown[1]


def test_the_report_is_written_again(home: Path, command: Command) -> None:
    for typed, name in ((["run"], "run/report.html"), (["checkpoint=run", "output=again.html"], "again.html")):
        before = (home / "run" / "report.html").read_bytes()
        command("report", *typed)
        assert (home / name).read_bytes() == before


def test_the_table_may_have_moved(home: Path, command: Command, tmp_path: Path) -> None:
    shutil.copytree(home / "run", tmp_path / "run")
    shutil.move(home / "rows.csv", tmp_path / "moved.csv")
    try:
        command("report", str(tmp_path / "run"), f"data.path={tmp_path / 'moved.csv'}")
    finally:
        shutil.move(tmp_path / "moved.csv", home / "rows.csv")
    assert (tmp_path / "run" / "report.html").read_bytes() == (home / "run" / "report.html").read_bytes()


def test_a_table_that_has_changed_is_refused(home: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    pd.read_csv("rows.csv").assign(size=0.5).to_csv("changed.csv", index=False)
    error = sentence(command, capsys, "report", "run", "data.path=changed.csv", "output=x.html")
    assert "have changed since" in error and "give data.path=FILE" in error
    assert not Path("x.html").exists()


def test_what_is_no_run_is_refused(home: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no checkpoint" in sentence(command, capsys, "report", "nowhere")
    shutil.copy(home / "run" / "checkpoints" / "best.ckpt", home / "alone.ckpt")
    assert "is not in the directory of a run" in sentence(command, capsys, "report", "alone.ckpt")
    assert "checkpoint is missing" in sentence(command, capsys, "report")


def test_no_report_if_it_is_switched_off(home: Path, command: Command) -> None:
    command("train", *words("without", "trainer.max_epochs=1", "report=false"))
    assert (home / "without" / "metrics.json").is_file()
    assert not (home / "without" / "report.html").exists()


def test_a_failure_loses_nothing_but_the_report(
    home: Path, command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the ink\nhas dried")

    monkeypatch.setattr(run_report, "write_report", broken)
    command("train", *words("unlucky", "trainer.max_epochs=1", "report=true"))
    printed = capsys.readouterr().out
    assert "the report could not be written (RuntimeError: the ink has dried)" in printed
    assert (home / "unlucky" / "metrics.json").is_file()
    assert (home / "unlucky" / "checkpoints" / "best.ckpt").is_file()


def test_data_and_networks_of_ones_own(
    home: Path, command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "report_my_data.py").write_text(MY_DATA, encoding="utf-8")
    monkeypatch.syspath_prepend(str(home))
    for group, name in {"data": "images", "architecture": "Network"}.items():
        (home / "configs" / group).mkdir(parents=True)
        (home / "configs" / group / "mine.yaml").write_text(f"_target_: report_my_data.{name}\n", encoding="utf-8")
    command(
        *("train", "--config-dir", "configs", "data=mine", "architecture=mine", "distribution=poisson", "strategy=cpu"),
        *("trainer.max_epochs=1", "report=true", "hydra.run.dir=own"),
    )
    before = (home / "own" / "report.html").read_bytes()
    assert "name it again, data._target_=report_my_data.images" in sentence(command, capsys, "report", "own")
    command("report", "own", *OWN)
    assert (home / "own" / "report.html").read_bytes() == before


#: Runs whose reports need more of the data or the head than a plain one.
SPECIAL = {
    "joint": [
        "distribution=joint", "distribution.families={amount: gamma, visits: poisson}", "data.target=[amount,visits]",
    ],
    "ensemble": ["ensemble=2"],
}  # fmt: skip


@pytest.mark.parametrize("name", SPECIAL)
def test_other_runs_are_reported_again(name: str, home: Path, command: Command) -> None:
    command("train", *words(name, "trainer.max_epochs=1", "report=true", *SPECIAL[name]))
    before = (home / name / "report.html").read_bytes()
    (home / name / "report.html").unlink()
    command("report", name)
    assert (home / name / "report.html").read_bytes() == before


def test_a_calibrated_run_shows_both_coverages(home: Path, command: Command) -> None:
    command("train", *words("calibrated", "trainer.max_epochs=1", "report=true", "calibrate=conformal"))
    before = (home / "calibrated" / "report.html").read_bytes()
    shown = re.search(r"After calibration they contain ([\d.]+)%", before.decode())
    coverage = metrics(home / "calibrated")["test"]["coverage_0.9"]
    assert shown and float(shown.group(1)) == pytest.approx(100.0 * coverage, abs=0.06)
    command("report", "calibrated")
    assert (home / "calibrated" / "report.html").read_bytes() == before


@pytest.mark.parametrize("typed", [["--help"], ["train", "--help"], ["report", "--help"]])
def test_help_does_not_wait_for_the_figures(typed: list[str], environment: dict[str, str]) -> None:
    script = (
        f"import sys; sys.argv = {['likelihead', *typed]!r}\n"
        "from likelihead.commands import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "assert not {'matplotlib', 'jinja2', 'torch'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
