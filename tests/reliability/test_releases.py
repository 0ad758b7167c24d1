"""Checkpoints of every release load in all later ones, and predict what they predicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from reliability.write_release import RELEASES, ROWS, RUNS
from sklearn.datasets import load_diabetes

from likelihead import load
from likelihead.training.checkpoint import read

FILES = sorted(RELEASES.glob("*.ckpt"))


def test_the_first_release_is_kept() -> None:
    assert {f"0.1.0-{name}.ckpt" for name in RUNS} <= {file.name for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_checkpoint_of_a_release_predicts_what_it_did(file: Path) -> None:
    predicted = load(file).predict(load_diabetes(as_frame=True).data.head(ROWS))
    stored = pd.read_csv(file.with_suffix(".csv"))
    assert list(predicted) == list(stored)
    np.testing.assert_allclose(predicted.to_numpy(), stored.to_numpy(), rtol=1e-5)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_checkpoint_names_its_format_and_its_libraries(file: Path) -> None:
    description = read(file)["likelihead"]
    assert description["format"] == 1
    assert description["versions"]["likelihead"] == file.stem.split("-")[0]
    assert set(description["versions"]) >= {"python", "torch", "pytorch-lightning", "pyro-ppl", "numpy"}
