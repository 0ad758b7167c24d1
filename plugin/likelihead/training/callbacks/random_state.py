"""The state of the random number generators in checkpoints, so that a resumed run equals an uninterrupted one."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from likelihead.training.processes import from_all, of_this_process


class RandomState(Callback):
    """Seeds the generators at the start of training, or restores their state from the checkpoint of a resumed run.

    Each process has its own generators, and the checkpoint holds those of all.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._stored: dict[str, Any] | None = None

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        state: dict[str, Any] = {"cpu": from_all(trainer, torch.get_rng_state())}
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            state["cuda"] = from_all(trainer, torch.cuda.get_rng_state())
        checkpoint["random_state"] = state

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._stored = checkpoint.get("random_state")

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._stored is None:
            torch.manual_seed(self.seed)
        self._restore(trainer, pl_module)

    # The iterator of a loader, which may draw from the generators, is made after this hook in a new epoch.
    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._restore(trainer, pl_module)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._stored = None

    def _restore(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._stored is None:
            return
        torch.set_rng_state(of_this_process(trainer, self._stored["cpu"]).cpu())
        if "cuda" in self._stored and pl_module.device.type == "cuda":
            torch.cuda.set_rng_state(of_this_process(trainer, self._stored["cuda"]).cpu(), pl_module.device)
