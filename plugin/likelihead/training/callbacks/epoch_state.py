"""What an epoch has gathered so far, in checkpoints, so that a run can be resumed in the middle of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, EarlyStopping

from likelihead.training.callbacks.member_stopping import MemberStopping
from likelihead.training.metrics_csv import MetricsCSV
from likelihead.training.processes import from_all, of_this_process


class EpochState(Callback):
    """Keeps the sums of an epoch's loss, the metrics that wait for its end, and those that a schedule waits for.

    Lightning resumes an epoch without `on_train_epoch_start`, and takes no step of a ReduceLROnPlateau at the end of
    the first epoch, or between an epoch and the next: this is done here.
    """

    def __init__(self) -> None:
        self._stored: dict[str, Any] | None = None

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        sums = {stage: from_all(trainer, total.detach()) for stage, total in pl_module._sums.items()}
        checkpoint["epoch_state"] = {
            "sums": sums,
            "metrics": _floats(trainer.callback_metrics),
            "logs": [logger.state() for logger in _csv_loggers(trainer)],
            "to_log": _floats(trainer.logged_metrics),
            "log_step": trainer.fit_loop.epoch_loop._batches_that_stepped - 1,
        }

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._stored = checkpoint.get("epoch_state")

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        stored, self._stored = self._stored, None
        if stored is None:
            return
        for logger, state in zip(_csv_loggers(trainer), stored["logs"], strict=False):
            logger.restore(state)
        if trainer.fit_loop.restarted_mid_epoch:
            self._continue_epoch(trainer, pl_module, stored)
        elif trainer.fit_loop.resumed_on_epoch_end:
            _end_epoch(trainer, pl_module, stored)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.fit_loop._restarting = False

    def _continue_epoch(self, trainer: Any, pl_module: Any, stored: dict[str, Any]) -> None:
        pending = [dict(logger.pending) for logger in _csv_loggers(trainer)]
        for callback in trainer.callbacks:
            callback.on_train_epoch_start(trainer, pl_module)
        for logger, kept in zip(_csv_loggers(trainer), pending, strict=True):
            logger.pending = kept
        pl_module._sums = {
            stage: of_this_process(trainer, totals).to(pl_module.device) for stage, totals in stored["sums"].items()
        }


def _end_epoch(trainer: Any, pl_module: Any, stored: dict[str, Any]) -> None:
    """What follows the end of an epoch, where the checkpoint was written.

    Its metrics are logged, schedules take a step, and a run that was stopped early trains no further.
    """
    for logger in _csv_loggers(trainer):
        logger.log_metrics({**stored["to_log"], "epoch": trainer.current_epoch - 1}, stored["log_step"])
    for config in trainer.lr_scheduler_configs:
        is_due = config.interval == "epoch" and trainer.current_epoch % config.frequency == 0
        if config.reduce_on_plateau and is_due and config.monitor in stored["metrics"]:
            pl_module.lr_scheduler_step(config.scheduler, stored["metrics"][config.monitor])
    rules = [callback for callback in trainer.callbacks if isinstance(callback, EarlyStopping)]
    trainer.should_stop = trainer.should_stop or any(map(_has_stopped, rules))


def _has_stopped(rule: EarlyStopping) -> bool:
    if isinstance(rule, MemberStopping):
        return bool((rule.waited >= rule.patience).all())
    return rule.wait_count >= rule.patience


def _floats(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}


def _csv_loggers(trainer: pl.Trainer) -> list[MetricsCSV]:
    return [logger for logger in trainer.loggers if isinstance(logger, MetricsCSV)]
