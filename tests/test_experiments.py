"""Every file of conf/experiment: it trains, scores, predicts and reports; in full it beats its marginal fit."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from likelihead.configs import conf_directory

FILES = {path.stem: path for path in sorted((conf_directory() / "experiment").glob("*.yaml"))}
#: Experiments that change how a distribution of the user's choice is trained, on whatever data it has.
OF_ANY_DATA = ("glm", "homoscedastic", "heteroscedastic", "least_squares")
#: An end that is soon reached; experiments on bundled data have no number of rows.
SOON = ("trainer.max_epochs=1", "strategy=cpu")
#: The least share of the way from the marginal fit to the truth, and the most minutes.
SHARE, MINUTES = 0.9, 5.0


def few_rows(name: str) -> list[str]:
    """The words that make a simulated data set small."""
    chosen = yaml.safe_load(FILES[name].read_text(encoding="utf-8"))
    overridden = [entry for entry in chosen.get("defaults", []) if isinstance(entry, dict)]
    source = next(
        (value for entry in overridden for key, value in entry.items() if key == "override /data"), "synthetic"
    )
    kind = yaml.safe_load((conf_directory() / "data" / f"{source}.yaml").read_text(encoding="utf-8"))
    is_simulated = kind.get("kind") == "synthetic" or "synthetic" in kind.get("defaults", [])
    return ["data.rows=150"] if is_simulated else []


def test_the_lecture_has_its_experiments() -> None:
    images_and_texts = {"digits", "tumour", "tumour_images", "reviews", "next_word", "segmentation"}
    assert images_and_texts | {"item_ranking", "molecule_graphs"} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_short_run_trains_scores_and_predicts(
    name: str, command: Callable[..., None], in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command("train", f"experiment={name}", *few_rows(name), *SOON, "hydra.run.dir=run")
    metrics = json.loads((in_folder / "run" / "metrics.json").read_text())
    assert metrics["train"]["nll"] == metrics["train"]["nll"] and metrics["test"]["n"] > 0
    capsys.readouterr()
    command("evaluate", "checkpoint=run", "output=scores.json")
    scores = json.loads((in_folder / "scores.json").read_text())
    assert scores["nll"] == pytest.approx(metrics["test"]["nll"], rel=1e-6)
    command("predict", "checkpoint=run", "output=predictions.csv")
    predictions = pd.read_csv(in_folder / "predictions.csv")
    assert len(predictions) == metrics["test"]["n"]
    if "log_prob" in predictions:
        assert -predictions["log_prob"].mean() == pytest.approx(metrics["test"]["nll"], rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*FILES} - {*OF_ANY_DATA}))
def test_a_full_run_beats_its_marginal_fit_and_comes_near_the_truth(
    name: str, command: Callable[..., None], in_folder: Path
) -> None:
    start = time.monotonic()
    command("train", f"experiment={name}", "report=true", "hydra.run.dir=run")
    minutes = (time.monotonic() - start) / 60
    metrics = json.loads((in_folder / "run" / "metrics.json").read_text())
    trained, marginal = metrics["test"]["nll"], metrics["marginal"]["nll"]
    assert trained < marginal
    if "oracle" in metrics:
        assert (marginal - trained) / (marginal - metrics["oracle"]["nll"]) >= SHARE
    assert "<h1>" in (in_folder / "run" / "report.html").read_text()
    assert minutes < MINUTES
