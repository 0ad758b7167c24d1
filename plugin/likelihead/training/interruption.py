"""Ctrl-C and SIGTERM end training after the step that is under way, with its state saved."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.types import _Stateful
from pytorch_lightning.callbacks import Callback

from likelihead.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopAtSignal(Callback):
    """Stops training at SIGINT or SIGTERM, all processes after the same step; a second signal stops at once.

    Training stops between two steps of an epoch where the loader can continue there, and otherwise after the epoch.
    Process 0 decides, and tells the others in place of Lightning, which knows SIGTERM only and may stop processes at
    different steps.

    Attributes:
        received: the number of the signal; None if there was none.
        has_started: whether training has started: what a checkpoint holds is restored before.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.has_started = False

    # Lightning installs its own handlers before this hook, and puts back those that it found after training.
    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.received, self.has_started = None, True
        trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = _nothing  # type: ignore[method-assign]
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._receive if trainer.is_global_zero else signal.SIG_IGN)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            raise Interrupted(number)
        self.received = number

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._agree(trainer)
        if self.received is not None and _can_stop(trainer):
            trainer._signal_connector.received_sigterm = True

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._agree(trainer)
        trainer._signal_connector.received_sigterm = self.received is not None

    def _agree(self, trainer: pl.Trainer) -> None:
        """Let every process know what process 0 has received."""
        if trainer.world_size > 1:
            number = torch.tensor(self.received or 0, device=trainer.strategy.root_device)
            torch.distributed.broadcast(number, src=0)
            self.received = int(number) or None


def _nothing() -> None:
    pass


def _can_stop(trainer: pl.Trainer) -> bool:
    """Whether the state after this batch is complete: no gradient accumulated, no validation or epoch end to follow."""
    loop, loader, fetcher = trainer.fit_loop.epoch_loop, trainer.train_dataloader, trainer.fit_loop._data_fetcher
    is_endless = trainer.num_training_batches == float("inf")
    if fetcher is None or not (isinstance(loader, _Stateful) or is_endless):
        return False
    return not (loop._is_training_done or loop._should_accumulate() or loop._should_check_val_fx(fetcher))


def received_signal(trainer: Any) -> int | None:
    """The signal that stopped training; None if there was none."""
    return next((stop.received for stop in trainer.callbacks if isinstance(stop, StopAtSignal)), None)


def has_started(trainer: Any) -> bool:
    """Whether training has started; True for a trainer of the user's own, which does not say so."""
    return all(stop.has_started for stop in trainer.callbacks if isinstance(stop, StopAtSignal))
