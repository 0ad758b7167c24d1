"""An epoch as shipped, in units of a bare loop over the same 20,000 rows: MLP 10-64-64, normal, one thread.

As shipped: `fit` with its checkpoints, weight averaging, clipping, early stopping, learning-rate schedule, metrics.csv
and progress bar, and 3,000 validation rows scored in each epoch. The bare loop has Adam, a hand-written loss and
nothing else. Dropout and embeddings are off, as the bare loop has none.
"""

from __future__ import annotations

import io
import statistics
import tempfile
import time
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, LearningRateMonitor
from rich.console import Console
from torch import Tensor, nn

from likelihead import LikelihoodModule, fit
from likelihead.architectures import build
from likelihead.configs import defaults
from likelihead.training.callbacks.progress import EpochBar

from .timing import Row

ROWS, VALIDATION, FEATURES = 20_000, 3_000, 10
GOALS = {256: 1.25, 4096: 1.1}


def rows(count: int) -> tuple[Tensor, Tensor]:
    """Inputs (count, 10), and targets whose mean and spread depend on them."""
    x = torch.randn(count, FEATURES)
    return x, x[:, 0].sin() + 0.5 * x[:, 1] + (0.3 * x[:, 2]).exp() * torch.randn(count)


def network() -> nn.Module:
    return build("mlp", FEATURES, width=64, depth=2, dropout=0.0, bins=0)


class Clock(Callback):
    """The processor time at the start of each epoch."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.times.append(time.process_time())


def shipped(train: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor], batch: int, epochs: int) -> float:
    """The median time of an epoch of `fit`, after the first two."""
    options = defaults("optimizer/adamw")

    def optimizer(parameters: Any) -> torch.optim.Optimizer:
        return torch.optim.AdamW(parameters, lr=options["lr"], weight_decay=options["weight_decay"], fused=True)

    def schedule(made: torch.optim.Optimizer) -> Any:
        return torch.optim.lr_scheduler.CosineAnnealingLR(made, epochs)

    module = LikelihoodModule.for_data(train, "normal", network(), optimizer, schedule)
    clock, bar = Clock(), EpochBar(console=Console(file=io.StringIO(), force_terminal=True))
    with tempfile.TemporaryDirectory() as folder:
        fit(
            module, train, validation, directory=folder, batch_size=batch, max_epochs=epochs,
            callbacks=[clock, bar, LearningRateMonitor("epoch")], enable_progress_bar=True, log_every_n_steps=1,
        )  # fmt: skip
    steps = [later - sooner for sooner, later in zip(clock.times, clock.times[1:], strict=False)]
    return statistics.median(steps[2:])


def bare(train: tuple[Tensor, Tensor], batch: int, epochs: int) -> float:
    """The median time of an epoch of a loop over tensors in memory with a hand-written loss."""
    (x, y), body, head = train, network(), nn.Linear(64, 2)
    optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=3e-3)
    times = []
    for _ in range(epochs):
        start = time.process_time()
        order = torch.randperm(len(x))
        for first in range(0, len(x), batch):
            chosen = order[first : first + batch]
            loc, log_scale = head(body(x[chosen])).unbind(-1)
            z = (y[chosen] - loc) * (-log_scale).exp()
            loss = (0.5 * z * z + log_scale + 0.9189385332046727).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        times.append(time.process_time() - start)
    return statistics.median(times[1:])


def run(quick: bool = False) -> list[Row]:
    """The ratio at both batch sizes."""
    torch.manual_seed(0)
    found = []
    train, validation = rows(1_000 if quick else ROWS), rows(200 if quick else VALIDATION)
    for batch, goal in GOALS.items():
        pairs = [
            (shipped(train, validation, batch, 4 if quick else 14), bare(train, batch, 3 if quick else 12))
            for _ in range(1 if quick else 5)
        ]
        ratio = statistics.median(ours for ours, _ in pairs) / statistics.median(loop for _, loop in pairs)
        found.append(Row("epoch", f"as shipped, batch {batch:,}", "bare loop", ratio, goal))
    return found
