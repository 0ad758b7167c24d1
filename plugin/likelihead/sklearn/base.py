"""What the regressor and the classifier share: parameters, fitting, and the predicted distribution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted
from torch import Tensor, nn

from likelihead import architectures
from likelihead.data.dataset import Data, Examples
from likelihead.data.options import check_options, table_defaults
from likelihead.data.row_splits import split_rows
from likelihead.data.tables.encoder import TableEncoder
from likelihead.data.tables.target_encoder import TargetEncoder
from likelihead.errors import LikelihoodError, suggest
from likelihead.evaluation.evaluate import as_float64, predict
from likelihead.sklearn.tables import Rows, as_tensor, input_table, row_exposures, row_weights
from likelihead.sklearn.training import adamw, adamw_trainer, lbfgs, lbfgs_trainer
from likelihead.target_types.detect import target_type_of
from likelihead.target_types.target_type import TargetType
from likelihead.training.data_module import chosen_batch_size
from likelihead.training.ensemble import Ensemble
from likelihead.training.fit import Outcome, fit
from likelihead.training.lightning_warnings import without_hints
from likelihead.training.module import LikelihoodModule

#: Tables with fewer rows hold nothing out.
LEAST_TO_SPLIT = 5
#: Inputs repeat where fewer than this share of the different rows have inputs of their own.
DISTINCT_INPUTS = 0.9
#: Rows that are predicted at a time.
ROWS_AT_A_TIME = 10_000
OPTIMIZERS = ("adamw", "lbfgs")
#: Arguments of Lightning's Trainer that follow from the parameters of the estimator.
SET_BY_ESTIMATOR = ("max_epochs", "callbacks", "gradient_clip_val")
#: Short runs want less dropout than the shipped config has.
MLP_OPTIONS = {"dropout": 0.1}
#: Options of the `data` config group that have a meaning for tables that are already in memory.
DATA_OPTIONS = ("angles", "boundary", "categorical", "ranking", "unseen")


class DistributionalEstimator(BaseEstimator):
    """The base of the estimators; its subclasses list the parameters."""

    distribution: Any
    architecture: Any
    architecture_options: Mapping[str, Any] | None
    optimizer: str
    learning_rate: float
    weight_decay: float
    max_epochs: int
    batch_size: int | str | None
    validation_fraction: float
    patience: int
    data_options: Mapping[str, Any] | None
    trainer_options: Mapping[str, Any] | None
    ensemble: int
    random_state: Any
    verbose: bool

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _target_type(self) -> TargetType:
        return target_type_of(self.distribution)

    def _fit(self, X: Any, targets: pd.DataFrame, sample_weight: Any, exposure: Any, **options: Any) -> None:
        """Fit to the targets, whose index does not matter."""
        check_consistent_length(X, targets)
        if self.optimizer not in OPTIMIZERS:
            raise LikelihoodError(f"unknown optimizer {self.optimizer!r}: {suggest(str(self.optimizer), OPTIMIZERS)}")
        inputs = input_table(self, X)
        table = pd.concat([inputs, targets.reset_index(drop=True)], axis=1)
        rows = Rows(table, row_weights(inputs, sample_weight), row_exposures(inputs, exposure))
        rows = rows.take(rows.weight > 0)
        full = self._options(features=list(inputs.columns), **options)
        names = list(targets.columns)
        self._check_targets(rows.table[names])
        TargetEncoder.fit(rows.table, self._target_type(), names, full).encode(rows.table)
        if not isinstance(self.ensemble, Integral) or self.ensemble < 1:
            raise LikelihoodError(f"ensemble is {self.ensemble!r}; it must be the number of networks, 1 or more")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        with without_hints(), torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(seed)
            outcome = self._train(self._split(rows, names, full, seed), seed)
        outcome.module.trainer = None
        self.module_: LikelihoodModule = outcome.module
        self.metrics_: dict[str, dict[str, Any]] = outcome.metrics

    def _check_targets(self, targets: pd.DataFrame) -> None:
        """Raise an error where the targets of the rows that count do not suit the estimator."""

    def _options(self, **own: Any) -> dict[str, Any]:
        given = dict(self.data_options or {})
        for name in given:
            if name not in DATA_OPTIONS:
                raise LikelihoodError(f"data_options has no {name!r}: {suggest(str(name), DATA_OPTIONS)}")
        full = {**table_defaults(), "validation_fraction": self.validation_fraction, **given, **own}
        check_options(full)
        return full

    def _split(self, rows: Rows, names: list[str], options: Mapping[str, Any], seed: int) -> Data:
        """Training and validation rows, chosen at random.

        Equal rows are merged first and so kept together, which makes weights the same as repetitions. Where inputs
        repeat, as those of a few categories do, that would leave whole cells of the table out, and rows are held out
        one by one.
        """
        merged = rows.merged()
        fraction = 0.0 if self.optimizer == "lbfgs" else float(options["validation_fraction"])
        if fraction == 0.0 or len(merged.distinct_inputs(names)) >= DISTINCT_INPUTS * len(merged):
            rows = merged
        if len(rows) < LEAST_TO_SPLIT:
            fraction = 0.0
        self.encoder_ = TableEncoder.fit(rows.table, self._target_type(), names, options)
        examples = rows.encoded(self.encoder_)
        parts = split_rows(len(rows), 0.0, fraction, seed)
        train, validation, test = (examples.take(parts[name]) for name in ("train", "validation", "test"))
        return Data(train, validation, test, encoder=self.encoder_)

    def _train(self, data: Data, seed: int) -> Outcome:
        network = self._network(data)
        size, trainer, optimizer, scheduler = self._training(data, network, seed)

        def module_of(network: nn.Module) -> LikelihoodModule:
            return LikelihoodModule.for_data(data, self.distribution, network, optimizer, scheduler)

        if self.ensemble == 1:
            module = module_of(network)
        else:
            module = Ensemble.of(lambda: module_of(self._network(data)), self.ensemble, seed)
        outcome = fit(module, data, trainer=trainer, batch_size=size, seed=seed)
        self.n_iter_ = trainer.current_epoch
        assert outcome is not None
        return outcome

    def _training(self, data: Data, network: nn.Module, seed: int) -> tuple[int | None, pl.Trainer, Any, Any]:
        """The batch size, the trainer, the optimiser and its schedule."""
        options = self._trainer_options()
        if self.optimizer == "lbfgs":
            return None, lbfgs_trainer(seed, **options), lbfgs(len(data.train), network), None
        size = chosen_batch_size(self.batch_size, len(data.train), 1)
        rows = min(size or len(data.train), len(data.train))
        held_out = len(data.validation) > 0 or self.ensemble > 1
        trainer = adamw_trainer(self.max_epochs, self.patience, seed, held_out, self.ensemble, rows, **options)
        return size, trainer, *adamw(self.learning_rate, self.weight_decay, self.max_epochs)

    def _trainer_options(self) -> dict[str, Any]:
        given = dict(self.trainer_options or {})
        for name in SET_BY_ESTIMATOR:
            if name in given:
                raise LikelihoodError(f"trainer_options has {name!r}, which the estimator sets itself: leave it out")
        return {"enable_progress_bar": bool(self.verbose), **given}

    def _network(self, data: Data) -> nn.Module:
        x, options = data.train.x, dict(self.architecture_options or {})
        if isinstance(self.architecture, str):
            chosen = {**(MLP_OPTIONS if self.architecture == "mlp" else {}), **options}
            return architectures.build_for(self.architecture, x, self.encoder_.input_columns, **chosen)
        if isinstance(self.architecture, nn.Module):
            return deepcopy(self.architecture)
        if callable(self.architecture):
            network: nn.Module = self.architecture(x.shape[1], **options)
            return network
        raise LikelihoodError(
            f"architecture is {self.architecture!r}: pass a name ({', '.join(architectures.ARCHITECTURES)}), a module, "
            "or what makes a module from in_features"
        )

    def _encoded(self, X: Any, exposure: Any) -> Examples:
        check_is_fitted(self)
        table = input_table(self, X, self.encoder_.inputs)
        return Examples(self.encoder_.encode(table), exposure=as_tensor(row_exposures(table, exposure)))

    def _predicted(self, examples: Examples) -> Iterator[Any]:
        """The distributions of a few thousand rows at a time."""
        for start in range(0, len(examples), ROWS_AT_A_TIME):
            batch = examples[start : start + ROWS_AT_A_TIME]
            yield predict(self.module_, batch.x, batch.exposure)

    def predict_dist(self, X: Any, exposure: Any = None) -> Any:
        """The predicted distribution of each row of X (n, p), a Pyro distribution of batch_shape (n,) in float64.

        Args:
            exposure: the time or area over which events are counted (n,); 1 where left out.
        """
        examples = self._encoded(X, exposure)
        return predict(self.module_, examples.x, examples.exposure)

    def _score(self, X: Any, targets: pd.DataFrame, sample_weight: Any, exposure: Any) -> float:
        """The weighted mean of log p(y | x)."""
        check_consistent_length(X, targets)
        y = as_float64(self.encoder_.encode_target(targets.set_axis(self.encoder_.target.names, axis=1)))
        trials = self.encoder_.target.target_type.trials(y) if exposure is None else None
        examples = self._encoded(X, exposure if trials is None else trials.numpy())
        parts = zip(self._predicted(examples), y.split(ROWS_AT_A_TIME), strict=True)
        log_prob = joined(dist.log_prob(part) for dist, part in parts)
        return float(np.average(log_prob, weights=row_weights(log_prob, sample_weight)))


def joined(parts: Iterator[Tensor]) -> NDArray[Any]:
    """Tensors of consecutive rows as one array."""
    return np.concatenate([part.numpy() for part in parts])
