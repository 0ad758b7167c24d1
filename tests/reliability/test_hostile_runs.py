"""The folder of a run may come from anywhere: commands read it as data, and resuming it writes to no other place."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from functools import partial
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from reliability import refusals
from reliability.refusals import Command
from reliability.test_hostile_checkpoints import Call

from likelihead import LikelihoodError, load
from likelihead.commands.quoting import assignment

SCRIPT = "<script>alert(1)</script>"
HOSTILE = [SCRIPT, '"><img src=x onerror=alert(2)>', "a$\\frac$b", "{{7*7}}", "]]><svg onload=alert(3)>", "y [/kg]"]
RUN = [
    "distribution=normal",
    "architecture=linear",
    "data=table",
    "data.path=rows.csv",
    "data.target=y",
    "strategy=cpu",
]
SHORT = ["trainer.max_epochs=1", "seed=1"]


def rows() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    return pd.DataFrame({"a": generator.normal(size=80), "y": generator.normal(size=80)})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, command: Command) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        rows().to_csv("rows.csv", index=False)
        command("train", *RUN, *SHORT, "hydra.run.dir=run")
        shutil.copytree("run", "good")
    return folder / "run"


@pytest.fixture
def run(whole: Path, in_folder: Path) -> Path:
    shutil.copytree(whole, in_folder / "run")
    return in_folder / "run"


@pytest.fixture
def refused(command: Command, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    return partial(refusals.refused, command, capsys)


def npz(**arrays: Any) -> bytes:
    file = BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def objects(proof: Path) -> np.ndarray[Any, Any]:
    return np.array([Call(open, str(proof), "w")], dtype=object)


METRICS = [
    b"",
    b"[]",
    b"null",
    b"\xff\xfe",
    b"[" * 100_000,
    b"{}",
    b'{"test": null}',
    b'{"test": {"n": 1, "nll": "x"}}',
]
CONFIGS: list[tuple[str, Any]] = [
    ("distribution.family", "hostile.Module"),
    ("distribution", {"families": {"y": {"family": "hostile.Module"}}}),
    ("distribution", {"families": {"y": "../../hostile"}}),
    ("distribution.parameters.loc", {}),
    ("distribution", -1),
    ("data", ""),
    ("data.time", {"_target_": "pathlib.Path.touch", "_args_": ["executed"]}),
    ("data.group", [1]),
    ("data.path", True),
    ("data.path", "https://example.org/rows.csv"),
    ("data.path", "s3://bucket/rows.csv"),
    ("data.path", "/dev/zero"),
    ("data.path", "${oc.env:HOME}/rows.csv"),
    ("data._target_", "pathlib.Path.touch"),
    ("data.kind", "bundled"),
]


@pytest.mark.parametrize("contents", METRICS, ids=range(len(METRICS)))
def test_scores_that_are_none(contents: bytes, run: Path, whole: Path, refused: Callable[..., str]) -> None:
    (run / "metrics.json").write_bytes(contents)
    assert "are damaged, or were changed" in refused("compare", f"runs=[run,{whole}]")


@pytest.mark.parametrize("name", ["evaluate", "report"])
def test_row_numbers_that_are_none(name: str, run: Path, refused: Callable[..., str]) -> None:
    proof = run.parent / "executed"
    evil = objects(proof)
    arrays: list[dict[str, Any]] = [
        {"train": evil, "validation": evil, "test": evil},
        {"test": np.array(["a"])},
        {"test": np.array([10**15])},
        {"test": np.array([-(10**15)])},
    ]
    for contents in [b"", b"PK\x03\x04", b"none", pickle.dumps(evil[0]), *(npz(**parts) for parts in arrays)]:
        (run / "splits.npz").write_bytes(contents)
        refused(name, "checkpoint=run")
    assert not proof.exists()


@pytest.mark.parametrize(("key", "value"), CONFIGS)
def test_a_config_is_data(
    key: str, value: Any, run: Path, whole: Path, refused: Callable[..., str], command: Command
) -> None:
    """Compare may know enough without the value; nothing is imported, called or fetched for it."""
    (run.parent / "hostile.py").write_text("open('executed', 'w')")
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    *parents, last = key.split(".")
    node = config
    for parent in parents:
        node = node[parent]
    node[last] = value
    (run / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    if not key.startswith("distribution"):
        refused("report", "run")
    try:
        command("compare", f"runs=[run,{whole}]")
    except SystemExit as end:
        assert end.code == 1
    refused("train", "resume=run", "trainer.max_epochs=2")
    assert not (run.parent / "executed").exists()


@pytest.mark.parametrize("contents", [b"!!python/object/apply:os.system ['touch executed']", b"\xff\xfe", b"[1, 2"])
@pytest.mark.parametrize("name", [".hydra/overrides.yaml", "metrics.csv"])
def test_a_report_of_damaged_files(name: str, contents: bytes, run: Path, refused: Callable[..., str]) -> None:
    (run / ".hydra").mkdir(exist_ok=True)
    (run / name).write_bytes(contents if name != "metrics.csv" else b"epoch,step,train/nll\n" + contents + b",1,x\n")
    assert "are damaged, or were changed" in refused("report", "run")
    assert not (run.parent / "executed").exists()


def test_what_a_run_reports_of_its_failure_does_not_control_the_terminal(
    run: Path, whole: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "error.txt").write_text("\x1b[2J\x1b]0;title\x07 [red]", encoding="utf-8")
    command("compare", f"runs=[run,{whole}]")
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "\x07" not in printed
    assert "\\x1b[2J\\x1b]0;title\\x07 [red]" in printed


@pytest.mark.parametrize(
    "name", ["metrics.csv", "metrics.json", "config.yaml", ".lock", ".lock.space", "checkpoints/last.ckpt"]
)
def test_a_link_is_not_written_through(name: str, run: Path, refused: Callable[..., str]) -> None:
    victim = run.parent / "victim"
    victim.write_bytes((run / name).read_bytes() if (run / name).exists() else b"mine")
    before = victim.read_bytes()
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(victim)
    assert "is a link out of the directory of the run" in refused("train", "resume=run", "trainer.max_epochs=2")
    assert victim.read_bytes() == before


def test_a_linked_folder_is_not_written_to(run: Path, refused: Callable[..., str]) -> None:
    shutil.move(run / "checkpoints", run.parent / "elsewhere")
    (run / "checkpoints").symlink_to(run.parent / "elsewhere")
    before = {path.name: path.read_bytes() for path in (run.parent / "elsewhere").iterdir()}
    assert "is a link out of the directory" in refused("train", "resume=run", "trainer.max_epochs=2")
    assert {path.name: path.read_bytes() for path in (run.parent / "elsewhere").iterdir()} == before


class Elements(HTMLParser):
    """The elements of a page, and its attributes that could run something."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.active: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.active += [(name, value) for name, value in attributes if name.startswith("on") or name == "src"]


