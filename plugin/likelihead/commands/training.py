"""One run of training, from a composed config to the files of the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf

from likelihead.commands import build, remarks, summary
from likelihead.commands.hints import how_to_predict
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
from likelihead.training.data_module import DataModule, with_calibration_rows
from likelihead.training.fit import Outcome, conclude, fit
from likelihead.training.lightning_warnings import without_hints
from likelihead.training.module import LikelihoodModule


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
        rows = build.build_rows(config, data, trainer.world_size)
        rows = with_calibration_rows(rows, config.calibrate, config.ensemble > 1)
        build.scale_to_rows(config, rows, trainer)
        module = build.build_module(config, rows)
        module.extra["distribution"] = _distribution(config, module)
        if is_finished(config, directory):
            load_weights(module, read(directory / BEST)["state_dict"], str(directory / BEST))
            outcome: Outcome | None = conclude(module, rows, directory, config.calibrate)
            trained = None
        else:
            _store_splits(data, rows, directory, trainer)
            _announce(config, module, data, rows, trainer)
            start = {"weights": config.checkpoint, "resume": directory / LAST if config.resume else None}
            start["calibrate"] = config.calibrate
            outcome = fit(module, rows, trainer=trainer, directory=directory, seed=config.seed, **start)
            trained = trainer.current_epoch
    if outcome is not None:
        course = remarks.course(directory / BEST, trained, config.trainer.max_epochs)
        _print_end(config, outcome, data, course)
    return outcome


def _distribution(config: DictConfig, module: LikelihoodModule) -> str:
    """The distribution as the user named it, or the class where that was `any`."""
    name = OmegaConf.select(config, "choices.distribution")
    return module.head.name if name in (None, "any") else str(name)


def _source(config: DictConfig, data: object) -> str:
    """The data as the user named them: a file, a data set, or the choice of a config."""
    if config.data.get("kind") == "table":
        return Path(config.data.path).name
    if "_target_" in config.data:
        return str(OmegaConf.select(config, "choices.data") or type(data).__name__)
    return data.name if isinstance(data, Data) else type(data).__name__


def _parts(data: object, rows: pl.LightningDataModule) -> dict[str, Any]:
    """The parts of the data by name, with the calibration rows as one of them."""
    if not isinstance(data, Data):
        return {}
    if not isinstance(rows, DataModule) or rows.rows["calibration"] is None:
        return dict(data.parts)
    return {**data.parts, **{name: rows.rows[name] for name in ("validation", "calibration")}}


def _announce(
    config: DictConfig, module: LikelihoodModule, data: object, rows: pl.LightningDataModule, trainer: pl.Trainer
) -> None:
    parts = {name: len(part) for name, part in _parts(data, rows).items() if len(part)}
    if trainer.is_global_zero:
        summary.print_start(module.extra["distribution"], _source(config, data), parts, config.ensemble)


def _print_end(config: DictConfig, outcome: Outcome, data: object, course: str | None) -> None:
    directory = output_directory()
    notes = [
        *remarks.remarks(outcome.module, outcome.evaluations),
        "",
        *([f"Best:    {course}"] if course else []),
        f"Files:   {directory}",
        f"Predict: {how_to_predict(config, outcome.module, directory, outcome.evaluations['test'].n > 0)}",
    ]
    title = f"{outcome.module.extra['distribution']} on {_source(config, data)}"
    summary.print_summary(title, outcome.evaluations, notes)


def _refuse_mixed_trials(trainer: pl.Trainer) -> None:
    """Lightning starts the other processes from the command line: in a sweep each of them would sweep for itself."""
    if is_sweep() and trainer.world_size > 1:
        raise LikelihoodError(
            f"a sweep (-m) cannot train on {trainer.world_size} processes, because trials would mix: add "
            "strategy=cpu or strategy=gpu, or start the runs one by one"
        )


def _store_splits(data: object, rows: pl.LightningDataModule, directory: Path, trainer: pl.Trainer) -> None:
    parts = {name: part.rows for name, part in _parts(data, rows).items()}
    if parts and trainer.is_global_zero:
        write_whole(directory / "splits.npz", lambda place: save_rows(place, parts))
