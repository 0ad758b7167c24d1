"""fit: from a module and data to the best weights and their scores. Commands and Python users call the same one."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.utilities.exceptions import MisconfigurationException

from likelihead.errors import LikelihoodError
from likelihead.evaluation.evaluate import Evaluation, evaluate
from likelihead.files import write_json
from likelihead.training.checkpoint import load_weights, read
from likelihead.training.data_module import as_data_module, has_validation, part_of, rows_per_step, targets
from likelihead.training.lightning_warnings import without_hints
from likelihead.training.module import LikelihoodModule
from likelihead.training.trainer import clip_by_row, default_trainer

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Outcome:
    """What training gave.

    Attributes:
        module: with the best weights, ready to predict.
        evaluations: the scores on the rows of each part: train, validation, test.
        directory: where the files of the run are; None where none were asked for.
    """

    module: LikelihoodModule
    evaluations: dict[str, Evaluation]
    directory: Path | None = None

    @property
    def metrics(self) -> dict[str, dict[str, Any]]:
        """What metrics.json holds: `n`, `nll` and the other scores of each part, and the NLL of the references."""
        shown = self.evaluations["test"] if self.evaluations["test"].n else self.evaluations["train"]
        metrics = {part: evaluation.metrics for part, evaluation in self.evaluations.items()}
        metrics["marginal"] = {"nll": shown.marginal}
        return metrics if shown.oracle is None else {**metrics, "oracle": {"nll": shown.oracle}}

    @property
    def objective(self) -> float:
        """The validation NLL, which a sweep minimises; the training NLL where nothing is held out."""
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
    **trainer_options: Any,
) -> Outcome | None:
    """Start at the marginal fit, train, go back to the best weights, and score every part.

    Args:
        module: the network and head; it is trained in place.
        data: `Data` (as `split_table` gives it), a `Dataset`, tensors (x, y, …), a loader, or a LightningDataModule.
        validation, test: further rows, where `data` does not hold them itself. Training stops early on the validation
            NLL; without validation rows on the training NLL.
        trainer: your own; by default one with early stopping, averaged weights and checkpoints, as the commands use.
        directory: where checkpoints, metrics.csv and metrics.json are written; nothing is kept where left out.
        batch_size: rows per process and step of data sets; None for all at once.
        seed: determines the order of the rows and what dropout draws.
        weights: a checkpoint whose weights training starts from.
        resume: a checkpoint from which an interrupted training continues.
        trainer_options: arguments of Lightning's Trainer, such as `max_epochs=50`, for the default trainer.

    Returns:
        The outcome; None in processes other than the first.

    Raises:
        TargetError: targets that the family cannot take.
        LikelihoodError: arguments that do not fit each other; a loss that is not finite.

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
    with without_hints(), ExitStack() as stack:
        own = trainer is None
        if trainer is None:
            kept = directory or stack.enter_context(tempfile.TemporaryDirectory())
            monitor = "validation/nll" if has_validation(data, validation) else "train/nll"
            trainer = default_trainer(Path(kept), monitor, seed, logs=directory is not None, **trainer_options)
        rows = as_data_module(data, validation, test, batch_size, seed, trainer.world_size)
        if own:
            clip_by_row(trainer, rows_per_step(rows, trainer.world_size, trainer.accumulate_grad_batches))
        _start(module, rows, weights)
        _train(trainer, module, rows, resume)
        if not trainer.is_global_zero:
            return None
        _restore_best(trainer, module)
        return conclude(module, rows, directory)


def conclude(module: LikelihoodModule, rows: pl.LightningDataModule, directory: str | Path | None = None) -> Outcome:
    """Score a trained module on every part, and write metrics.json where a directory is given."""
    evaluations = {part: evaluate(module, part_of(rows, part)) for part in PARTS}
    outcome = Outcome(module.eval(), evaluations, None if directory is None else Path(directory))
    if outcome.directory is not None:
        write_json(outcome.directory / "metrics.json", outcome.metrics)
    return outcome


def _start(module: LikelihoodModule, rows: pl.LightningDataModule, weights: str | Path | None) -> None:
    """Make the marginal fit of the training targets; or take the weights of another run, with its marginal fit."""
    module.head.fit_marginal(*targets(rows))
    if weights is not None:
        load_weights(module, read(weights)["state_dict"], str(weights))


def _train(
    trainer: pl.Trainer, module: LikelihoodModule, rows: pl.LightningDataModule, resume: str | Path | None
) -> None:
    try:
        trainer.fit(module, datamodule=rows, ckpt_path=resume, weights_only=True if resume else None)
    except MisconfigurationException as error:
        raise LikelihoodError(f"training cannot start: {' '.join(str(error).split())}") from error


def _restore_best(trainer: pl.Trainer, module: LikelihoodModule) -> None:
    """The weights of the best checkpoint, where one was kept; else the last ones stay."""
    path = getattr(trainer.checkpoint_callback, "best_model_path", "")
    if path and Path(path).is_file():
        load_weights(module, read(path)["state_dict"], str(path))
