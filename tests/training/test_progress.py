"""The progress bar of a whole run, and the lines that replace it; epochs are counted from 1."""

from __future__ import annotations

import io
import logging
import re

import pytest
import torch
from rich.console import Console

from likelihead import LikelihoodModule, fit
from likelihead.training.callbacks.progress import EpochBar, EpochLines


def run(callback: EpochBar | EpochLines, epochs: int, bar: bool) -> None:
    x = torch.linspace(-1, 1, 90)[:, None]
    module = LikelihoodModule.for_data((x, x[:, 0]), "normal", "linear")
    fit(module, (x, x[:, 0].sin()), max_epochs=epochs, callbacks=[callback], enable_progress_bar=bar)


def test_the_bar_shows_the_whole_run() -> None:
    text = io.StringIO()
    bar = EpochBar(leave=True, console=Console(file=text, force_terminal=True, width=150))
    run(bar, epochs=4, bar=True)
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.getvalue())
    assert "epoch 4 of 4" in drawn
    assert "epoch 0" not in drawn and "epoch 5" not in drawn
    assert re.search(r"epoch \d of 4 .*\d:\d\d:\d\d .*(\d:\d\d:\d\d|-:--:--)", drawn)
    assert re.search(r"train/nll -?\d+\.\d{4}", drawn)


def test_the_lines_count_from_one(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="likelihead"):
        run(EpochLines(), epochs=3, bar=False)
    lines = [record.getMessage() for record in caplog.records if record.name == "likelihead"]
    assert [line.split(":")[0] for line in lines] == ["epoch 1 of 3", "epoch 2 of 3", "epoch 3 of 3"]
