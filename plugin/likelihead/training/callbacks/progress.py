"""Progress of a run: a bar on a terminal, elsewhere a line of text now and then."""

from __future__ import annotations

import logging
from typing import Any

import pytorch_lightning as pl
from lightning_utilities.core.rank_zero import rank_zero_only
from pytorch_lightning.callbacks import Callback, RichProgressBar

log = logging.getLogger("likelihead")


class EpochBar(RichProgressBar):
    """Lightning's progress bar without the number of the log."""

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        return {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}


class EpochLines(Callback):
    """Says how training goes in a plain line now and then, where no progress bar can be drawn."""

    def __init__(self, lines: int = 10) -> None:
        self.lines = lines

    # The figures of an epoch are complete once the next one starts.
    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        last = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None
        every = max(1, last // self.lines) if last else 10
        if trainer.current_epoch == 1 or trainer.current_epoch % every == 0:
            self._say(trainer, trainer.current_epoch)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._say(trainer, trainer.current_epoch)

    @rank_zero_only
    def _say(self, trainer: pl.Trainer, done: int) -> None:
        figures = {name: float(value) for name, value in trainer.callback_metrics.items() if name.endswith("/nll")}
        if figures and done:
            told = ", ".join(f"{name} {value:.4f}" for name, value in sorted(figures.items()))
            log.info("epoch %d of %s: %s", done, trainer.max_epochs, told)
