"""Mistakes on the command line: one sentence, exit status 1, and nothing lost."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from commands.runs import Command, words

pytestmark = pytest.mark.usefixtures("at_home")


WRONG: dict[str, tuple[list[str], str]] = {
    "no table": (["data=table", "data.target=y"], "data.path is missing: add data.path="),
    "no file": (["data=table", "data.path=none.csv", "data.target=y"], "there is no file"),
    "no column": (["data=table", "data.path=rows.csv", "data.target=mas"], "did you mean 'mass'"),
    "support": (
        ["distribution=gamma", "data=table", "data.path=rows.csv", "data.target=mass"],
        "target column 'mass': .* rows cannot be targets of Gamma .*families that would fit: .*normal",
    ),
    "role": (["distribution.parameters.scale=predicte", "data.rows=50"], "Normal.scale is 'predicte'"),
    "parameter": (["distribution.parameters.sigma=1", "data.rows=50"], "no parameter 'sigma'"),
    "family": (["distribution=any", "data=diabetes"], "distribution.family"),
    "unknown family": (["distribution=any", "distribution.family=pyro.distributions.Gumble"], "no distribution 'pyro"),
    "trainer": (["trainer.accelerator=abacus", "data.rows=50"], "trainer cannot be built"),
    "dropout": (["optimizer=lbfgs", "data.rows=50"], "architecture.dropout=0"),
    "batches": (["experiment=glm", "data.rows=50", "data.batch_size=10"], "leave out data.batch_size"),
    "checkpoint": (["checkpoint=none.ckpt", "data.rows=50"], "there is no checkpoint 'none.ckpt'"),
    "resume": (["resume=nowhere"], "resume=nowhere: there is no"),
    "sweep of resumed": (["-m", "resume=run", "seed=1,2"], "resume continues one run"),
    "batch": (["data.batch_size=0", "data.rows=50"], "data.batch_size is 0"),
    "no program": (
        ["strategy=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "data.rows=50"],
        "'likelihead', which is no file",
    ),
    "accumulation": (
        ["trainer.accumulate_grad_batches=0", "data.rows=50"],
        "accumulate_grad_batches is 0; .* 1 or more",
    ),
    "nodes": (["trainer.num_nodes=2", "strategy=cpu", "data.rows=50"], "was started on one machine only"),
    "list": (["optimizer.lr=0.1,0.2"], "gives several values: add -m"),
    "tpu": (["trainer.accelerator=tpu", "data.rows=50"], "the trainer cannot be built"),
}


@pytest.mark.parametrize(("given", "sentence"), WRONG.values(), ids=WRONG)
def test_mistakes_are_told_in_a_sentence(
    given: list[str], sentence: str, finished: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        command("train", *given)
    assert end.value.code == 1
    told = capsys.readouterr().err.strip()
    assert told.startswith("error: ")
    assert "\n" not in told
    assert re.search(sentence, told), told


def test_nothing_of_an_earlier_run_is_overwritten(
    finished: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    for more in (["seed=1"], ["resume=run", "distribution=laplace"]):
        given = words("run", *more) if "seed=1" in more else more
        with pytest.raises(SystemExit):
            command("train", *given)
    assert before == {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    told = capsys.readouterr().err
    assert "already holds a run" in told
    assert "was trained with distribution=normal" in told


PREDICT_WRONG = {
    "suffix": (["output=out.txt"], "the name must end in one of"),
    "itself": (["output=rows.csv"], "is one of the input files"),
    "level": (["output=x.csv", "quantiles=[5]"], "quantiles contains 5"),
    "checkpoint": (["output=x.csv", "checkpoint=nope.ckpt"], "there is no checkpoint"),
    "output": ([], "output is missing"),
    "column": (["output=x.csv", "data.path=bare.csv"], "there is no input column 'size'"),
}


@pytest.mark.parametrize(("given", "sentence"), PREDICT_WRONG.values(), ids=PREDICT_WRONG)
def test_predict_refuses_mistakes(
    given: list[str], sentence: str, finished: Path, home: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    pd.DataFrame({"kind": ["a"]}).to_csv(home / "bare.csv", index=False)
    chosen = {"checkpoint": f"{finished}/checkpoints/best.ckpt", "data.path": "rows.csv"}
    chosen |= dict(word.split("=", 1) for word in given)
    with pytest.raises(SystemExit) as end:
        command("predict", *(f"{key}={value}" for key, value in chosen.items()))
    assert end.value.code == 1
    assert sentence in capsys.readouterr().err
    assert not (home / "x.csv").exists()


@pytest.mark.parametrize("task", ["predict", "evaluate", "report"])
def test_the_directory_of_several_runs_names_one_of_them(
    task: str, finished: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    output = [] if task == "report" else ["output=x.csv"]
    with pytest.raises(SystemExit) as end:
        command(task, "checkpoint=.", *output)
    assert end.value.code == 1
    assert "holds 1 of them: name one, such as" in capsys.readouterr().err


EVALUATE_WRONG = {
    "checkpoint": ("run/checkpoints/best.ckpt", "is one of the input files"),
    "data": ("rows.csv", "is one of the input files"),
    "directory": ("run", "is a directory"),
    "report": ("run/report.html", "belongs to a run"),
    "coefficients": ("run/coefficients.csv", "belongs to a run"),
    "folds": ("folds.json", "belongs to a run"),
    "out of fold": ("other/out_of_fold.csv", "belongs to a run"),
}


@pytest.mark.parametrize(("output", "sentence"), EVALUATE_WRONG.values(), ids=EVALUATE_WRONG)
def test_evaluate_never_overwrites_what_it_reads(
    output: str, sentence: str, finished: Path, home: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "other").mkdir(exist_ok=True)
    for name in ("run/report.html", "run/coefficients.csv", "folds.json", "other/config.yaml", "other/out_of_fold.csv"):
        if not (home / name).exists():
            (home / name).write_text("mine", encoding="utf-8")
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit) as end:
        command("evaluate", f"checkpoint={finished}/checkpoints/best.ckpt", "data.path=rows.csv", f"output={output}")
    assert end.value.code == 1
    assert sentence in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_a_missing_file_beside_many_runs_is_missing(
    finished: Path, home: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the folders above it hold does not matter."""
    (home / "notes").mkdir(exist_ok=True)
    with pytest.raises(SystemExit):
        command("evaluate", "checkpoint=notes/nowhere")
    assert "there is no checkpoint" in capsys.readouterr().err
