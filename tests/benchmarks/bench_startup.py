"""What a command costs before it trains: processor time of processes of their own, in units of imports."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any

from pytorch_lightning.callbacks import Callback

from .timing import Row, child_seconds, in_turns

COMMAND = ("-m", "likelihead")
LIBRARIES = "import torch, pyro, pytorch_lightning"


class ExitAtFirstStep(Callback):
    """Ends the process where the first training step would begin."""

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        os._exit(0)


def commands(folder: str) -> dict[str, Callable[[], float]]:
    """What is timed, by name; runs write below `folder`."""
    callback = "+callbacks.exit._target_=tests.benchmarks.bench_startup.ExitAtFirstStep"
    first_step = (*COMMAND, "train", "distribution=poisson", callback, f"hydra.run.dir={folder}/run")
    return {
        "import torch": partial(child_seconds, "-c", "import torch"),
        LIBRARIES: partial(child_seconds, "-c", LIBRARIES),
        "--help": partial(child_seconds, *COMMAND, "train", "--help"),
        "--cfg job": partial(child_seconds, *COMMAND, "train", "--cfg", "job"),
        "config error": partial(child_seconds, *COMMAND, "train", "distribution=poison", status=1),
        "completion": partial(
            child_seconds, *COMMAND, "-sc", "query=bash", COMP_LINE="likelihead train distribution=poi"
        ),
        "to the first step": partial(child_seconds, *first_step),
    }


def run(quick: bool = False) -> list[Row]:
    """Four commands against `import torch`, and the way to the first training step against the libraries' imports."""
    with tempfile.TemporaryDirectory() as folder:
        times = in_turns(commands(folder), 1 if quick else 7)
    found = [
        Row("startup", name, "import torch", times[name] / times["import torch"], 0.25)
        for name in ("--help", "--cfg job", "config error", "completion")
    ]
    ratio = times["to the first step"] / times[LIBRARIES]
    return [*found, Row("startup", "to the first step", "imports of the libraries", ratio, 1.15)]
