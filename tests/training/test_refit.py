"""Refit: after the best epoch is known, the network learns from the validation rows too; scores stay honest."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR

from likelihead import LikelihoodError, LikelihoodModule, fit, load
from likelihead.data import Data, split_table
from likelihead.errors import Interrupted
from likelihead.evaluation.evaluate import evaluate_all
from likelihead.training import refit
from likelihead.training.checkpoint import read
from likelihead.training.data_module import as_data_module
from likelihead.training.fit import Outcome
from likelihead.training.refit import all_rows

EPOCHS = 6


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tables are refitted too."""
    monkeypatch.setattr(refit, "MIN_ROWS", 1)


def table() -> Data:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(160, 2))
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": x[:, 0] + generator.normal(size=160)})
    return split_table(frame, "normal", target="y")


def module_for(data: Any) -> LikelihoodModule:
    torch.manual_seed(0)
    schedule = lambda optimizer: CosineAnnealingLR(optimizer, EPOCHS)  # noqa: E731
    return LikelihoodModule.for_data(data, "normal", "mlp", scheduler=schedule, width=8, bins=4)


def trained(data: Any, directory: Path | None = None, **options: Any) -> Outcome:
    outcome = fit(module_for(data), data, directory=directory, max_epochs=EPOCHS, batch_size=20, **options)
    assert outcome is not None
    return outcome


class Weights(Callback):
    """The weights after each epoch."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, Tensor]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.epochs.append({name: value.clone() for name, value in pl_module.state_dict().items()})


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


def test_the_refit_is_a_training_on_all_rows_for_the_best_number_of_epochs(tmp_path: Path) -> None:
    data, watch = table(), Weights()
    outcome = trained(data, tmp_path / "refit", refit=True)
    best = int(read(tmp_path / "refit")["epoch"]) + 1
    assert outcome.module.extra["refit"] == {"rows": len(data.train) + len(data.validation), "epochs": best}
    # The same by hand: no validation rows, so that nothing stops it, and all epochs of the schedule.
    rows = all_rows(as_data_module(data, batch_size=20))
    by_hand = module_for(data)
    fit(by_hand, rows, directory=tmp_path / "by hand", max_epochs=EPOCHS, callbacks=[Stop(best), watch])
    assert same(load(tmp_path / "refit").state_dict(), outcome.module.state_dict())
    last = read(tmp_path / "by hand" / "checkpoints" / "last.ckpt")["state_dict"]
    assert same(last, outcome.module.state_dict())


class Stop(Callback):
    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.should_stop = trainer.current_epoch + 1 == self.epochs


def test_validation_rows_are_scored_by_the_network_that_has_not_seen_them(tmp_path: Path) -> None:
    data = table()
    first, refitted = trained(data, refit=False), trained(data, tmp_path, refit=True)
    assert first.metrics["validation"] == refitted.metrics["validation"]
    assert first.objective == refitted.objective
    assert not same(first.module.state_dict(), refitted.module.state_dict())
    whole = load(tmp_path)
    assert same(whole.held_out_fit().state_dict(), first.module.state_dict())
    test = evaluate_all([(whole, data.test)])
    assert test.nll == refitted.metrics["test"]["nll"] != first.metrics["test"]["nll"]


def test_no_refit_of_few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refit, "MIN_ROWS", len(table().train) + 1)
    assert "refit" not in trained(table(), refit=True).module.extra


@pytest.mark.parametrize("options", [{"calibrate": "conformal"}, {"max_steps": 30}, {"max_time": "00:01:00:00"}])
def test_no_refit_where_rows_are_needed_or_training_is_limited(options: dict[str, Any]) -> None:
    assert "refit" not in trained(table(), refit=True, **options).module.extra


def test_validation_rows_of_the_users_own_are_not_learned_from() -> None:
    x, y = torch.randn(80, 2), torch.randn(80)
    module = module_for((x, y))
    outcome = fit(module, (x, y), (x[:20], y[:20]), max_epochs=2, refit=True)
    assert outcome is not None and outcome.module.held_out is None
    with pytest.raises(LikelihoodError, match="pass a function that makes it as refit"):
        fit(module, table(), trainer=pl.Trainer(logger=False, enable_checkpointing=False), refit=True)


class Kill(Callback):
    """Sends this process a signal in a step, counted over both fits."""

    def __init__(self, step: int) -> None:
        self.step, self.done = step, 0

    def on_train_batch_end(self, *arguments: Any) -> None:
        self.done += 1
        if self.done == self.step:
            os.kill(os.getpid(), signal.SIGTERM)


def interrupted(data: Data, directory: Path, steps: Sequence[int]) -> Outcome:
    """Train with an interruption after so many steps, resume, and so on."""
    resume = None
    for step in steps:
        with pytest.raises(Interrupted):
            trained(data, directory, refit=True, callbacks=[Kill(step)], resume=resume)
        resume = directory / "checkpoints" / "last.ckpt"
    return trained(data, directory, refit=True, resume=resume)


def test_an_interrupted_run_resumes_bitwise_before_and_in_the_refit(tmp_path: Path) -> None:
    data = table()
    expected = trained(data, tmp_path / "whole", refit=True)
    first = int(read(tmp_path / "whole" / "checkpoints" / "last.ckpt")["global_step"])
    again = expected.module.extra["refit"]
    steps = first + again["epochs"] * -(-again["rows"] // 20)
    for stop in (3, first + 8, steps - 1):
        found = interrupted(data, tmp_path / str(stop), [stop])
        assert same(found.module.state_dict(), expected.module.state_dict())
        assert found.metrics == expected.metrics
    found = interrupted(data, tmp_path / "thrice", [4, first, 5])  # steps of each run
    assert same(found.module.state_dict(), expected.module.state_dict())
    assert not (tmp_path / "thrice" / "checkpoints" / "refit").exists()


def test_a_run_that_has_ended_can_be_continued(tmp_path: Path) -> None:
    data = table()
    trained(data, tmp_path, refit=True)
    resume, module = tmp_path / "checkpoints" / "best.ckpt", module_for(data)
    more = fit(module, data, directory=tmp_path, max_epochs=EPOCHS, batch_size=20, resume=resume, refit=True)
    assert more is not None
    assert same(more.module.state_dict(), trained(data, refit=True).module.state_dict())
