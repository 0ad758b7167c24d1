"""Dropout that falls to zero: noise while the network explores, none while it learns how well it can fit."""

from __future__ import annotations

import math
from collections.abc import Sized

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from torch import nn

from likelihead.training.callbacks.shared_dropout import DROPOUT


class AnnealedDropout(Callback):
    """Multiplies the rate of every dropout layer by (1 + cos(π f / until)) / 2, f the fraction of epochs that are done.

    From the fraction `until` on nothing is dropped. A constant rate keeps the mean of a prediction smooth and its
    spread too large. On few rows that is right, as nothing else keeps the network from fitting each of them: there the
    rates stay as they are, and also without a number of epochs (`max_epochs=-1`).

    Args:
        until: the fraction of the epochs after which the rate is 0, in (0, 1].
        min_rows: the number of training rows below which the rates stay.
    """

    def __init__(self, until: float, min_rows: int = 0) -> None:
        self.until, self.min_rows = until, min_rows
        self._rates: dict[nn.Module, float] = {}
        self._is_annealed = True

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._rates = {layer: layer.p for layer in pl_module.modules() if isinstance(layer, DROPOUT)}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        rows = getattr(trainer.train_dataloader, "dataset", None)
        few = isinstance(rows, Sized) and len(rows) < self.min_rows
        self._is_annealed = not few and trainer.max_epochs is not None and trainer.max_epochs > 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not self._is_annealed or not trainer.max_epochs:
            return
        factor = annealing_factor(trainer.current_epoch / trainer.max_epochs, self.until)
        for layer, rate in self._rates.items():
            layer.p = rate * factor  # type: ignore[assignment]

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for layer, rate in self._rates.items():
            layer.p = rate  # type: ignore[assignment]
        self._rates = {}


def annealing_factor(fraction: float, until: float) -> float:
    """What the rate is multiplied by after a fraction of the epochs.

    >>> annealing_factor(0.0, 0.6), annealing_factor(0.6, 0.6), annealing_factor(1.0, 0.6)
    (1.0, 0.0, 0.0)
    """
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, fraction / until)))
