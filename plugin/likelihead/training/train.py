"""One training, from the marginal fit to the best weights."""

from __future__ import annotations

import signal
from pathlib import Path

import pytorch_lightning as pl
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.utilities.exceptions import SIGTERMException

from likelihead.errors import DAMAGED, Interrupted, LikelihoodError, one_line
from likelihead.training.checkpoint import load_weights, read
from likelihead.training.interruption import has_started, received_signal
from likelihead.training.module import LikelihoodModule
from likelihead.training.processes import ended_together
from likelihead.training.refitted import HELD_OUT


def start(module: LikelihoodModule, rows: pl.LightningDataModule, weights: str | Path | None) -> None:
    """Start at the marginal fit of the training targets, or at the weights of another run, with its marginal fit."""
    module.held_out = None
    module.extra.pop("refit", None)
    module.fit_marginal(rows)
    if weights is not None:
        load_weights(module, read(weights)["state_dict"], str(weights))


def train(
    trainer: pl.Trainer, module: LikelihoodModule, rows: pl.LightningDataModule, resume: str | Path | None
) -> None:
    """Train by a Trainer, or go on from the checkpoint of an interrupted training.

    Raises:
        LikelihoodError: a setting that Lightning refuses, or a damaged checkpoint.
        Interrupted: a signal stopped training.
    """
    try:
        with ended_together(trainer):
            trainer.fit(module, datamodule=rows, ckpt_path=resume, weights_only=True if resume else None)
    except MisconfigurationException as error:
        raise LikelihoodError(f"training cannot start: {one_line(error)}") from error
    except DAMAGED as error:
        if resume is None or isinstance(error, LikelihoodError) or has_started(trainer):
            raise
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        raise LikelihoodError(
            f"training cannot continue from {str(resume)!r}, whose state is damaged or not that of this run ({reason})"
        ) from error
    except SIGTERMException:
        raise Interrupted(received_signal(trainer) or signal.SIGTERM) from None
    if number := received_signal(trainer):
        raise Interrupted(number)


def restore_best(trainer: pl.Trainer, module: LikelihoodModule) -> Path | None:
    """Load the weights of the best checkpoint, and return its path; if none was kept, those of the last step stay."""
    path = getattr(trainer.checkpoint_callback, "best_model_path", "")
    if not path or not Path(path).is_file():
        return None
    contents = read(path)
    # Of a run that had ended and was continued, the best weights may have been refitted.
    load_weights(module, contents.get(HELD_OUT, contents["state_dict"]), str(path))
    return Path(path)
