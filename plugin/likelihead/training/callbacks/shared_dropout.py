"""Dropout that does not depend on how many processes share a batch."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn
from torch.nn import functional

from likelihead.training.data_module import Loader


class SharedDropout(Callback):
    """Every process draws the units to drop for all rows of a step, from one seed, and takes those of its own rows."""

    def __init__(self) -> None:
        self._start, self._rows = 0, 0
        self._changed: list[nn.Dropout] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.world_size > 1:
            self._changed = [layer for layer in pl_module.modules() if isinstance(layer, nn.Dropout)]
        for layer in self._changed:
            layer.forward = partial(self._drop, layer)  # type: ignore[method-assign]

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        loader = trainer.train_dataloader
        if self._changed and isinstance(loader, Loader):
            self._start, self._rows = loader.place(batch_idx)

    def _drop(self, layer: nn.Dropout, x: Tensor) -> Tensor:
        if not layer.training or self._rows < len(x):
            return functional.dropout(x, layer.p, layer.training)
        drawn = functional.dropout(x.new_ones(self._rows, *x.shape[1:]), layer.p)
        return x * drawn[self._start : self._start + len(x)]

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for layer in self._changed:
            del layer.forward
        self._changed = []
