"""A small fit that can be interrupted after any step and resumed; the fast tests and the long ones share it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, LearningRateMonitor
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, ReduceLROnPlateau
from torch.utils.data import DataLoader, TensorDataset

from likelihead import DistributionHead, Ensemble, LikelihoodModule, fit
from likelihead.errors import Interrupted
from likelihead.training.checkpoint import read

EPOCHS, STEPS = 4, 20
#: The members of an ensemble, which has these many steps, as each member holds rows out.
MEMBERS, STEPS_OF_ENSEMBLE = 4, 16
SCHEDULES: dict[str, Callable[[Optimizer], Any] | None] = {
    "none": None,
    "cosine": lambda optimizer: CosineAnnealingLR(optimizer, T_max=EPOCHS),
    "each step": lambda optimizer: {"scheduler": ExponentialLR(optimizer, 0.97), "interval": "step"},
    "plateau": lambda optimizer: ReduceLROnPlateau(optimizer, patience=0, threshold=10.0),
}
LOADERS = {"tensors": 0, "loader": 0, "two workers": 2}


class _Patience(EarlyStopping):
    """Beside that of the default trainer, with a state of its own in checkpoints."""

    @property
    def state_key(self) -> str:
        return "patience"


class KillAfter(Callback):
    """Sends this process a signal after a step, counted over all epochs."""

    def __init__(self, step: int, number: int = signal.SIGTERM) -> None:
        self.step, self.number, self.done = step, number, 0

    def on_train_batch_end(self, *arguments: Any) -> None:
        self.done += 1
        if self.done == self.step:
            os.kill(os.getpid(), self.number)


def rows(kind: str) -> Any:
    """90 rows, in batches of 20: the last batch of an epoch is shorter."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(90, 3, generator=generator)
    y = x[:, 0] + torch.randn(90, generator=generator)
    if kind == "tensors":
        return x, y
    return DataLoader(TensorDataset(x, y), batch_size=20, shuffle=True, num_workers=LOADERS[kind])


def _network(schedule: str) -> LikelihoodModule:
    network = nn.Sequential(nn.Linear(3, 8), nn.SiLU(), nn.Dropout(0.3))
    network.out_features = 8  # type: ignore[assignment]
    return LikelihoodModule(network, DistributionHead("normal", 8), scheduler=SCHEDULES[schedule])


def trained(
    directory: Path,
    schedule: str,
    kind: str,
    accumulated: int = 1,
    stop: Callback | None = None,
    early_stopping: dict[str, Any] | None = None,
    members: int = 0,
    **options: Any,
) -> bool:
    """Train, with dropout and early stopping, one network or an ensemble; False where a signal stopped it."""
    torch.manual_seed(0)
    module = Ensemble.of(lambda: _network(schedule), members) if members else _network(schedule)
    validation = None if members else tuple(values[:30] for values in rows("tensors"))
    callbacks: list[Callback] = [LearningRateMonitor("epoch"), *([] if stop is None else [stop])]
    if early_stopping is not None:
        callbacks.append(_Patience("validation/nll", **early_stopping))
    chosen = {"batch_size": 20, "max_epochs": EPOCHS, "seed": 3, "accumulate_grad_batches": accumulated, **options}
    try:
        fit(module, rows(kind), validation, directory=directory, callbacks=callbacks, **chosen)
    except Interrupted:
        return False
    return True


def differences(run: Path, other: Path) -> list[str]:
    """What two runs do not share to the last bit: files, weights."""
    names = [name for name in ("metrics.csv", "metrics.json", "out_of_fold.csv") if (other / name).is_file()]
    files = [name for name in names if (run / name).read_bytes() != (other / name).read_bytes()]
    for name in ("best.ckpt", "last.ckpt"):
        states = [read(folder / "checkpoints" / name)["state_dict"] for folder in (run, other)]
        files += [f"{name}: {key}" for key, value in states[0].items() if not torch.equal(value, states[1][key])]
    return files
