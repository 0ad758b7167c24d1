"""The further processes of a run on several devices, which Lightning starts by running its command line again."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import to_absolute_path
from omegaconf import DictConfig, OmegaConf, read_write
from pytorch_lightning.callbacks import Callback

from likelihead.commands.command_line import COMMANDS
from likelihead.commands.overrides import ELSEWHERE
from likelihead.commands.quoting import assignment
from likelihead.commands.run_directory import output_directory
from likelihead.errors import LikelihoodError
from likelihead.training.processes import PARENT, from_all

#: Hydra's own settings that are about a sweep, or said again for the one run.
OF_SWEEPS = ("hydra.mode", "hydra.run.dir", "hydra.sweep", "hydra/sweeper", "hydra/launcher", "hydra.launcher")


@contextmanager
def started_as_one_run() -> Iterator[None]:
    """For the block, the command line is that of this run alone, also where it is one trial of a sweep.

    Afterwards the next trial finds the environment and the process group as this one found them.
    """
    config: Any = HydraConfig.instance().cfg
    typed, environment = sys.argv, dict(os.environ)
    before = config.hydra.run.dir
    sys.argv = _command_line(typed)
    try:
        with read_write(config.hydra):
            config.hydra.run.dir = str(output_directory())
        os.environ[PARENT] = str(os.getpid())
        yield
    finally:
        sys.argv = typed
        with read_write(config.hydra):
            config.hydra.run.dir = before
        if "LOCAL_RANK" not in environment and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        for name in set(os.environ) - set(environment):
            del os.environ[name]


def _command_line(typed: Sequence[str]) -> list[str]:
    given = HydraConfig.get().overrides
    program = [typed[0], "train"] if typed[1:2] and typed[1] in COMMANDS else [typed[0]]
    hydra = [word for word in given.hydra if not word.lstrip("+~").startswith(OF_SWEEPS)]
    place = ["hydra.mode=RUN", assignment("hydra.run.dir", str(output_directory()))]
    return [*program, *_config_flags(typed), *given.task, *hydra, *place]


def _config_flags(typed: Sequence[str]) -> list[str]:
    """The flags that name folders of configs, each with its argument."""
    flags: list[str] = []
    for word, following in zip(typed, [*typed[1:], ""], strict=True):
        if word.split("=")[0] in ELSEWHERE:
            flags += [word] if "=" in word else [word, following]
    return flags


def add_check_of_configs(trainer: Any, config: DictConfig) -> None:
    """Let the trainer stop where its processes were not given the same config."""
    trainer.callbacks.insert(0, SameConfig(config))


class SameConfig(Callback):
    """Stops a run whose processes were not given the same config.

    Raises:
        LikelihoodError: the config of a process differs from that of the first.
    """

    def __init__(self, config: DictConfig) -> None:
        whole = OmegaConf.to_yaml(OmegaConf.merge(config, {"resume": None}), sort_keys=True)
        self.digest = hashlib.sha256(whole.encode()).digest()

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if trainer.world_size == 1:
            return
        digests = from_all(trainer, torch.tensor(list(self.digest), device=trainer.strategy.root_device))
        differing = (digests != digests[0]).any(dim=1).nonzero().flatten().tolist()
        if differing:
            raise LikelihoodError(
                f"processes {differing} of this run were given another config than process 0: start them all with the "
                "same command line and the same data"
            )


def check_launch(trainer: pl.Trainer) -> None:
    """Refuse processes that nothing would start, and for which this one would wait for ever.

    Raises:
        LikelihoodError: several nodes without a launcher, or several processes of a program that is not a file.
    """
    environment = getattr(trainer.strategy, "cluster_environment", None)
    if environment is not None and environment.creates_processes_externally:
        return
    is_script = getattr(sys.modules["__main__"], "__spec__", None) is None or not Path(sys.argv[0]).is_absolute()
    if trainer.world_size > trainer.num_nodes and is_script and not Path(to_absolute_path(sys.argv[0])).is_file():
        raise LikelihoodError(
            f"further processes run the program again, {sys.argv[0]!r}, which is no file: start the command as "
            "likelihead train or python train.py, or train on one process, trainer.devices=1"
        )
    if trainer.num_nodes > 1 and (environment is None or "MASTER_ADDR" not in os.environ):
        raise LikelihoodError(
            f"trainer.num_nodes={trainer.num_nodes}, and this command was started on one machine only: start it with "
            "torchrun --nnodes … or srun on each of them, or leave out trainer.num_nodes"
        )
