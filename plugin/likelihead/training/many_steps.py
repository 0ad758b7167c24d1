"""Several optimiser steps in one call of Lightning's training loop, whose hooks cost more than a small step.

The arithmetic of a step is the same as in Lightning's own loop. Where something else takes part in single steps
(further devices, accumulated batches, callbacks or hooks of the user's, a scheduler by step), each call is one step, as
usual.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, LearningRateMonitor, ModelCheckpoint
from pytorch_lightning.plugins.precision import DoublePrecision, Precision
from torch import Tensor

from likelihead.data.batch import Batch
from likelihead.data.loader import Chunk, Steps
from likelihead.training.callbacks.averaging import MovingAverage
from likelihead.training.callbacks.progress import EpochBar
from likelihead.training.callbacks.random_state import RandomState
from likelihead.training.callbacks.shared_dropout import SharedDropout
from likelihead.training.interruption import StopAtSignal

#: The most steps in a call: the progress bar, signals and stopping conditions wait for its end.
MOST = 100
#: The hooks by which a callback or a module takes part in single steps.
HOOKS = (
    "on_train_batch_start",
    "on_train_batch_end",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
)
#: The methods of a module that make up a step.
METHODS = (
    *HOOKS,
    "training_step",
    "optimizer_step",
    "optimizer_zero_grad",
    "backward",
    "configure_gradient_clipping",
    "clip_gradients",
    "clip",
    "transfer_batch_to_device",
    "on_before_batch_transfer",
    "on_after_batch_transfer",
)
#: Hooks of callbacks that do nothing, or are as right after several steps as after each.
_HARMLESS = {getattr(Callback, hook) for hook in HOOKS} | {
    EpochBar.on_train_batch_end,
    MovingAverage.on_train_batch_end,
    SharedDropout.on_train_batch_start,
    ModelCheckpoint.on_train_batch_end,
    LearningRateMonitor.on_train_batch_start,
    StopAtSignal.on_train_batch_end,
    RandomState.on_train_batch_start,
}


def steps_at_once(trainer: pl.Trainer, module_class: type) -> int:
    """How many optimiser steps a call may take; 1 where something takes part in single steps.

    Args:
        trainer: a Trainer that is about to train.
        module_class: the class whose methods make up the step; a subclass that overrides one of them takes single
            steps.
    """
    module = trainer.lightning_module
    is_free = (
        all(getattr(type(module), name, None) is getattr(module_class, name) for name in METHODS)
        and _has_plain_limits(trainer)
        and _has_plain_optimizer(trainer)
        and type(trainer.precision_plugin) in (Precision, DoublePrecision)
        and not any(map(_takes_part, trainer.callbacks))  # type: ignore[attr-defined]
    )
    return MOST if is_free else 1


def _has_plain_limits(trainer: pl.Trainer) -> bool:
    return (
        trainer.world_size == trainer.accumulate_grad_batches == 1
        and trainer.max_steps == -1
        and trainer.limit_train_batches == trainer.val_check_interval == 1.0
        and not trainer.overfit_batches  # type: ignore[attr-defined]
        and not trainer.fast_dev_run  # type: ignore[attr-defined]
        and trainer.gradient_clip_algorithm in (None, "norm")
    )


def _has_plain_optimizer(trainer: pl.Trainer) -> bool:
    by_epoch = all(config.interval == "epoch" for config in trainer.lr_scheduler_configs)
    kinds = {type(optimizer) for optimizer in trainer.optimizers}
    is_known = all(kind.__module__.startswith("torch.optim") for kind in kinds)
    return by_epoch and len(trainer.optimizers) == 1 and is_known and torch.optim.LBFGS not in kinds


def _takes_part(callback: Callback) -> bool:
    if isinstance(callback, LearningRateMonitor) and callback.logging_interval != "epoch":
        return True
    if isinstance(callback, ModelCheckpoint) and (
        callback._every_n_train_steps > 0 or callback._train_time_interval is not None
    ):
        return True
    return any(getattr(type(callback), hook) not in _HARMLESS for hook in HOOKS)


def clip(gradients: list[Tensor], largest: float) -> None:
    """Scale gradients down to a norm of at most `largest`, by the arithmetic of `torch.nn.utils.clip_grad_norm_`.

    >>> gradients = [torch.tensor([3.0, 4.0])]
    >>> clip(gradients, 1.0)
    >>> gradients[0]
    tensor([0.6000, 0.8000])
    """
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    # A GPU is not waited for.
    if norm.is_cpu and norm.item() + 1e-6 <= largest:
        return
    torch._foreach_mul_(gradients, (largest / (norm + 1e-6)).clamp(max=1.0))


def _is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == __name__.partition(".")[0]


def take_steps(module: Any, optimizer: torch.optim.Optimizer, batches: Any) -> None:
    """A step for each batch: loss, gradient, clipping, update, and what callbacks do after a step.

    The counters of Lightning's loop go on as if each had been a call of its own.
    """
    trainer: Any = module.trainer
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    averages = [callback for callback in trainer.callbacks if isinstance(callback, MovingAverage)]
    largest = trainer.gradient_clip_val
    steps, taken = _completed_steps(trainer), 0
    try:
        with trainer.precision_plugin.train_step_context():
            for batch in batches:
                loss = module.training_step(batch, 0)
                for parameter in parameters:
                    parameter.grad = None
                module.backward(loss)
                if largest:
                    module.clip(
                        [parameter.grad for parameter in parameters if parameter.grad is not None], float(largest)
                    )
                optimizer.step()
                taken += 1
                for average in averages:
                    average.after_step(module, steps + taken)
    finally:
        _count(trainer, taken)


def _completed_steps(trainer: Any) -> int:
    completed: int = trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step.total.completed
    return completed


def _count(trainer: Any, steps: int) -> None:
    """Tell Lightning's loop of so many more steps."""
    loop = trainer.fit_loop.epoch_loop
    loop._batches_that_stepped += steps
    trainer.fit_loop._data_fetcher.fetched += steps
    for progress in (loop.batch_progress, loop.automatic_optimization.optim_progress.optimizer.step):
        for counts in (progress.total, progress.current):
            for stage in asdict(counts):
                setattr(counts, stage, getattr(counts, stage) + steps)


