"""Data and networks of the user's own by `_target_`, from a folder of configs outside the repository."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from scipy import stats

SOURCE = """
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader

from likelihead.data import Data, Examples


def images(count=90):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(count, 1, 6, 6, generator=generator)
    y = torch.poisson(4 * x.mean((1, 2, 3)), generator=generator)
    return Data(Examples(x[:60], y[:60]), Examples(x[60:75], y[60:75]), Examples(x[75:], y[75:]), name="images")


class Images(pl.LightningDataModule):
    def train_dataloader(self):
        return DataLoader([{"x": x, "y": y} for x, y in zip(*images().train[0:60][:2])], batch_size=20)

    def val_dataloader(self):
        return DataLoader([{"x": x, "y": y} for x, y in zip(*images().validation[0:15][:2])], batch_size=20)


class Pooled(nn.Module):
    def __init__(self, channels=4):
        super().__init__()
        self.convolution = nn.Conv2d(1, channels, 3)
        self.out_features = channels

    def forward(self, x):
        return self.convolution(x).relu().mean((2, 3))
"""


@pytest.fixture
def configs(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (in_folder / "my_images.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(in_folder))
    for name, text in {
        "data/images.yaml": "_target_: my_images.images\ncount: 90\n",
        "data/module.yaml": "_target_: my_images.Images\n",
        "architecture/pooled.yaml": "_target_: my_images.Pooled\nchannels: 4\n",
    }.items():
        path = in_folder / "configs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return in_folder


@pytest.mark.parametrize("data", ["images", "module"])
def test_images_train_by_the_command(data: str, configs: Path, command: Callable[..., None]) -> None:
    words = ["distribution=poisson", f"data={data}", "architecture=pooled", "trainer.max_epochs=2", "strategy=cpu"]
    command("train", "--config-dir", str(configs / "configs"), *words, "hydra.run.dir=run")
    from my_images import images  # type: ignore[import-not-found]

    metrics = json.loads((configs / "run" / "metrics.json").read_text())
    assert (metrics["train"]["n"], metrics["validation"]["n"]) == (60, 15)
    part = "test" if data == "images" else "train"
    y = getattr(images(), part).y
    assert metrics[part]["n"] == len(y)
    rate = images().train.y.mean().item()
    assert metrics["marginal"]["nll"] == pytest.approx(-stats.poisson(rate).logpmf(y).mean(), rel=1e-5)
    assert (configs / "run" / "checkpoints" / "best.ckpt").is_file()


def test_data_that_cannot_be_made_get_a_sentence(
    configs: Path, command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    (configs / "configs" / "data" / "wrong.yaml").write_text("_target_: my_images.images\npixels: 3\n")
    with pytest.raises(SystemExit) as end:
        command("train", "--config-dir", str(configs / "configs"), "data=wrong", "architecture=pooled")
    assert end.value.code == 1
    assert "data cannot be built" in capsys.readouterr().err
