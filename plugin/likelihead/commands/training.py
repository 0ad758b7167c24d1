"""One run of training, from a composed config to the files of the run."""

from __future__ import annotations

from pathlib import Path

import pytorch_lightning as pl
from omegaconf import DictConfig

from likelihead.commands import build, summary
from likelihead.commands.run_directory import (
    BEST,
    LAST,
    is_finished,
    is_sweep,
    output_directory,
    run_config,
)
from likelihead.data import Data, save_rows
from likelihead.errors import LikelihoodError
from likelihead.files import write_whole
from likelihead.training.checkpoint import load_weights, read
from likelihead.training.data_module import as_data_module
from likelihead.training.fit import Outcome, conclude, fit
from likelihead.training.lightning_warnings import without_hints


def train(config: DictConfig) -> Outcome | None:
    """Train, score and store; None in processes other than the first.

    Raises:
        LikelihoodError: a mistake that the user can correct, before any training.
    """
    config = run_config(config)
    directory = output_directory()
    with without_hints():
        pl.seed_everything(config.seed, workers=True, verbose=False)
        data = build.load_rows(config)
        trainer = build.build_trainer(config)
        _refuse_mixed_trials(trainer)
        rows = as_data_module(data, batch_size=config.data.batch_size, seed=config.seed, processes=trainer.world_size)
        build.scale_to_rows(config, rows, trainer)
        module = build.build_module(config, rows)
        if is_finished(config, directory):
            load_weights(module, read(directory / BEST)["state_dict"], str(directory / BEST))
            outcome: Outcome | None = conclude(module, rows, directory)
        else:
            _store_splits(data, directory, trainer)
            start = {"weights": config.checkpoint, "resume": directory / LAST if config.resume else None}
            outcome = fit(module, rows, trainer=trainer, directory=directory, seed=config.seed, **start)
    if outcome is not None:
        name = data.name if isinstance(data, Data) else type(data).__name__
        summary.print_summary(f"{module.head.name} on {name}", outcome.evaluations, directory)
    return outcome


def _refuse_mixed_trials(trainer: pl.Trainer) -> None:
    """Lightning starts the other processes from the command line: in a sweep each of them would sweep for itself."""
    if is_sweep() and trainer.world_size > 1:
        raise LikelihoodError(
            f"a sweep (-m) cannot train on {trainer.world_size} processes, because trials would mix: add "
            "strategy=cpu or strategy=gpu, or start the runs one by one"
        )


def _store_splits(data: object, directory: Path, trainer: pl.Trainer) -> None:
    if isinstance(data, Data) and trainer.is_global_zero:
        rows = {name: part.rows for name, part in data.parts.items()}
        write_whole(directory / "splits.npz", lambda place: save_rows(place, rows))
