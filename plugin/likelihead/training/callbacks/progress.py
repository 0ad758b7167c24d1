"""Progress of a run: a progress bar on a terminal, otherwise occasional lines of text."""

from __future__ import annotations

import logging
from typing import Any

import pytorch_lightning as pl
from lightning_utilities.core.rank_zero import rank_zero_only
from pytorch_lightning.callbacks import Callback, ProgressBar
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

log = logging.getLogger("likelihead")


class EpochBar(ProgressBar):
    """A progress bar of the whole run, with the epoch, the time left and the NLLs.

    Args:
        leave: whether the bar stays on the terminal at the end.
        console: where to draw; by default the terminal.
    """

    def __init__(self, leave: bool = False, console: Console | None = None) -> None:
        super().__init__()
        self.leave, self.console = leave, console
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._is_enabled = True

    def disable(self) -> None:
        self._is_enabled = False

    def enable(self) -> None:
        self._is_enabled = True

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not self._is_enabled or not trainer.is_global_zero:
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._bar = Progress(
            *columns, TextColumn("{task.fields[nlls]}"), console=self.console, transient=not self.leave,
            speed_estimate_period=300.0,
        )  # fmt: skip
        total, start = last_epoch(trainer), trainer.current_epoch
        self._task = self._bar.add_task(_epoch(trainer, start + 1), total=total, completed=start, nlls="")
        self._bar.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        share = (batch_idx + 1) / trainer.num_training_batches
        self._update(trainer, trainer.current_epoch + (share if share <= 1.0 else 0.0))

    # The metrics of an epoch are complete once the next one starts.
    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._update(trainer, trainer.current_epoch, nlls=_nlls(trainer))

    def _update(self, trainer: pl.Trainer, done: float, **fields: Any) -> None:
        if self._bar is not None:
            description = _epoch(trainer, trainer.current_epoch + 1)
            self._bar.update(self._task, completed=done, description=description, **fields)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._stop()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def last_epoch(trainer: pl.Trainer) -> int | None:
    """The most epochs of a run; None without a limit."""
    return trainer.max_epochs if trainer.max_epochs is not None and trainer.max_epochs > 0 else None


def _epoch(trainer: pl.Trainer, number: int) -> str:
    """`epoch 1 of 300`; epochs are counted from 1."""
    last = last_epoch(trainer)
    return f"epoch {number}" if last is None else f"epoch {min(number, last)} of {last}"


def _nlls(trainer: pl.Trainer) -> str:
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if name.endswith("/nll")}
    return ", ".join(f"{name} {value:.4f}" for name, value in sorted(metrics.items()))


class EpochLines(Callback):
    """Logs the metrics as a line of text about `lines` times in a run, for outputs that cannot show a progress bar."""

    def __init__(self, lines: int = 10) -> None:
        self.lines = lines

    # The metrics of an epoch are complete once the next one starts.
    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        last = last_epoch(trainer)
        every = max(1, last // self.lines) if last else 10
        if trainer.current_epoch == 1 or trainer.current_epoch % every == 0:
            self._log(trainer, trainer.current_epoch)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._log(trainer, trainer.current_epoch)

    @rank_zero_only
    def _log(self, trainer: pl.Trainer, epoch: int) -> None:
        if epoch and _nlls(trainer):
            log.info("%s: %s", _epoch(trainer, epoch), _nlls(trainer))
