"""likelihead doctor, and terminals without colours."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from likelihead.commands import doctor, main

COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9\d|10\d)(?:;\d+)*m")


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr("sys.argv", ["likelihead", "doctor", *words])
    main()


def test_it_names_packages_and_devices_and_trains_on_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch)
    printed = capsys.readouterr().out
    assert re.search(rf"^torch +{re.escape(version('torch'))}", printed, flags=re.MULTILINE)
    assert re.search(rf"^CPU, {os.cpu_count()} cores: a model trains in \d+\.\d s \(NLL", printed, flags=re.MULTILINE)
    assert "\x1b" not in printed


def test_a_failure_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Untrained:
        metrics = {"test": {"nll": 2.0}, "marginal": {"nll": 1.0}}  # noqa: RUF012

    monkeypatch.setattr("likelihead.training.fit.fit", lambda *data, **options: Untrained())
    monkeypatch.setattr("likelihead.training.checkpoint.load", lambda folder: None)
    with pytest.raises(SystemExit) as end:
        run(monkeypatch)
    assert end.value.code == 1
    assert capsys.readouterr().err == "error: training on cpu failed: the NLL is 2.000, the marginal's 1.000\n"


def test_a_missing_package_has_a_dash_and_an_option_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor.installed("no-such-package") == "–"
    with pytest.raises(SystemExit):
        run(monkeypatch, "now=true")
    assert capsys.readouterr().err == "error: likelihead doctor takes no options: leave out now=true\n"


def on_a_terminal(words: list[str], folder: Path, environment: dict[str, str]) -> str:
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-m", "likelihead", *words], cwd=folder, env=environment,
                               stdin=theirs, stdout=theirs, stderr=theirs)  # fmt: skip
    os.close(theirs)
    written = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # Linux reports the end of a terminal so
            break
        if not chunk:
            break
        written += chunk
    os.close(ours)
    assert process.wait() == 0
    return written.decode()


@pytest.mark.slow
def test_colours_follow_the_terminal(tmp_path: Path, environment: dict[str, str]) -> None:
    """There are none where NO_COLOR is set, TERM is dumb, or there is no terminal."""
    words = ["train", "data.rows=60", "trainer.max_epochs=2", "strategy=cpu"]
    colourful = {key: value for key, value in environment.items() if key not in ("NO_COLOR", "FORCE_COLOR", "CI")}
    colourful["TERM"] = "xterm-256color"
    assert COLOUR.search(on_a_terminal(words, tmp_path, colourful))
    assert not COLOUR.search(on_a_terminal(words, tmp_path, {**colourful, "NO_COLOR": "1"}))
    assert not COLOUR.search(on_a_terminal(words, tmp_path, {**colourful, "TERM": "dumb"}))
    command = [sys.executable, "-m", "likelihead", *words]
    piped = subprocess.run(command, cwd=tmp_path, env=colourful, capture_output=True, text=True, check=True)
    assert "\x1b" not in piped.stdout + piped.stderr