def _look_for_the_end(trainer: Any) -> None:
    """Let Lightning know whether the step to come is the last of the epoch."""
    fetcher = trainer.fit_loop._data_fetcher
    fetcher.done = fetcher.fetched >= fetcher.length
    trainer.fit_loop.epoch_loop.batch_progress.is_last_batch = fetcher.done


class ManySteps(pl.LightningModule):
    """A LightningModule that takes a step for each batch of a `Chunk`."""

    _chunk: Chunk | Steps | None = None
    _last_batch: Batch | None = None

    def steps_at_once(self) -> int:
        """How many steps one call of `optimizer_step` may take, when the Trainer is about to train."""
        return steps_at_once(self.trainer, next(kind for kind in type(self).__mro__ if _is_ours(kind)))

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Keep the chunk of batches that `optimizer_step` takes apart."""
        self._chunk = batch if isinstance(batch, Chunk | Steps) else None

    def optimizer_step(
        self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Callable[[], Any] | None = None
    ) -> None:
        """A step; of a chunk of several batches, a step for each, the last of them in the way of Lightning."""
        if self._chunk is not None:
            *batches, self._last_batch = self._chunk.batches()
            take_steps(self, self.trainer.optimizers[0], batches)
            _look_for_the_end(self.trainer)
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)

    def clip(self, gradients: list[Tensor], largest: float) -> None:
        """Scale the gradients of a step down to a norm of at most `largest`, in place."""
        clip(gradients, largest)

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Compute the gradient of the loss summed over all rows of a step, on any number of devices.

        Lightning averages gradients over devices and over accumulated batches; only this method undoes that.
        """
        factor = self.trainer.world_size * self.trainer.accumulate_grad_batches
        (loss * factor if factor != 1 else loss).backward(*args, **kwargs)

    def batch_of_step(self, batch: Any) -> Batch:
        """The batch that `training_step` is given: of a chunk, the last one."""
        return self._last_batch if isinstance(batch, Chunk | Steps) else Batch.of(batch)  # type: ignore[return-value]

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning writes this name some forty times in a step, and a module looks for parameters each time.
        if name in ("_current_fx_name", "_chunk", "_last_batch"):
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)
