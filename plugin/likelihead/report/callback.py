"""A figure of calibration while training, for loggers that take figures."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from likelihead.data.batch import Batch
from likelihead.data.tables.encoder import TableEncoder
from likelihead.evaluation.evaluate import as_float64
from likelihead.inference import move
from likelihead.report.answers import answers_of
from likelihead.report.calibration import pit_of
from likelihead.report.figures.calibration import pit_drawing
from likelihead.report.style import applied
from likelihead.target_types.target_type import TargetColumns
from likelihead.training.ensemble import Ensemble
from likelihead.training.module import LikelihoodModule

#: Further validation rows hardly change the figure.
MAX_ROWS = 2000


class CalibrationFigure(Callback):
    """Logs the histogram of the validation rows' PIT, one for each output, to the loggers that take figures.

    Classes without an order and rankings have no PIT. Nor is there a figure of an ensemble, whose members validate on
    different rows, or of a joint head; their reports have them.

    Args:
        every_n_epochs: how often.

    >>> CalibrationFigure(every_n_epochs=5).every_n_epochs
    5
    """

    def __init__(self, every_n_epochs: int = 1) -> None:
        self.every_n_epochs = every_n_epochs
        self._pits: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
        self._rows = 0

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Collect the PIT of the rows of the batch."""
        if self._rows >= MAX_ROWS or not self._is_due(trainer) or not _has_pit(pl_module):
            return
        rows = Batch.of(batch)
        with torch.no_grad():
            predicted = move(pl_module(rows.x, rows.exposure), "cpu", torch.float64)
        state = getattr(pl_module, "extra", {}).get("table")
        columns = TargetColumns(["y"]) if state is None else TableEncoder.from_state(state).target.columns
        for answer in answers_of(predicted, predicted, Batch(*as_float64(tuple(rows))), columns):
            for each in answer.coordinates():
                self._pits[each.label].append(pit_of(each))
        self._rows += predicted.batch_shape[0]

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw and log what was collected."""
        with applied():
            for name, parts in self._pits.items():
                figure = pit_drawing(np.concatenate(parts), name).panels[0].figure
                for logger in trainer.loggers:
                    log_figure(logger, f"calibration/{name}", figure, trainer.current_epoch)
        self._pits.clear()
        self._rows = 0

    def _is_due(self, trainer: pl.Trainer) -> bool:
        is_epoch = trainer.current_epoch % self.every_n_epochs == 0 and not trainer.sanity_checking
        return is_epoch and trainer.is_global_zero and any(map(_takes_figures, trainer.loggers))


def _has_pit(module: Any) -> bool:
    """Whether the rows of a validation batch have a PIT."""
    is_single = isinstance(module, LikelihoodModule) and not isinstance(module, Ensemble)
    return is_single and "pit" in module.head.target_type.figures


def _takes_figures(logger: Logger) -> bool:
    return isinstance(logger, TensorBoardLogger | MLFlowLogger | WandbLogger)


def log_figure(logger: Logger, name: str, figure: Figure, epoch: int) -> None:
    """Log a figure under a name, where the logger takes figures."""
    if isinstance(logger, TensorBoardLogger):
        logger.experiment.add_figure(name, figure, epoch)
    elif isinstance(logger, MLFlowLogger):
        logger.experiment.log_figure(logger.run_id, figure, f"{name}/epoch_{epoch:04d}.png")
    elif isinstance(logger, WandbLogger):
        logger.log_image(name, [figure])
