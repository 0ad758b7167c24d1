"""Refit: once the best epoch is known, the network is trained again for as many, on the validation rows as well."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, LearningRateMonitor, ModelCheckpoint, Timer

from likelihead.data.batch import Batch
from likelihead.data.dataset import Examples
from likelihead.errors import LikelihoodError
from likelihead.training.callbacks.checkpoints import BestAndLast, copied
from likelihead.training.checkpoint import load_weights, read
from likelihead.training.checkpoint_files import AtomicCheckpointIO
from likelihead.training.data_module import DataModule
from likelihead.training.module import LikelihoodModule
from likelihead.training.refitted import HELD_OUT
from likelihead.training.train import start, train

#: Makes the Trainer of a refit with these callbacks, among them a checkpoint, from the numbers of rows and epochs.
MakeTrainer = Callable[[list[Callback], int, int], pl.Trainer]
#: Callbacks that a refit does without.
OF_FIRST_FIT = (EarlyStopping, ModelCheckpoint, LearningRateMonitor)

LAST = "last.ckpt"
#: With fewer training rows, the best epoch is a matter of a few validation rows, and a refit gains nothing.
MIN_ROWS = 200


def can_refit(rows: pl.LightningDataModule, trainer: pl.Trainer, calibrate: str | None) -> bool:
    """Whether the validation rows may be learned from once they have decided when to stop.

    They may if they were split off here from enough rows, and no calibration needs rows that the network has not seen.
    Several devices, limits of steps or time and rows that are streamed leave the first fit as it is.
    """
    if type(rows) is not DataModule or rows.data is None or calibrate is not None:
        return False
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    has_limits = trainer.max_steps != -1 or any(isinstance(callback, Timer) for callback in callbacks)
    learned, held_out = rows.rows["train"], rows.rows["validation"]
    if not isinstance(learned, Examples) or not isinstance(held_out, Examples):
        return False
    has_rows = len(learned) >= MIN_ROWS and len(held_out) > 0
    return has_rows and not has_limits and trainer.world_size == 1


class Refit:
    """What a refit needs of the first fit, noted before it starts.

    Args:
        module: before training.
        rows: training, validation and test rows.
        weights: a checkpoint whose weights training starts from, if any.
        make_trainer: makes a Trainer without early stopping and checkpoints.
    """

    def __init__(
        self,
        module: LikelihoodModule,
        rows: DataModule,
        weights: str | Path | None,
        make_trainer: MakeTrainer,
    ) -> None:
        self.module, self.rows, self.weights, self.make_trainer = module, rows, weights, make_trainer
        self.initial = copied(module.state_dict())

    def __call__(self, first: pl.Trainer, best: Path, is_resumed: bool, seeded: Callable[[], Any]) -> None:
        """Train again, and put the weights in place of those in the best checkpoint, which keeps both.

        Args:
            first: the Trainer of the first fit.
            best: its best checkpoint.
            is_resumed: whether an interrupted refit may be continued.
            seeded: a context in which random numbers are those of the run.
        """
        if isinstance(first.optimizers[0], torch.optim.LBFGS):
            return
        module, contents = self.module, read(best)
        stop = StopAfter(int(contents["epoch"]) + 1, int(contents["global_step"]))
        folder, held_out, again = best.parent / "refit", copied(module.state_dict()), all_rows(self.rows)
        module.load_state_dict(self.initial)
        with seeded():
            start(module, again, self.weights)
        count = len(again.rows["train"])  # type: ignore[arg-type]
        trainer = self._trainer(first, stop, folder, count)
        train(trainer, module, again, _unfinished(folder, stop) if is_resumed else None)
        # Where it had already ended when it was interrupted, no averaged weights were put into the module.
        load_weights(module, read(folder / LAST)["state_dict"], str(folder))
        module.held_out = held_out
        module.extra["refit"] = {"rows": count, "epochs": stop.epochs}
        whole = {"likelihead": module.describe(), "state_dict": module.state_dict(), HELD_OUT: held_out}
        AtomicCheckpointIO().save_checkpoint({**contents, **whole}, best)
        shutil.rmtree(folder, ignore_errors=True)

    def _trainer(self, first: pl.Trainer, stop: StopAfter, folder: Path, count: int) -> pl.Trainer:
        last = BestAndLast(folder, save_top_k=0, save_last=True, save_on_train_epoch_end=True)
        trainer = self.make_trainer([stop, last], count, stop.epochs)
        trainer.gradient_clip_val, trainer.fit_loop.min_epochs = first.gradient_clip_val, 0
        return trainer


def all_rows(rows: DataModule) -> DataModule:
    """The training and validation rows as training rows, in batches of the same size."""
    parts: list[Any] = [rows.rows["train"], rows.rows["validation"]]
    both = Batch.combined([part[:] for part in parts], torch.cat)
    return DataModule(Examples(**both._asdict()), None, None, rows.batch_size, rows.seed, rows.data)


def _unfinished(folder: Path, stop: StopAfter) -> Path | None:
    """The last state of a refit that was interrupted, unless that followed another first fit."""
    last = folder / LAST
    try:
        states: Mapping[str, Any] = read(last)["callbacks"]
    except (LikelihoodError, KeyError):
        return None
    return last if states.get(stop.state_key) == stop.state_dict() else None


class StopAfter(Callback):
    """Ends training after so many epochs, while schedules go by the epochs that the Trainer has.

    Args:
        epochs: how many.
        steps: those of the first fit, by which its refit is known.
    """

    def __init__(self, epochs: int, steps: int) -> None:
        self.epochs, self.steps = epochs, steps

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs, "steps": self.steps}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.should_stop = trainer.should_stop or trainer.current_epoch >= self.epochs

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.should_stop = trainer.should_stop or trainer.current_epoch + 1 >= self.epochs
