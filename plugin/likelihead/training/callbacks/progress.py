"""Progress of a run: a progress bar on a terminal, otherwise occasional lines of text."""

from __future__ import annotations

import logging
from typing import Any

import pytorch_lightning as pl
from lightning_utilities.core.rank_zero import rank_zero_only
from pytorch_lightning.callbacks import Callback, RichProgressBar

log = logging.getLogger("likelihead")


class EpochBar(RichProgressBar):
    """Lightning's progress bar without the version number of the logger."""

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        return {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}


class EpochLines(Callback):
    """Logs the metrics as a line of text about `lines` times in a run, for outputs that cannot show a progress bar."""

    def __init__(self, lines: int = 10) -> None:
        self.lines = lines

    # The metrics of an epoch are complete once the next one starts.
    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        last = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None
        every = max(1, last // self.lines) if last else 10
        if trainer.current_epoch == 1 or trainer.current_epoch % every == 0:
            self._log(trainer, trainer.current_epoch)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._log(trainer, trainer.current_epoch)

    @rank_zero_only
    def _log(self, trainer: pl.Trainer, epoch: int) -> None:
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if name.endswith("/nll")}
        if metrics and epoch:
            text = ", ".join(f"{name} {value:.4f}" for name, value in sorted(metrics.items()))
            log.info("epoch %d of %s: %s", epoch, trainer.max_epochs, text)
