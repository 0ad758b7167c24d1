"""Weights averaged over the last steps: smoother to judge, to keep and to predict with."""

from __future__ import annotations

from collections.abc import Sequence

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor

#: For so many steps every one is averaged, so that a short run is not averaged over stale weights.
EVERY_STEP_UNTIL = 100


class MovingAverage(WeightAveraging):
    """A moving average of the weights, which replaces them in validation, in checkpoints and at the end of training.

    It spans a tenth of the steps so far, and update_every_n_steps / (1 - decay) steps at most: a short run is not held
    back by the weights that it started from.

    Args:
        decay: the weight of the past in an update of a long run.
        update_every_n_steps: how often the average is updated after the first hundred steps.
    """

    def __init__(self, decay: float, update_every_n_steps: int = 1) -> None:
        @torch.no_grad()
        def update(average: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
            weight = weight_of_update(int(count), decay, update_every_n_steps)
            if average[0].is_floating_point():
                torch._foreach_lerp_(list(average), list(current), weight)
                return
            for kept, new in zip(average, current, strict=True):
                kept.copy_(new)

        super().__init__(multi_avg_fn=update)
        self.update_every_n_steps = update_every_n_steps

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        if stage == "fit" and self._average_model is not None:
            # Lightning converts the module, to float64 for example, after it was copied for the average.
            self._average_model = trainer.precision_plugin.convert_module(self._average_model)  # type: ignore[assignment]

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """Whether the average takes in the step that just ended."""
        if step_idx is None:
            return False
        return step_idx < EVERY_STEP_UNTIL or step_idx % self.update_every_n_steps == 0


def weight_of_update(updates: int, decay: float, every: int) -> float:
    """The weight of the current weights in the next update of the average, after so many.

    >>> weight_of_update(5, 0.96, every=4), weight_of_update(50, 0.96, every=4), weight_of_update(5000, 0.96, every=4)
    (1.0, 0.2, 0.04)
    """
    late = max(0, updates - EVERY_STEP_UNTIL)
    steps, taken = updates - late + every * late, every if late else 1
    span = min(0.1 * steps, every / (1.0 - decay))
    return round(min(1.0, taken / max(span, 1.0)), 12)
