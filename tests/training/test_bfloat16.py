"""precision=bf16-mixed on the CPU: the network computes in bfloat16, weights and scores stay as precise as ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from cases import CASES, Case
from reliability.interrupted_fits import KillAfter, differences
from torch import nn

from likelihead import DistributionHead, Ensemble, LikelihoodModule, fit, load
from likelihead.data import Examples
from likelihead.errors import Interrupted
from likelihead.evaluation import evaluate
from likelihead.evaluation.evaluate import predict

FEW = ["normal", "poisson", "categorical", "gamma"]
PRECISIONS = ("bf16-mixed", "32-true")
OPTIONS = {"max_epochs": 3, "batch_size": 20, "seed": 3, "accelerator": "cpu", "devices": 1}


def _rows(case: Case) -> Examples:
    torch.manual_seed(0)
    y = case.inside[torch.arange(80) % 4]
    return Examples(torch.rand(80, 3), y.float() if y.is_floating_point() else y)


def _module(case: Case) -> LikelihoodModule:
    torch.manual_seed(1)
    head = DistributionHead(case.spec, in_features=4, event_size=case.event_size)
    return LikelihoodModule(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.2)), head)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_family_trains_and_is_scored_in_float64(case: Case, tmp_path: Path) -> None:
    rows = _rows(case)
    outcome = fit(_module(case), rows, rows, directory=tmp_path, precision="bf16-mixed", **OPTIONS)
    assert outcome is not None
    weights = {each.dtype for each in outcome.module.parameters()}
    assert weights == {torch.float32}
    for scores in (outcome.evaluations["train"].scores, outcome.evaluations["validation"].scores):
        assert np.isfinite(list(scores.values())).all(), scores
    stored = load(tmp_path, architecture=nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.2)))
    assert evaluate(stored, rows).nll == outcome.evaluations["train"].nll
    predicted = predict(stored, rows.x).log_prob(rows.y.double() if rows.y.is_floating_point() else rows.y)
    assert predicted.dtype == torch.float64


@pytest.mark.parametrize("name", ["skew_t", *FEW])
def test_it_learns_what_it_learns_in_float32(name: str) -> None:
    """But for the digits that the features lack."""
    rows = _rows(CASES[name])
    coarse, exact = (fit(_module(CASES[name]), rows, rows, precision=each, **OPTIONS) for each in PRECISIONS)
    assert coarse.evaluations["train"].nll == pytest.approx(exact.evaluations["train"].nll, abs=1e-3)


@pytest.mark.parametrize("members", [0, 2])
def test_targets_with_more_digits_than_bfloat16(members: int, tmp_path: Path) -> None:
    """Numbers near 1000 lie 4 apart in bfloat16, and the targets spread by 1: their NLL is about that of N(0, 1)."""
    torch.manual_seed(0)
    x = torch.rand(200, 1)
    rows = Examples(x, 1000.0 + x[:, 0] + torch.randn(200))

    def make() -> LikelihoodModule:
        return LikelihoodModule.for_data((rows.x, rows.y), "normal", "linear")

    module = Ensemble.of(make, members) if members else make()
    outcome = fit(module, rows, None if members else rows, directory=tmp_path, precision="bf16-mixed", **OPTIONS)
    in_training = pd.read_csv(tmp_path / "metrics.csv")["train/nll"]
    assert in_training.tolist() == pytest.approx([0.5 * np.log(2 * np.pi * np.e)] * 3, abs=0.15)
    assert outcome.evaluations["train"].nll == pytest.approx(0.5 * np.log(2 * np.pi * np.e), abs=0.15)


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("step", [2, 6])
def test_a_run_in_bfloat16_is_resumed_bitwise(name: str, step: int, tmp_path: Path) -> None:
    rows, whole, run = _rows(CASES[name]), tmp_path / "whole", tmp_path / "run"
    options = {"precision": "bf16-mixed", **OPTIONS}
    fit(_module(CASES[name]), rows, rows, directory=whole, **options)
    with pytest.raises(Interrupted):
        fit(_module(CASES[name]), rows, rows, directory=run, callbacks=[KillAfter(step)], **options)
    fit(_module(CASES[name]), rows, rows, directory=run, resume=run / "checkpoints" / "last.ckpt", **options)
    assert differences(run, whole) == []
