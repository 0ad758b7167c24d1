"""Weights averaged over the last steps: smoother to judge, to keep and to predict with."""

from __future__ import annotations

import itertools
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor, nn

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
        super().__init__()
        self.decay, self.update_every_n_steps = decay, update_every_n_steps
        self._tensors: list[tuple[list[Tensor], list[Tensor]]] = []

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

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Lightning copies the module before it moves it to its device.
        self._average_model = self._average_model.to(pl_module.device)  # type: ignore[union-attr]
        self._tensors = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.after_step(pl_module, trainer.global_step)

    @torch.no_grad()
    def after_step(self, pl_module: nn.Module, steps: int) -> None:
        """Take the weights into the average if it is their turn, after so many optimiser steps."""
        if steps <= self._latest_update_step or not self.should_update(step_idx=steps - 1):
            return
        count = self._average_model.n_averaged  # type: ignore[union-attr]
        weight = weight_of_update(int(count), self.decay, self.update_every_n_steps)
        (average, current), *fixed = self._pairs(pl_module)
        torch._foreach_lerp_(average, current, weight)
        for kept, new in fixed:
            torch._foreach_copy_(kept, new)
        count += 1
        self._latest_update_step = steps

    def _pairs(self, pl_module: nn.Module) -> list[tuple[list[Tensor], list[Tensor]]]:
        """The tensors of the average and of the module, those with fractions first and the whole numbers after."""
        if not self._tensors:
            pairs = list(zip(_tensors(self._average_model.module), _tensors(pl_module), strict=True))  # type: ignore[union-attr]
            for fractions in (True, False):
                chosen = [pair for pair in pairs if pair[0].is_floating_point() == fractions]
                if chosen or fractions:
                    self._tensors.append(([kept for kept, _ in chosen], [new for _, new in chosen]))
        return self._tensors

    @torch.no_grad()
    def _swap_models(self, pl_module: pl.LightningModule) -> None:
        for average, current in self._pairs(pl_module):
            kept = [tensor.clone() for tensor in average]
            torch._foreach_copy_(average, current)
            torch._foreach_copy_(current, kept)


def _tensors(module: nn.Module) -> list[Tensor]:
    """Parameters and buffers, without their gradients."""
    return [tensor.detach() for tensor in itertools.chain(module.parameters(), module.buffers())]


def weight_of_update(updates: int, decay: float, every: int) -> float:
    """The weight of the current weights in the next update of the average, after so many.

    >>> weight_of_update(5, 0.96, every=4), weight_of_update(50, 0.96, every=4), weight_of_update(5000, 0.96, every=4)
    (1.0, 0.2, 0.04)
    """
    late = max(0, updates - EVERY_STEP_UNTIL)
    steps, taken = updates - late + every * late, every if late else 1
    span = min(0.1 * steps, every / (1.0 - decay))
    return round(min(1.0, taken / max(span, 1.0)), 12)
