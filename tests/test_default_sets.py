"""Every shipped family on its own data set: where training starts, and how near to the truth it comes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from likelihead import LikelihoodModule
from likelihead.configs import shipped
from likelihead.data import load_data
from likelihead.data.batch import Batch
from likelihead.evaluation import evaluate


@pytest.mark.parametrize("name", shipped())
def test_the_first_loss_is_the_marginals_and_training_beats_it(name: str) -> None:
    data = load_data(name, {"kind": "synthetic", "rows": 1500}, seed=0)
    y = data.train.y
    assert y is not None
    torch.manual_seed(0)
    module = LikelihoodModule.for_data(data, name)
    exposure = data.train.exposure
    fit = module.head.fit_marginal(y, None, exposure)
    batch = Batch(data.train.x, y, data.train.weight, exposure)
    assert module.training_step(batch, 0).item() / len(y) == pytest.approx(fit.nll, rel=1e-5, abs=1e-5)
    optimizer = module.configure_optimizers()
    for step in range(150):
        rows = torch.arange(128 * step, 128 * (step + 1)) % len(y)
        optimizer.zero_grad()
        each = None if exposure is None else exposure[rows]
        module.training_step(Batch(data.train.x[rows], y[rows], exposure=each), 0).backward()
        optimizer.step()
    evaluation = evaluate(module, data.test)
    trained, marginal, oracle = evaluation.nll, evaluation.marginal, evaluation.oracle
    assert trained is not None and marginal is not None and oracle is not None
    assert oracle - 0.1 < trained < marginal - 0.5 * (marginal - oracle)


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped())
def test_the_default_run_comes_within_a_twentieth_of_the_way(
    name: str, command: Callable[..., None], in_folder: Path
) -> None:
    command("train", f"distribution={name}", "hydra.run.dir=run")
    metrics = json.loads((in_folder / "run" / "metrics.json").read_text())
    marginal, oracle = metrics["marginal"]["nll"], metrics["oracle"]["nll"]
    assert metrics["test"]["nll"] < oracle + 0.05 * (marginal - oracle)
