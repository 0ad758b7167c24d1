"""Networks and distribution classes of the user's own: trained, resumed, and named again for prediction."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands.runs import Command, table
from scipy import stats

from likelihead import LikelihoodError, load

SOURCE = """
import torch
from pyro.distributions import TorchDistribution
from torch import nn
from torch.distributions import constraints


class Net(nn.Module):
    def __init__(self, in_features, channels, title="net"):
        super().__init__()
        self.linear = nn.Linear(in_features, channels)
        self.out_features = channels

    def forward(self, x):
        return torch.tanh(self.linear(x))


class Rayleigh(TorchDistribution):
    arg_constraints = {"scale": constraints.positive}
    support = constraints.positive

    def __init__(self, scale, validate_args=None):
        self.scale = torch.as_tensor(scale)
        super().__init__(self.scale.shape, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return Rayleigh(self.scale.expand(batch_shape), validate_args=False)

    def log_prob(self, y):
        return y.log() - 2 * self.scale.log() - y**2 / (2 * self.scale**2)
"""
NETWORK = ["architecture._target_=own_code.Net", "architecture.channels=4", "architecture.title=a (wide) net"]
TABLE = ["data=table", "data.path=rows.csv", "trainer.max_epochs=2", "strategy=cpu"]


@pytest.fixture
def folder(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (in_folder / "own_code.py").write_text(SOURCE)
    (in_folder / "configs" / "architecture").mkdir(parents=True)
    config = "_target_: own_code.Net\nchannels: 4\ntitle: a 'wide' net\n"
    (in_folder / "configs" / "architecture" / "mine.yaml").write_text(config)
    monkeypatch.syspath_prepend(str(in_folder))
    table(in_folder / "rows.csv")
    return in_folder


def printed_command(text: str) -> list[str]:
    """The words after `likelihead` of the command that a run prints to predict with it."""
    line = next(line for line in text.splitlines() if line.startswith("Predict: "))
    return shlex.split(line.removeprefix("Predict: "))[1:]


def test_a_network_named_on_the_command_line_trains_resumes_and_predicts(folder: Path, command: Command) -> None:
    words = [word for word in NETWORK if "title" not in word]
    command("train", *words, *TABLE, "data.target=mass", "hydra.run.dir=run")
    command("train", "resume=run", "trainer.max_epochs=3", *words)
    command("predict", "checkpoint=run", "data.path=rows.csv", "output=out.csv", *words)
    from own_code import Net  # type: ignore[import-not-found]

    frame = pd.read_csv(folder / "rows.csv")
    expected = load(folder / "run", architecture=Net(5, 4)).predict(frame)
    pd.testing.assert_frame_equal(pd.read_csv(folder / "out.csv"), expected, rtol=1e-12)
    law = stats.norm(expected["loc"], expected["scale"])
    np.testing.assert_allclose(expected["log_prob"], law.logpdf(frame.mass), atol=1e-6)


#: The same network by a file, by words, and by words beside a folder of configs.
WAYS = {
    "file": ["--config-dir", "configs", "architecture=mine"],
    "words": NETWORK,
    "both": ["--config-dir", "configs", *NETWORK],
}


@pytest.mark.parametrize("named", WAYS.values(), ids=WAYS)
def test_the_printed_command_predicts_with_a_network_of_ones_own(
    named: list[str], folder: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    quoted = [word if "title" not in word else "architecture.title='a (wide) net'" for word in named]
    command("train", *quoted, *TABLE, "data.target=mass", "hydra.run.dir=run")
    words = printed_command(capsys.readouterr().out)
    assert {"architecture._target_=own_code.Net", "architecture.channels=4"} <= set(words)
    (folder / "NEW.csv").write_bytes((folder / "rows.csv").read_bytes())
    command(*words)
    assert len(pd.read_csv(folder / "predictions.csv")) == 240
    command("evaluate", words[1], *(word for word in words if word.startswith("architecture.")))
    assert "Normal" not in capsys.readouterr().out


def test_a_config_of_ones_own_is_named_again(folder: Path, command: Command) -> None:
    named = ["--config-dir", "configs", "architecture=mine"]
    command("train", *named, *TABLE, "data.target=mass", "hydra.run.dir=run")
    command("predict", *named, "checkpoint=run", "output=out.csv")
    assert len(pd.read_csv(folder / "out.csv")) == 48


def test_code_that_is_not_named_is_not_run(
    folder: Path, command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command("train", *NETWORK[:2], *TABLE, "data.target=mass", "hydra.run.dir=run")
    (folder / "own_code.py").write_text("raise AssertionError('this code was not named')")
    monkeypatch.delitem(sys.modules, "own_code")
    with pytest.raises(SystemExit) as end:
        command("predict", "checkpoint=run", "output=out.csv")
    assert end.value.code == 1
    assert "a network of your own, which a checkpoint cannot hold: name it as in training" in capsys.readouterr().err
    with pytest.raises(LikelihoodError, match=r"load\(path, architecture=network\)"):
        load(folder / "run")


def test_a_distribution_class_of_ones_own(folder: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    own = ["distribution=any", "distribution.family=own_code.Rayleigh"]
    command("train", *own, *TABLE, "data.target=amount", "hydra.run.dir=run")
    words = printed_command(capsys.readouterr().out)
    assert words[-1] == "families=[own_code.Rayleigh]"
    with pytest.raises(SystemExit):
        command("evaluate", "checkpoint=run")
    assert "families=[own_code.Rayleigh] on the command line" in capsys.readouterr().err
    (folder / "NEW.csv").write_bytes((folder / "rows.csv").read_bytes())
    command(*words)
    predicted, amount = pd.read_csv(folder / "predictions.csv"), pd.read_csv(folder / "rows.csv").amount
    np.testing.assert_allclose(predicted.log_prob, stats.rayleigh(scale=predicted.scale).logpdf(amount), atol=1e-6)


def test_a_network_is_not_named_for_a_shipped_one(
    folder: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command("train", "architecture=linear", *TABLE, "data.target=mass", "hydra.run.dir=run")
    with pytest.raises(SystemExit):
        command("predict", "checkpoint=run", "output=out.csv", *NETWORK[:2])
    assert "holds its network: leave out architecture" in capsys.readouterr().err


def test_a_callback_of_the_other_lightning_package_is_named(
    command: Command, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("lightning.pytorch")
    with pytest.raises(SystemExit):
        command("train", "+callbacks.timer._target_=lightning.pytorch.callbacks.Timer", "data.rows=60", "strategy=cpu")
    assert (
        "callbacks is a lightning.pytorch.callbacks.timer.Timer, but likelihead is built on" in capsys.readouterr().err
    )
