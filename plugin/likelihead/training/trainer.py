"""The default Trainer of `fit`, with the settings of the shipped configs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, EarlyStopping

from likelihead.configs import defaults
from likelihead.training.callbacks.annealed_dropout import AnnealedDropout
from likelihead.training.callbacks.averaging import MovingAverage
from likelihead.training.callbacks.checkpoints import BestAndLast
from likelihead.training.callbacks.epoch_state import EpochState
from likelihead.training.callbacks.random_state import RandomState
from likelihead.training.callbacks.shared_dropout import SharedDropout
from likelihead.training.checkpoint_files import AtomicCheckpointIO
from likelihead.training.interruption import StopAtSignal
from likelihead.training.metrics_csv import MetricsCSV


def default_trainer(directory: Path, monitor: str | None, seed: int, logs: bool, **options: Any) -> pl.Trainer:
    """A Trainer with early stopping, averaged weights, and checkpoints of the best and the last weights.

    Args:
        directory: where checkpoints are written.
        monitor: the logged metric by which the best epoch is chosen; None for neither early stopping nor checkpoints.
        seed: the seed of dropout.
        logs: whether metrics.csv is written.
        options: arguments of Lightning's Trainer, which take precedence.
    """
    chosen: dict[str, Any] = {"max_epochs": defaults("trainer/default")["max_epochs"], "enable_progress_bar": False}
    chosen |= {"enable_model_summary": False, "num_sanity_val_steps": 0, "use_distributed_sampler": False}
    callbacks = [*_callbacks(directory, monitor, seed), *options.pop("callbacks", [])]
    plugins = [AtomicCheckpointIO(), *options.pop("plugins", [])]
    loggers: Any = [MetricsCSV(directory)] if logs else False
    return pl.Trainer(
        **{**chosen, "logger": loggers, "default_root_dir": directory, **options}, callbacks=callbacks, plugins=plugins
    )


def _callbacks(directory: Path, monitor: str | None, seed: int) -> list[Callback]:
    options = defaults("callbacks/default")
    choosing: list[Callback] = []
    if monitor is not None:
        choosing.append(BestAndLast(directory / "checkpoints", monitor=monitor, **options["checkpoint"]))
        choosing.append(EarlyStopping(monitor=monitor, **options["early_stopping"]))
    return [
        *choosing,
        MovingAverage(**options["averaging"]),
        AnnealedDropout(**options["dropout"]),
        *of_every_run(seed),
    ]


def of_every_run(seed: int) -> list[Callback]:
    """The callbacks without which a run cannot be stopped and resumed exactly, or shared by processes."""
    return [RandomState(seed), SharedDropout(), EpochState(), StopAtSignal()]


def clip_by_row(trainer: pl.Trainer, rows: int) -> None:
    """Clip gradients at 1 per row of a step, as the loss of a step is a sum over its rows."""
    if trainer.gradient_clip_val is None:
        trainer.gradient_clip_val = float(rows)
