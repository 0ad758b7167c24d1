"""One run of training, from a composed config to the files of the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback

from likelihead.commands import build, further_processes, remarks, summary
from likelihead.commands.hints import how_to_predict
from likelihead.commands.run_directory import BEST, is_finished, newest, output_directory, run_config
from likelihead.commands.run_parts import parts_of, row_numbers
from likelihead.commands.run_title import run_title, source_name
from likelihead.data import Data, TableEncoder, save_rows
from likelihead.errors import LikelihoodError
from likelihead.evaluation.coefficients import coefficients, is_linear
from likelihead.files import write_text, write_whole
from likelihead.training.checkpoint import load_trained
from likelihead.training.data_module import with_calibration_rows
from likelihead.training.fit import Outcome, conclude, fit
from likelihead.training.lightning_warnings import without_hints
from likelihead.training.module import LikelihoodModule
from likelihead.training.refit import MakeTrainer

#: The most training rows of a table that `refit=auto` refits.
FEW_ROWS = 2000


def train(config: DictConfig) -> Outcome | None:
    """Train, score and store; None in processes other than the first.

    Raises:
        LikelihoodError: a mistake that the user can correct, before any training.
    """
    config = run_config(config)
    directory = output_directory()
    with without_hints():
        _check_seed(config.seed)
        _check_refit(config.get("refit", False))
        pl.seed_everything(config.seed, workers=True, verbose=False)
        data = build.load_rows(config)
        trainer = build.build_trainer(config)
        further_processes.check_launch(trainer)
        rows = build.build_rows(config, data, trainer.world_size)
        rows = with_calibration_rows(rows, config.calibrate, config.ensemble > 1)
        build.scale_to_rows(config, rows, trainer)
        further_processes.add_check_of_configs(trainer, config)
        module = build.build_module(config, rows)
        module.extra["distribution"] = _distribution(config, module)
        if is_finished(config, directory):
            load_trained(module, directory / BEST)
            outcome: Outcome | None = conclude(module, rows, directory, config.calibrate)
            trained = None
        else:
            _store_splits(data, rows, directory, trainer)
            _announce(config, module, data, rows, trainer)
            start: dict[str, Any] = {
                "weights": config.checkpoint,
                "resume": newest(directory) if config.resume else None,
            }
            start |= {"calibrate": config.calibrate, "refit": _refit_trainer(config, data)}
            with further_processes.started_as_one_run():
                outcome = fit(module, rows, trainer=trainer, directory=directory, seed=config.seed, **start)
            trained = trainer.current_epoch
    if outcome is not None:
        course = remarks.course(directory / BEST, trained, config.trainer.max_epochs)
        _print_end(config, outcome, data, course, _report(config, outcome, rows, data))
        _store_coefficients(config, outcome, data, directory)
    return outcome


def _check_seed(seed: object) -> None:
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise LikelihoodError(f"seed is {seed!r}; it must be a whole number from 0 to {2**32 - 1}")


def _check_refit(choice: object) -> None:
    if choice not in (True, False, "auto"):
        raise LikelihoodError(f"refit is {choice!r}; it must be auto, true or false")


def _refit_trainer(config: DictConfig, data: object) -> MakeTrainer | bool:
    """What makes the Trainer of a refit; False where there is none.

    `refit=auto` leaves out simulated data, of which more rows can be drawn, and tables of so many rows that those for
    validation would hardly be missed.
    """
    choice = config.get("refit", False)
    is_small = isinstance(data, Data) and len(data.train) <= FEW_ROWS and config.data.get("kind") != "synthetic"

    def make(callbacks: list[Callback], rows: int, epochs: int) -> pl.Trainer:
        summary.print_refit(rows, epochs)
        return build.build_trainer(config, callbacks)

    return make if choice is True or (choice == "auto" and is_small) else False


def _store_coefficients(config: DictConfig, outcome: Outcome, data: object, directory: Path) -> None:
    """Write and print the coefficients of a linear model at the maximum of its likelihood."""
    is_maximal = config.optimizer._target_ == "torch.optim.LBFGS"
    if is_maximal and isinstance(data, Data) and is_linear(outcome.module):
        frame = coefficients(outcome.module, data.train)
        write_text(directory / "coefficients.csv", frame.to_csv(index=False))
        summary.print_coefficients(frame)


def _distribution(config: DictConfig, module: LikelihoodModule) -> str:
    """The distribution as the user named it, or the class where that was `any`."""
    name = OmegaConf.select(config, "choices.distribution")
    return module.head.name if name in (None, "any") else str(name)


def _announce(
    config: DictConfig, module: LikelihoodModule, data: object, rows: pl.LightningDataModule, trainer: pl.Trainer
) -> None:
    parts = {name: len(part) for name, part in parts_of(data, rows).items() if len(part)}
    if trainer.is_global_zero:
        summary.print_start(module.extra["distribution"], source_name(config, data), parts, config.ensemble)


def _report(config: DictConfig, outcome: Outcome, rows: pl.LightningDataModule, data: object) -> list[str]:
    """Write the report, unless it is switched off; what to print about it."""
    if not config.get("report", True):
        return []
    # Importing matplotlib takes a moment, which a run without a report is spared.
    from likelihead.commands.run_report import report_at_end

    with without_hints():
        return [report_at_end(outcome, rows, output_directory(), run_title(config, outcome.module, data))]


def _print_end(config: DictConfig, outcome: Outcome, data: object, course: str | None, about_report: list[str]) -> None:
    directory = output_directory()
    notes = [
        *remarks.remarks(outcome.module, outcome.evaluations),
        "",
        *([f"Best:    {course}"] if course else []),
        *remarks.about_refit(outcome.module),
        f"Files:   {directory}",
        *about_report,
        f"Predict: {how_to_predict(config, outcome.module, directory, outcome.evaluations['test'].n > 0)}",
    ]
    table = outcome.module.extra.get("table")
    columns = None if table is None else TableEncoder.from_state(table).target.columns
    summary.print_summary(run_title(config, outcome.module, data), outcome, columns, notes)


def _store_splits(data: object, rows: pl.LightningDataModule, directory: Path, trainer: pl.Trainer) -> None:
    if isinstance(data, Data) and trainer.is_global_zero:
        parts = row_numbers(data, rows)
        write_whole(directory / "splits.npz", lambda place: save_rows(place, parts))
