"""One run of training, from a composed config to the files of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig

from likelihead.commands import build, summary
from likelihead.commands.command_line import as_typed
from likelihead.commands.run_directory import BEST, LAST, is_sweep, output_directory, settle, stored_choices
from likelihead.data import Data, load_data, save_rows
from likelihead.errors import LikelihoodError
from likelihead.evaluation.evaluate import evaluate, marginal_nll, oracle_nll, targets
from likelihead.files import write_json, write_whole
from likelihead.training import checkpoint
from likelihead.training.data_module import Loaders
from likelihead.training.lightning_messages import quiet
from likelihead.training.module import LikelihoodModule


@dataclass(frozen=True)
class Outcome:
    """What a run found: the NLL that a sweep minimises, the contents of metrics.json, and where it wrote."""

    objective: float
    metrics: dict[str, dict[str, Any]]
    directory: Path
    is_discrete: bool


def train(config: DictConfig) -> Outcome | None:
    """Train, score and store; None in processes other than the first.

    Raises:
        LikelihoodError: whatever the user can mend, before any training.
    """
    stored_choices(config)
    config = settle(config)
    with quiet():
        pl.seed_everything(config.seed, workers=True, verbose=False)
        data = load_data(build.plain(config.distribution), build.plain(config.data), config.seed)
        trainer = build.build_trainer(config)
        _refuse_mixed_trials(trainer)
        build.scale_to_rows(config, data, trainer)
        module = build.build_module(config, data)
        module.head.fit_marginal(targets(data.train), data.train.weight, data.train.exposure)
        _start_from(module, config.checkpoint)
        _fit(trainer, module, data, config)
    return _conclude(_best(module), data, output_directory()) if trainer.is_global_zero else None


def _refuse_mixed_trials(trainer: pl.Trainer) -> None:
    """Lightning starts the other processes from the command line: in a sweep each of them would sweep for itself."""
    if is_sweep() and trainer.world_size > 1:
        raise LikelihoodError(
            f"a sweep (-m) cannot train on {trainer.world_size} processes, because trials would mix: add "
            "strategy=cpu or strategy=gpu, or start the runs one by one"
        )


def _start_from(module: LikelihoodModule, path: str | None) -> None:
    """Take the weights of another run, with its marginal fit."""
    if path is None:
        return
    try:
        module.load_state_dict(checkpoint.read(path)["state_dict"])
    except RuntimeError as error:
        raise LikelihoodError(
            f"checkpoint={path}: its weights do not fit this network, which has other layers, inputs or parameters; "
            "choose the architecture, distribution and columns that it was trained with"
        ) from error


def _fit(trainer: pl.Trainer, module: LikelihoodModule, data: Data, config: DictConfig) -> None:
    loaders = Loaders(data, config.data.batch_size, config.seed)
    if trainer.is_global_zero:
        rows = {name: part.rows for name, part in data.parts.items()}
        write_whole(output_directory() / "splits.npz", lambda place: save_rows(place, rows))
    last = output_directory() / LAST if config.resume else None
    try:
        with as_typed():
            trainer.fit(module, datamodule=loaders, ckpt_path=last, weights_only=True)
    except MisconfigurationException as error:
        raise LikelihoodError(f"training cannot start: {build.reason(error)}") from error


def _best(module: LikelihoodModule) -> LikelihoodModule:
    """The module with the best weights: those of the checkpoint, else the last ones."""
    path = output_directory() / BEST
    if not path.is_file():
        return module
    own = None if getattr(module.architecture, "spec", None) else module.architecture
    return checkpoint.load(path, own, families=[module.head.family.cls])


@torch.no_grad()
def _conclude(module: LikelihoodModule, data: Data, directory: Path) -> Outcome:
    """Score all splits with the best weights, write metrics.json, print the summary."""
    metrics: dict[str, dict[str, Any]] = {name: evaluate(module, part) for name, part in data.parts.items()}
    compared = {name: (marginal_nll(module, part), oracle_nll(part)) for name, part in data.parts.items()}
    told = "test" if len(data.test) else "train"
    marginal, oracle = compared[told]
    metrics["marginal"] = {"nll": marginal}
    if oracle is not None:
        metrics["oracle"] = {"nll": oracle}
    write_json(directory / "metrics.json", metrics)
    summary.close(_title(module, data), metrics, compared, directory)
    return Outcome(_objective(metrics), metrics, directory, module.head.family.is_discrete)


def _title(module: LikelihoodModule, data: Data) -> str:
    return f"{module.head.family.name} on {data.name}"


def _objective(metrics: Mapping[str, Mapping[str, Any]]) -> float:
    """The validation NLL; the training NLL where nothing is held out."""
    nll = metrics["validation"]["nll"]
    return float(metrics["train"]["nll"] if nll is None else nll)
