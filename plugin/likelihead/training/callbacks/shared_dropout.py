"""Dropout that does not depend on the number of processes that share a batch."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn
from torch.nn import functional

from likelihead.data.loader import SharesRows

log = logging.getLogger("likelihead")

#: The layers of torch that drop units of their input.
DROPOUT = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)


class SharedDropout(Callback):
    """Makes every process draw the dropped units of all rows of a step, from one seed, and use those of its rows.

    Attention and recurrent layers draw theirs internally, which cannot be shared: a warning names them.
    """

    def __init__(self) -> None:
        self._start, self._rows, self._all_rows = 0, 0, 0
        self._changed: list[nn.Module] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.world_size == 1:
            return
        self._changed = [layer for layer in pl_module.modules() if isinstance(layer, DROPOUT)]
        for layer in self._changed:
            layer.forward = partial(self._drop, layer)
        unshared = sorted({type(layer).__name__ for layer in pl_module.modules() if _drops_inside(layer)})
        if unshared and trainer.is_global_zero:
            log.warning(
                "%s: dropout inside these layers depends on the number of processes, so that %d of them do not "
                "train exactly as one does; set it to 0 where that matters",
                ", ".join(unshared),
                trainer.world_size,
            )

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        loader = trainer.train_dataloader
        if self._changed and isinstance(loader, SharesRows):
            start, end, self._all_rows = loader.share(batch_idx)
            self._start, self._rows = start, end - start

    def _drop(self, layer: nn.Module, x: Tensor) -> Tensor:
        forward = type(layer).forward
        if not layer.training or self._rows != len(x) or self._all_rows == self._rows:
            dropped: Tensor = forward(layer, x)
            return dropped
        after = self._all_rows - self._start - self._rows
        whole = functional.pad(x, [0, 0] * (x.dim() - 1) + [self._start, after])
        dropped = forward(layer, whole)
        return dropped[self._start : self._start + self._rows]

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for layer in self._changed:
            del layer.forward
        self._changed = []


def _drops_inside(layer: nn.Module) -> bool:
    return isinstance(layer, nn.MultiheadAttention | nn.RNNBase) and layer.dropout > 0
