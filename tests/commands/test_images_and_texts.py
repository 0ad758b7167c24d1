"""Runs on images and texts of the user's: scored, predicted, reported on, resumed, and refused in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

SOON = ("trainer.max_epochs=1", "strategy=cpu", "architecture.width=8")
TEXTS = ["the food was good", "the soup was bad", "a good place", "bad service"]


@pytest.fixture
def photos(in_folder: Path) -> Path:
    generator = np.random.default_rng(0)
    for number in range(40):
        folder = in_folder / "photos" / ("dark", "light")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 120, (6, 6), dtype=np.uint8) + 120 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:02}.png")
    words = ["distribution=bernoulli", "data=image_files", "data.path=photos", "architecture=convolution"]
    return Path(" ".join(words))


def train_on(kind: str, folder: Path, command: Callable[..., None], *more: str) -> None:
    """Train on texts in a table, or as lines whose next words are predicted."""
    frame = pd.DataFrame({"text": TEXTS * 12, "good": [1, 0, 1, 0] * 12})
    if kind == "table":
        frame.to_csv(folder / "notes.csv", index=False)
        words = ["distribution=bernoulli", "data.path=notes.csv", "data.text=text", "data.target=good"]
        command("train", "data=table", *words, "architecture=recurrent", *SOON, "hydra.run.dir=run", *more)
        return
    (folder / "notes.txt").write_text("\n".join(frame["text"]))
    words = ["distribution=categorical", "data=text", "data.path=notes.txt", "architecture=transformer"]
    command("train", *words, *SOON, "hydra.run.dir=run", *more)


def test_a_run_on_images(photos: Path, in_folder: Path, command: Callable[..., None]) -> None:
    command("train", *str(photos).split(), *SOON, "hydra.run.dir=run", "report=true")
    report = (in_folder / "run" / "report.html").read_text()
    assert "Single images" in report and report.count("data:image/png;base64") >= 3
    metrics = json.loads((in_folder / "run" / "metrics.json").read_text())
    command("evaluate", "checkpoint=run", "output=scores.json")
    scores = json.loads((in_folder / "scores.json").read_text())
    assert scores["nll"] == pytest.approx(metrics["test"]["nll"], rel=1e-9)
    command("predict", "checkpoint=run", "data.path=photos/light", "columns=[file]", "output=predictions.csv")
    predictions = pd.read_csv(in_folder / "predictions.csv")
    assert [Path(file).name for file in predictions["file"]] == [f"{number:02}.png" for number in range(1, 40, 2)]
    assert set(predictions["mode"]) <= {"dark", "light"} and "log_prob" not in predictions
    command("predict", "checkpoint=run", "data.path=photos/light/01.png", "output=one.csv")
    assert pd.read_csv(in_folder / "one.csv")["mean"][0] == pytest.approx(predictions["mean"][0])


OWN = """
from torch import nn
class Net(nn.Sequential):
    out_features = 64
    def __init__(self):
        super().__init__(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten())
"""


def test_a_network_of_ones_own_predicts_images(
    photos: Path, in_folder: Path, command: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    (in_folder / "my_photo_net.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(in_folder))
    words, network = str(photos).split()[:-1], "architecture._target_=my_photo_net.Net"
    command("train", *words, network, *SOON[:2], "hydra.run.dir=run")
    command("predict", "checkpoint=run", network, "data.path=photos", "output=predictions.csv")
    assert len(pd.read_csv(in_folder / "predictions.csv")) == 40


def test_a_run_on_images_resumes(photos: Path, in_folder: Path, command: Callable[..., None]) -> None:
    words = [*str(photos).split(), *SOON[1:]]
    command("train", *words, "trainer.max_epochs=2", "hydra.run.dir=whole")
    command("train", *words, "trainer.max_epochs=2", "trainer.max_steps=2", "hydra.run.dir=part")
    command("train", "resume=part", "trainer.max_steps=-1")
    whole, part = (json.loads((in_folder / run / "metrics.json").read_text()) for run in ("whole", "part"))
    assert part["test"]["nll"] == pytest.approx(whole["test"]["nll"], rel=1e-9)


def test_a_run_on_texts(in_folder: Path, command: Callable[..., None]) -> None:
    train_on("table", in_folder, command, "report=true")
    report = (in_folder / "run" / "report.html").read_text()
    assert "Single texts" in report and any(text in report for text in TEXTS)
    command("predict", "checkpoint=run", "data.path=notes.csv", "columns=[text]", "output=predictions.csv")
    predictions = pd.read_csv(in_folder / "predictions.csv")
    assert predictions["text"].tolist() == TEXTS * 12
    # Equal texts, equal predictions.
    assert predictions.groupby("text")["mean"].agg(np.ptp).max() < 1e-9


def test_next_words(in_folder: Path, command: Callable[..., None]) -> None:
    train_on("lines", in_folder, command, "report=true")
    assert "Each word with the probability that the model gave it" in (in_folder / "run" / "report.html").read_text()
    (in_folder / "new.txt").write_text("the food\nthe food was good\n")
    command("predict", "checkpoint=run", "data.path=new.txt", "output=predictions.csv")
    predictions = pd.read_csv(in_folder / "predictions.csv")
    shares = predictions.filter(regex=r"^probs\..*\.2$")
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-6)
    # What follows a place does not change its prediction.
    np.testing.assert_allclose(shares.iloc[0], shares.iloc[1], rtol=1e-6)
    command("evaluate", "checkpoint=run", "data.path=new.txt")


def test_a_network_of_tables_refuses_images_and_texts(
    photos: Path, in_folder: Path, command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (
        [*str(photos).split()[:-1]],
        ["distribution=categorical", "data=text", "data.path=notes.txt"],
    ):
        (in_folder / "notes.txt").write_text("\n".join(TEXTS * 12))
        with pytest.raises(SystemExit):
            command("train", *words, "strategy=cpu", "hydra.run.dir=refused")
        assert "architecture=mlp takes a table of numbers, but x" in capsys.readouterr().err