@pytest.mark.parametrize("distribution", ["normal", "categorical"])
def test_names_and_cells_are_text_in_a_report(distribution: str, in_folder: Path, command: Command) -> None:
    frame = rows().rename(columns={"a": HOSTILE[0], "y": HOSTILE[5]})
    frame[HOSTILE[1]] = np.random.default_rng(1).choice(HOSTILE, size=len(frame))
    frame[HOSTILE[2]], frame[HOSTILE[3]] = frame[HOSTILE[0]] ** 2, frame[HOSTILE[0]] ** 3
    target = HOSTILE[1] if distribution == "categorical" else HOSTILE[5]
    name = "<img src=x onerror=alert(9)>.csv"
    frame.to_csv(name, index=False)
    words = [
        f"distribution={distribution}",
        "data=table",
        f"data.path={name}",
        assignment("data.target", target),
        *SHORT,
    ]
    command("train", *words, "architecture=linear", "report=true", "hydra.run.dir=run")
    page = (in_folder / "run" / "report.html").read_text(encoding="utf-8")
    elements = Elements()
    elements.feed(page)
    assert not elements.names & {"script", "img", "iframe", "object", "embed"}
    assert elements.active == []
    assert SCRIPT not in page


def test_columns_that_do_not_suit_the_network_get_a_sentence(run: Path, refused: Callable[..., str]) -> None:
    file = run / "checkpoints" / "best.ckpt"
    contents = torch.load(file, weights_only=True)
    for columns in ([*contents["likelihead"]["extra"]["table"]["columns"]] * 2, None, "os.system", [{"name": 1}]):
        contents["likelihead"]["extra"]["table"]["columns"] = columns
        torch.save(contents, file)
        assert "are damaged, or were changed" in refused("evaluate", "checkpoint=run"), columns


@pytest.mark.parametrize("words", [["evaluate"], ["predict", "output=rows.csv"], ["export", "output=m.pt2"]])
def test_a_model_that_has_lost_its_inputs_does_not_predict_without_them(
    words: list[str], run: Path, refused: Callable[..., str]
) -> None:
    """Without columns x is a single 0, which a network of one input takes."""
    file = run / "checkpoints" / "best.ckpt"
    contents = torch.load(file, weights_only=True)
    contents["likelihead"]["extra"]["table"]["columns"] = []
    torch.save(contents, file)
    assert "trained on the input 'a', but does not hold how that is encoded" in refused(*words, "checkpoint=run")
    with pytest.raises(LikelihoodError, match="the checkpoint is damaged, or was changed"):
        load(file).predict(rows())
    refused("report", "run")


def test_the_folder_of_a_sweep_is_compared(
    run: Path, whole: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """A trial that failed stands in the table with its reason."""
    sweep = run.parent / "sweep"
    for number in (0, 1):
        shutil.copytree(whole, sweep / str(number))
    (sweep / "2").mkdir()
    (sweep / "2" / "error.txt").write_text("there is no file 'x.csv'\n", encoding="utf-8")
    command("compare", "runs=sweep")
    printed = capsys.readouterr().out
    assert [f"sweep/{number}" in printed for number in (0, 1, 2)] == [True] * 3
    assert "there is no file 'x.csv'" in printed
