"""The rate of dropout falls along half a cosine to zero, and is given back after training."""

from __future__ import annotations

from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from likelihead import DistributionHead, LikelihoodModule, fit
from likelihead.training.callbacks.annealed_dropout import AnnealedDropout, annealing_factor


class Recorder(pl.Callback):
    def __init__(self) -> None:
        self.rates: list[float] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *arguments: Any) -> None:
        self.rates.append(pl_module.architecture[1].p)


def test_the_rate_falls_to_zero_by_the_given_fraction() -> None:
    network = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.4))
    recorder = Recorder()
    x, y = torch.rand(200, 2), torch.randn(200)
    fit(LikelihoodModule(network, DistributionHead("normal", in_features=4)), (x, y), max_epochs=10, batch_size=200,
        callbacks=[recorder])  # fmt: skip
    assert recorder.rates[0] == 0.4
    assert recorder.rates[3] == pytest.approx(0.2)
    assert recorder.rates == sorted(recorder.rates, reverse=True)
    assert recorder.rates[6:] == [0.0] * 4
    assert network[1].p == 0.4


def test_the_factor_is_half_a_cosine() -> None:
    assert [annealing_factor(fraction, 0.5) for fraction in (0.0, 0.25, 0.5, 0.9)] == pytest.approx([1, 0.5, 0, 0])


def test_without_a_number_of_epochs_the_rate_stays() -> None:
    layer = nn.Dropout(0.3)
    callback, trainer = AnnealedDropout(until=0.6), pl.Trainer(max_epochs=-1, logger=False, accelerator="cpu")
    module: Any = nn.Sequential(layer)
    callback.on_fit_start(trainer, module)
    callback.on_train_start(trainer, module)
    callback.on_train_epoch_start(trainer, module)
    assert layer.p == 0.3


def test_on_few_rows_the_rate_stays() -> None:
    network = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.4))
    recorder = Recorder()
    x, y = torch.rand(60, 2), torch.randn(60)
    fit(
        LikelihoodModule(network, DistributionHead("normal", in_features=4)), (x, y), max_epochs=4, callbacks=[recorder]
    )
    assert set(recorder.rates) == {0.4}
