"""The Trainer and the optimiser of an estimator: what the commands use, in memory and for short runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

from likelihead.configs import defaults
from likelihead.errors import LikelihoodError
from likelihead.training.callbacks.annealed_dropout import AnnealedDropout
from likelihead.training.callbacks.averaging import MovingAverage
from likelihead.training.callbacks.random_state import RandomState


class BestWeights(Callback):
    """Keeps the weights of the best validation epoch in memory, and puts them back after training.

    It goes before the callback that averages weights, so that it sees the averaged ones that were validated.
    """

    def __init__(self) -> None:
        self.nll = float("inf")
        self._validated: dict[str, Tensor] = {}
        self._best: dict[str, Tensor] = {}

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._validated = {name: value.clone() for name, value in pl_module.state_dict().items()}

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        nll = float(trainer.callback_metrics["validation/nll"])
        if nll < self.nll:
            self.nll, self._best = nll, self._validated

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._best:
            pl_module.load_state_dict(self._best)


def adamw_trainer(
    max_epochs: int, patience: int, seed: int, held_out: bool, members: int, rows_per_step: int, **options: Any
) -> pl.Trainer:
    """Early stopping, averaged weights, gradients clipped at 1 per row; nothing is written.

    Args:
        held_out: whether there are validation rows, by whose NLL training stops and the best weights are chosen.
        members: the number of networks; those of an ensemble keep their best weights themselves.
        options: arguments of Lightning's Trainer.
    """
    chosen = defaults("callbacks/default")
    stopping = {**chosen["early_stopping"], "patience": patience}
    callbacks = [
        *([BestWeights()] if held_out and members == 1 else []),
        EarlyStopping("validation/nll" if held_out else "train/nll", **stopping),
        MovingAverage(**chosen["averaging"]),
        AnnealedDropout(**chosen["dropout"]),
        RandomState(seed),
    ]
    return _trainer(callbacks, max_epochs=max_epochs, gradient_clip_val=float(rows_per_step), **options)


def lbfgs_trainer(seed: int, **options: Any) -> pl.Trainer:
    """One step on all rows, in float64, which is the whole of training."""
    return _trainer([RandomState(seed)], **{**defaults("optimizer/lbfgs")["trainer"], **options})


def _trainer(callbacks: list[Callback], **options: Any) -> pl.Trainer:
    silent = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    where = {"accelerator": "cpu", "devices": 1, "use_distributed_sampler": False}
    return pl.Trainer(**{**silent, **where, **options}, callbacks=callbacks)


def adamw(
    learning_rate: float, weight_decay: float, max_epochs: int
) -> tuple[Callable[[Iterable[nn.Parameter]], Optimizer], Callable[[Optimizer], LRScheduler]]:
    """What makes the optimiser, and its cosine schedule over the longest run."""
    optimizer = partial(torch.optim.AdamW, lr=learning_rate, weight_decay=weight_decay, fused=True)
    return optimizer, partial(CosineAnnealingLR, T_max=max_epochs)


def lbfgs(rows: int, network: nn.Module) -> Callable[[Iterable[nn.Parameter]], Optimizer]:
    """What makes an L-BFGS optimiser that runs until it has converged.

    Raises:
        LikelihoodError: the network draws dropout, so that losses along a line cannot be compared.
    """
    if any(isinstance(layer, nn.Dropout) and layer.p > 0 for layer in network.modules()):
        raise LikelihoodError(
            "optimizer='lbfgs' compares losses along a line, and dropout draws them at random: pass "
            "architecture_options={'dropout': 0.0}, or choose architecture='linear' or 'shallow'"
        )
    options: Mapping[str, Any] = defaults("optimizer/lbfgs")["optimizer"]
    given = {name: value for name, value in options.items() if name != "scheduler"}
    return partial(torch.optim.LBFGS, **given, tolerance_grad=1e-10 * rows)
