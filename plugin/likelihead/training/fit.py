"""fit: trains a module on data and scores it; the commands and Python users call the same function."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from likelihead.errors import LikelihoodError
from likelihead.evaluation.calibration import calibrate as conformal
from likelihead.evaluation.evaluate import evaluate_all
from likelihead.evaluation.evaluation import Evaluation
from likelihead.files import write_json, write_whole
from likelihead.training.checkpoint import store_description
from likelihead.training.data_module import as_data_module, has_validation, rows_per_step, with_calibration_rows
from likelihead.training.ensemble import Ensemble
from likelihead.training.ensemble_data import EnsembleData
from likelihead.training.lightning_packages import require_pytorch_lightning
from likelihead.training.lightning_warnings import without_hints
from likelihead.training.module import LikelihoodModule
from likelihead.training.refit import OF_FIRST_FIT, MakeTrainer, Refit, can_refit
from likelihead.training.train import restore_best, start, train
from likelihead.training.trainer import clip_by_row, default_trainer

PARTS = ("train", "validation", "test")
#: In the directory of an ensemble: the prediction of each training row by the member that has not seen it.
OUT_OF_FOLD = "out_of_fold.csv"


@dataclass(frozen=True)
class Outcome:
    """The result of training: a trained module and its scores.

    Attributes:
        module: the module with the best weights, ready to predict.
        evaluations: the scores on the training, validation and test rows, by name: train, validation, test.
        directory: the directory of checkpoints and metrics; None if nothing was kept.

    >>> import torch
    >>> from likelihead import DistributionHead
    >>> module = LikelihoodModule(torch.nn.Identity(), DistributionHead("normal", in_features=1))
    >>> scores = Evaluation(n=2, scores={"nll": 1.5}, marginal=2.0)
    >>> Outcome(module, {"train": scores, "validation": Evaluation(), "test": Evaluation()}).objective
    1.5
    """

    module: LikelihoodModule
    evaluations: dict[str, Evaluation]
    directory: Path | None = None

    @property
    def metrics(self) -> dict[str, dict[str, Any]]:
        """The contents of metrics.json.

        `n`, `nll` and the other scores of each part; and for the test rows, or the training rows if there are no test
        rows: the scores of the marginal fit, the `nll` of the true distribution (`oracle`) if that is known, and by how
        many nats per row the model is better than the marginal fit (`gain`), with its standard error.
        """
        reference = self.evaluations[self.reference]
        metrics = {part: evaluation.metrics for part, evaluation in self.evaluations.items()}
        metrics["marginal"] = {"nll": reference.marginal, **reference.marginal_scores}
        metrics["gain"] = {"nll": reference.gain, "standard_error": reference.gain_error}
        return metrics if reference.oracle is None else {**metrics, "oracle": {"nll": reference.oracle}}

    @property
    def reference(self) -> str:
        """The part on which the model is compared: the test rows, or the training rows if there are no test rows."""
        return "test" if self.evaluations["test"].n else "train"

    @property
    def objective(self) -> float:
        """The validation NLL, which a sweep minimises; the training NLL if there are no validation rows."""
        nll = self.evaluations["validation"].nll
        return float(self.evaluations["train"].nll if nll is None else nll)  # type: ignore[arg-type]


def fit(
    module: LikelihoodModule,
    data: Any,
    validation: Any = None,
    test: Any = None,
    *,
    trainer: pl.Trainer | None = None,
    directory: str | Path | None = None,
    batch_size: int | str | None = "auto",
    seed: int = 0,
    weights: str | Path | None = None,
    resume: str | Path | None = None,
    calibrate: str | None = None,
    refit: bool | MakeTrainer = False,
    **trainer_options: Any,
) -> Outcome | None:
    """Train a module from the marginal fit, restore its best weights, and score it.

    Args:
        module: the module; it is trained in place.
        data: `Data` (from `split_table`), a `Dataset`, tensors (x, y, …) with rows as their first dimension, a loader
            of batches, or a LightningDataModule.
        validation, test: validation and test rows, unless `data` holds them. The validation NLL decides about early
            stopping and the best weights; without validation rows the training NLL does.
        trainer: a Trainer of your own; by default one with early stopping, averaged weights and checkpoints, like that
            of the commands.
        directory: where to write checkpoints, metrics.csv and metrics.json; None to keep no files.
        batch_size: rows per process and step of data sets; None for all rows at once; `auto` for a sixteenth of the
            training rows, between 16 and 512.
        seed: determines the order of the rows and the units that dropout drops.
        weights: a checkpoint whose weights training starts from.
        resume: a checkpoint of an interrupted run to continue.
        calibrate: `conformal` calibrates the quantiles on every second validation row, of which training then sees
            none, or on the out-of-fold rows of an ensemble; see `likelihead.evaluation.Conformal`.
        refit: whether the network is then trained again, for as many epochs as were best, on training and validation
            rows. That needs `Data` with 200 training rows, one device and an optimizer other than LBFGS, and excludes
            `calibrate`. The validation scores remain those of the network that has not seen these rows. With a trainer
            of your own, a function that makes another one from callbacks and the numbers of rows and epochs.
        trainer_options: arguments of Lightning's Trainer for the default trainer, such as `max_epochs=50`.

    Returns:
        The trained module and its scores; None in processes other than the first.

    Raises:
        TargetError: targets that the family cannot take.
        LikelihoodError: arguments that exclude each other, objects of the package `lightning`, or a loss that is not
            finite.

    >>> import torch
    >>> from likelihead.heads.distribution_head import DistributionHead
    >>> x = torch.linspace(-1, 1, 200)[:, None]
    >>> y = torch.poisson((1 + x[:, 0]).exp())
    >>> module = LikelihoodModule(torch.nn.Identity(), DistributionHead("poisson", in_features=1))
    >>> outcome = fit(module, (x, y), max_epochs=20)
    >>> outcome.metrics["train"]["nll"] < outcome.metrics["marginal"]["nll"]
    True
    """
    if trainer is not None and trainer_options:
        raise LikelihoodError(f"a trainer of your own already has its options: leave out {', '.join(trainer_options)}")
    if trainer is not None and refit is True:
        raise LikelihoodError("refit=True needs a second trainer like your own: pass a function that makes it as refit")
    require_pytorch_lightning(trainer=trainer, data=data, **trainer_options)
    with without_hints(), ExitStack() as stack:
        is_default, make_again = trainer is None, refit if callable(refit) else None
        if trainer is None:
            folder = Path(directory or stack.enter_context(tempfile.TemporaryDirectory()))
            is_validated = has_validation(data, validation) and trainer_options.get("limit_val_batches", 1) != 0
            monitor = "validation/nll" if is_validated else "train/nll"
            trainer = default_trainer(folder, monitor, seed, logs=directory is not None, **trainer_options)
            if refit:
                make_again = partial(_another_trainer, folder, seed, trainer_options)
        rows = as_data_module(data, validation, test, batch_size, seed, trainer.world_size)
        rows = with_calibration_rows(rows, calibrate, isinstance(module, Ensemble))
        rows = module.prepare_rows(rows, seed=seed, batch_size=batch_size, processes=trainer.world_size)
        if is_default:
            clip_by_row(trainer, rows_per_step(rows, trainer.world_size, trainer.accumulate_grad_batches))
        again = None
        if make_again is not None and can_refit(rows, trainer, calibrate):
            again = Refit(module, rows, weights, make_again)  # type: ignore[arg-type]
        with _seeded(seed):
            start(module, rows, weights)
        train(trainer, module, rows, resume)
        if not trainer.is_global_zero:
            return None
        best = restore_best(trainer, module)
        if again is not None and best is not None:
            again(trainer, best, resume is not None, partial(_seeded, seed))
        with _seeded(seed):
            outcome = conclude(module, rows, directory, calibrate)
        if calibrate is not None and best is not None:
            store_description(best, module.describe())
        return outcome


def _another_trainer(
    folder: Path, seed: int, options: dict[str, Any], callbacks: list[Callback], rows: int, epochs: int
) -> pl.Trainer:
    given = [callback for callback in options.get("callbacks", []) if not isinstance(callback, OF_FIRST_FIT)]
    return default_trainer(folder, None, seed, logs=False, **{**options, "callbacks": [*given, *callbacks]})


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Loaders that shuffle give the same order in the block whatever was drawn before it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def conclude(
    module: LikelihoodModule,
    rows: pl.LightningDataModule,
    directory: str | Path | None = None,
    calibrate: str | None = None,
) -> Outcome:
    """Calibrate and score a trained module on every part, and write metrics.json to the directory if there is one."""
    if calibrate is not None:
        module.extra.pop("conformal", None)
        module.extra["conformal"] = conformal(module.scored(rows, "calibration")).state()
    test = evaluate_all(module.scored(rows, "test"), marginal_scores=True)
    train = evaluate_all(module.scored(rows, "train"), marginal_scores=not test.n)
    evaluations = {"train": train, "validation": evaluate_all(module.scored(rows, "validation")), "test": test}
    outcome = Outcome(module.eval(), evaluations, None if directory is None else Path(directory))
    if outcome.directory is not None:
        write_json(outcome.directory / "metrics.json", outcome.metrics)
        if isinstance(module, Ensemble) and isinstance(rows, EnsembleData):
            frame = module.out_of_fold(rows)
            write_whole(outcome.directory / OUT_OF_FOLD, lambda place: frame.to_csv(place, index=False))
    return outcome
