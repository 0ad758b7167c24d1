"""The best and the last checkpoint of a run, which may be moved before the run is resumed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch import Tensor

PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")
#: Saving the last state takes at most this share of the time of training.
SHARE = 0.05


class BestAndLast(ModelCheckpoint):
    """Saves the best state and the last one as often as it costs little.

    A best state is kept in memory until the last one is saved or training ends, except on several devices, where it is
    saved at once.
    The last state is saved at the end of an epoch where saving has so far taken less than `SHARE` of the time, at the
    end of training, and where training is interrupted. A resumed run keeps the best score even if its directory has
    moved, unless the best checkpoint is gone.
    """

    _spent = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._started, self._spent = time.monotonic(), 0.0
        self._waiting: dict[str, Any] = {}

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        wanted, self.save_last = self.save_last, False
        try:
            super().on_train_epoch_end(trainer, pl_module)
        finally:
            self.save_last = wanted
        if self._skips(trainer):
            return
        if self._is_last(trainer) or trainer.strategy.broadcast(self._is_due()):
            self._save_last(trainer)

    def _save_checkpoint(self, trainer: pl.Trainer, filepath: str) -> None:
        if trainer.world_size > 1 or not hasattr(self, "_waiting"):
            super()._save_checkpoint(trainer, filepath)
            return
        checkpoint = trainer._checkpoint_connector.dump_checkpoint(self.save_weights_only)
        self._waiting[filepath] = copied(checkpoint)
        self._last_global_step_saved, self._last_checkpoint_saved = trainer.global_step, filepath

    def _write(self, trainer: pl.Trainer) -> None:
        """Write what waits: the best state before the last one, which knows its score."""
        waiting, self._waiting = getattr(self, "_waiting", {}), {}
        for path, checkpoint in waiting.items():
            trainer.strategy.save_checkpoint(checkpoint, path)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        # The state is complete only where training stopped by itself; at the end of an epoch it is saved already.
        if isinstance(exception, SIGTERMException) and not self._skips(trainer) and self._is_behind(trainer):
            self._save_last(trainer)
        self._write(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save nothing new: the last state was taken after the last epoch, before averaged weights replaced it."""
        self._write(trainer)

    def _skips(self, trainer: Any) -> bool:
        return bool(trainer.fast_dev_run) or trainer.sanity_checking or not self.save_last

    def _is_behind(self, trainer: pl.Trainer) -> bool:
        return self._last_saved != trainer.global_step

    _last_saved: int | None = None

    def _is_last(self, trainer: Any) -> bool:
        """Whether training ends with this epoch."""
        loop = trainer.fit_loop
        epochs, steps = loop.max_epochs, loop.max_steps
        is_over = epochs not in (None, -1) and loop.epoch_progress.current.processed >= (epochs or 0)
        is_over = is_over or (steps != -1 and trainer.global_step >= steps)
        return is_over or trainer.should_stop or trainer.received_sigterm

    def _is_due(self) -> bool:
        return self._spent <= SHARE * (time.monotonic() - self._started)

    def _save_last(self, trainer: pl.Trainer) -> None:
        start = time.monotonic()
        self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))
        self._write(trainer)
        self._last_saved = trainer.global_step
        self._spent += time.monotonic() - start

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        state = {**state_dict, "dirpath": self.dirpath}
        state |= {key: self._moved(state[key]) for key in PATHS if state.get(key)}
        state["best_k_models"] = {self._moved(path): score for path, score in state.get("best_k_models", {}).items()}
        if all(Path(path).is_file() for path in state["best_k_models"]):
            super().load_state_dict(state)

    def _moved(self, path: str) -> str:
        return str(Path(self.dirpath or "") / Path(path).name)


def copied(value: Any) -> Any:
    """A checkpoint's contents with copies of all tensors in it.

    >>> import torch
    >>> weights = {"weight": torch.zeros(1)}
    >>> kept = copied(weights)
    >>> _ = weights["weight"].fill_(1.0)
    >>> kept
    {'weight': tensor([0.])}
    """
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value
