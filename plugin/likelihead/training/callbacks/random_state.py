"""The state of the random number generators in checkpoints, so that a resumed run equals an uninterrupted one."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback


class RandomState(Callback):
    """Seeds the generators at the start of training, or restores the state in the checkpoint of a resumed run."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._stored: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = {"cpu": torch.get_rng_state()}
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            state["cuda"] = torch.cuda.get_rng_state()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._stored = state_dict

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._stored is None:
            torch.manual_seed(self.seed)
            return
        torch.set_rng_state(self._stored["cpu"].cpu())
        if "cuda" in self._stored and pl_module.device.type == "cuda":
            torch.cuda.set_rng_state(self._stored["cuda"].cpu(), pl_module.device)
        self._stored = None
