"""The help of each command, and words that Hydra would answer with a page."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from commands.runs import Command


def printed(command: Command, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as end:
        command(*words)
    assert end.value.code == 0
    return capsys.readouterr().out


def test_the_comments_of_the_files_stand_beside_the_keys(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(command, capsys, "train", "--help").splitlines()
    assert "  test_fraction: 0.2  # share of all rows; may be 0" in lines
    assert "    min_delta: 0.001  # nats per row" in lines
    assert "distribution=any, asymmetric_laplace, bernoulli" in "".join(lines)
    assert not any("rows_per_step" in line.split("#")[0] for line in lines if "$" not in line)
    assert lines[0] == "Trains a network whose output is a probability distribution, by maximum likelihood."


def test_the_help_follows_the_choices(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(command, capsys, "train", "data=table", "optimizer=lbfgs", "-h")
    assert "  path: ???  # CSV or Parquet, relative to the directory in which the command is typed" in text
    assert "  max_iter: 5000  # per step; with max_iter=1 torch stalls silently" in text


@pytest.mark.parametrize(
    ("name", "first"),
    [("compare", "Trains several families"), ("predict", "Predicts new rows"), ("evaluate", "Scores a trained model")],
)
def test_each_command_has_a_help_of_its_own(
    name: str, first: str, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(command, capsys, name, "--help")
    assert text.startswith(first)
    assert f"likelihead {name} " in text
    assert text.count("Predicts new rows") == (name == "predict")


WORDS = {
    "plus": (["+experiment=glm"], "+experiment=glm: a choice of a group takes no plus sign; write experiment=glm"),
    "flag": (["--checkpoint", "x"], "there is no flag --checkpoint; options have no dashes: write checkpoint=x"),
    "flag with value": (["--seed=3"], "options have no dashes: write seed=3"),
    "flag alone": (["--max-epochs", "seed=1"], "options have no dashes: write max_epochs=…"),
    "number": (["optimizer.lr=abc", "data.rows=50"], "optimizer.lr is 'abc'; it must be a number"),
}


@pytest.mark.parametrize(("words", "sentence"), WORDS.values(), ids=WORDS)
def test_words_in_another_style_get_a_sentence(
    words: list[str], sentence: str, command: Command, capsys: pytest.CaptureFixture[str], in_folder: object
) -> None:
    with pytest.raises(SystemExit) as end:
        command("train", *words)
    assert end.value.code == 1
    error = capsys.readouterr().err.strip()
    assert sentence in error and "\n" not in error


def test_a_reader_that_has_seen_enough_ends_it_without_a_traceback(environment: dict[str, str]) -> None:
    """As in `likelihead train --help | head`."""
    command = [sys.executable, "-m", "likelihead", "train", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 128 + signal.SIGPIPE
