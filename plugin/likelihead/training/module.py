"""LikelihoodModule: a network and a head, trained by minimising the negative log-likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from likelihead import architectures
from likelihead.architectures.features import features_of, is_by_item, sites_as_rows
from likelihead.configs import defaults
from likelihead.data.batch import Batch
from likelihead.data.dataset import Data
from likelihead.data.tables.encoder import TableEncoder
from likelihead.errors import LikelihoodError, TargetError
from likelihead.evaluation.calibration import Conformal
from likelihead.evaluation.predictions import predict_table
from likelihead.evaluation.statistics import Statistics
from likelihead.families.joint import families_for
from likelihead.heads.head import Head
from likelihead.heads.joint_head import head_of
from likelihead.heads.sites import by_row, counts, log_prob, predicted
from likelihead.training.compiled import CompiledTraining, checked_mode
from likelihead.training.data_module import as_data_module, input_columns, part_of, sample_inputs, targets, validates
from likelihead.training.many_steps import ManySteps
from likelihead.training.refitted import Refitted
from likelihead.training.restricted_head import restrict_head

#: The version of the description of a module in checkpoints.
FORMAT = 1
#: A learning-rate scheduler, or Lightning's mapping with one under `scheduler`.
Schedule = LRScheduler | Mapping[str, Any]


def default_optimizer(parameters: Iterable[nn.Parameter]) -> Optimizer:
    """AdamW with the learning rate of the shipped config, which does not depend on the scale of the loss."""
    options = defaults("optimizer/adamw")
    return torch.optim.AdamW(parameters, lr=options["lr"], weight_decay=options["weight_decay"])


class LikelihoodModule(CompiledTraining, Refitted, ManySteps):
    """Maps x to a Pyro distribution over y; the loss of a batch is `-dist.log_prob(y).sum()`.

    Args:
        architecture: any module that maps x to features (N, *sites, head.in_features).
        head: maps features to the distribution.
        optimizer: creates an optimizer from parameters; by default AdamW with the shipped learning rate.
        scheduler: creates a learning-rate scheduler from the optimizer, stepped once per epoch, or Lightning's mapping
            of one: {"scheduler": …, "interval": "step"}. A ReduceLROnPlateau monitors validation/nll, or train/nll
            without validation rows. By default there is none.
        marginal_fit: whether training starts at the marginal fit of the training targets, in any Trainer, unless the
            head has one already. Without it the head starts with plain links.
        compile: whether training steps go through torch.compile, or its mode.

    Batches are a `Batch`, tuples (x, y, weight, exposure, mask), or mappings with its keys; all but x and y are
    optional, and for prediction y is too.

    >>> from likelihead import DistributionHead
    >>> head = DistributionHead("normal", in_features=4)
    >>> module = LikelihoodModule(architecture=nn.Identity(), head=head)
    >>> module(torch.zeros(3, 4)).batch_shape
    torch.Size([3])
    """

    head: Any

    def __init__(
        self,
        architecture: nn.Module,
        head: Head,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] | None = None,
        scheduler: Callable[[Optimizer], Schedule] | None = None,
        marginal_fit: bool = True,
        compile: bool | str | None = False,
    ) -> None:
        super().__init__()
        self.compile_mode = checked_mode(compile)
        self.architecture = architecture
        self.head = head
        self.make_optimizer = optimizer or default_optimizer
        self.make_scheduler = scheduler
        self.marginal_fit = marginal_fit
        #: Plain data kept in the checkpoint along with the weights, such as the encoder of a table.
        self.extra: dict[str, Any] = {}
        self._sums: dict[str, Tensor] = {}

    @property
    def calibration(self) -> Conformal | None:
        """The calibration of the quantiles that the checkpoint holds; None if there is none."""
        return Conformal.from_state(self.extra["conformal"]) if "conformal" in self.extra else None

    @classmethod
    def for_data(
        cls,
        data: Any,
        distribution: str | Mapping[str, Any] | type,
        architecture: str | nn.Module = "mlp",
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] | None = None,
        scheduler: Callable[[Optimizer], Schedule] | None = None,
        compile: bool | str | None = False,
        **options: Any,
    ) -> LikelihoodModule:
        """Create a module with the input and output sizes of the data.

        Args:
            data: whatever `fit` takes: `Data` (from `split_table`), tensors (x, y), a loader, ….
            distribution: a shipped name ("poisson"), a mapping as in conf/distribution/*.yaml, or a distribution class.
            architecture: a shipped name, or a module with an attribute `out_features`, its number of features.
            optimizer, scheduler, compile: as for the class.
            options: options of a shipped architecture, such as `width=64`.

        Raises:
            LikelihoodError: an unknown distribution, architecture or option, or training rows without targets.

        >>> LikelihoodModule.for_data((torch.zeros(9, 3), torch.ones(9)), "poisson", "linear").head.in_features
        3
        """
        rows = as_data_module(data)
        source = getattr(rows, "data", None)
        x, y = sample_inputs(rows), targets(part_of(rows, "train"))[0]
        if isinstance(architecture, str):
            architecture = architectures.build_for(architecture, x, input_columns(rows), **options)
        y = sites_as_rows(architecture, x[:2], y)
        family = families_for(distribution, y, getattr(source, "class_count", None))
        head = head_of(family, features_of(architecture), is_by_item(architecture))
        restrict_head(head, architecture, rows)
        module = cls(architecture, head, optimizer, scheduler, compile=compile)
        if isinstance(source, Data):
            module.extra = {"data": source.name}
            module.extra |= {} if source.encoder is None else {"table": source.encoder.state()}
        return module

    def forward(self, x: Any, exposure: Tensor | None = None) -> Any:
        """The distribution of y given x (N, …), batch_shape (N,); `exposure` (N,) is that of counts, if any."""
        return by_row(predicted(self.head, self.architecture(x), exposure))

    def log_prob(self, batch: Batch) -> Tensor:
        """The weighted log p(y | x) of each row, (N,), without masked sites.

        Raises:
            TargetError: y is missing, or does not have the shape batch_shape + event_shape.
        """
        if batch.y is None:
            raise TargetError("the batch has no y; training and scoring need batches (x, y, …)")
        dist = self(batch.x, batch.exposure)
        return log_prob(dist, batch.y, batch.weight, batch.mask, batch.bounds, batch.truncation)

    def on_train_start(self) -> None:
        """Make the marginal fit, unless the head has one or an earlier training continues."""
        trainer = self.trainer
        if not self.marginal_fit or self.head.is_fitted or trainer.global_step or trainer.ckpt_path:
            return
        with torch.random.fork_rng(devices=[]):
            self.head.fit_marginal(*targets(trainer.train_dataloader or []))
        if trainer.world_size > 1:
            self.head.load_state_dict(trainer.strategy.broadcast(self.head.state_dict()))

    def prepare_rows(self, rows: pl.LightningDataModule, **options: Any) -> pl.LightningDataModule:
        """The rows as this module is trained on them; an ensemble deals them to its members."""
        return rows

    def fit_marginal(self, rows: pl.LightningDataModule) -> None:
        """Start at the marginal fit of the training rows."""
        self.head.fit_marginal(*targets(part_of(rows, "train")))

    def scored(self, rows: pl.LightningDataModule, part: str) -> list[tuple[nn.Module, Any]]:
        """The rows of a part (train, validation, test or calibration), with the model that is scored on them."""
        return [(self.held_out_fit() if part == "validation" else self, part_of(rows, part))]

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss of a batch: the negative log-likelihood summed over its rows, with all constants."""
        return self._step("train", self.batch_of_step(batch))

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self._step("validation", Batch.of(batch))

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self._step("test", Batch.of(batch))

    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        """The distribution of each row of a batch, or of x alone."""
        batch = Batch.of(batch)
        return self(batch.x, batch.exposure)

    def _step(self, stage: str, batch: Batch) -> Tensor:
        each = self.training_log_prob(batch) if stage == "train" else self.log_prob(batch)
        loss = -each.sum()
        if not math.isfinite(value := loss.item()):
            raise LikelihoodError(self._where_not_finite(stage, batch))
        if batch.mask is not None:
            loss = loss + self._zero()
        self._sums[stage] = self._sums.get(stage, 0.0) + loss.new_tensor([value, self._rows(batch)])
        return loss

    def _rows(self, batch: Batch) -> float:
        """The weighted number of rows in the batch."""
        if batch.weight is None and batch.mask is None:
            return float(len(batch.y))  # type: ignore[arg-type]
        event_dims = 1 if self.head.target_type.is_vector else 0
        shape = batch.y.shape[: batch.y.dim() - event_dims]  # type: ignore[union-attr]
        return counts(shape, batch.weight, batch.mask)[0].item()

    def _zero(self) -> Tensor:
        """0 as a function of every parameter, so that each has a gradient even if the whole batch is masked."""
        return 0.0 * sum((each.sum() for each in self.parameters() if each.requires_grad), torch.zeros(()))

    @torch.no_grad()
    def _where_not_finite(self, stage: str, batch: Batch) -> str:
        bad = (~torch.isfinite(self.log_prob(batch))).nonzero().flatten()[:5].tolist()
        cause = f"rows {bad} of the batch, with targets {[batch.y[row].tolist() for row in bad]}"  # type: ignore[index]
        return f"the {stage} loss is not finite: {cause}, are the cause; check these rows, or lower the learning rate"

    def _log_epoch(self, stage: str) -> None:
        """Log the mean NLL per row of the epoch over all devices: one number per epoch, not per step."""
        if stage not in self._sums:
            return
        total, rows = self.trainer.strategy.reduce(self._sums.pop(stage), reduce_op="sum")
        self.log(f"{stage}/nll", total / rows, prog_bar=stage != "test")

    def on_train_epoch_end(self) -> None:
        self._log_epoch("train")

    def on_validation_epoch_end(self) -> None:
        self._log_epoch("validation")

    def on_test_epoch_end(self) -> None:
        self._log_epoch("test")

    def configure_optimizers(self) -> Any:
        optimizer = self.make_optimizer(self.parameters())
        if self.make_scheduler is None:
            return optimizer
        made = self.make_scheduler(optimizer)
        schedule = {"interval": "epoch", **(made if isinstance(made, Mapping) else {"scheduler": made})}
        if isinstance(schedule["scheduler"], ReduceLROnPlateau) and schedule.get("monitor") is None:
            schedule["monitor"] = "validation/nll" if validates(self.trainer) else "train/nll"
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def predict(
        self,
        frame: pd.DataFrame,
        quantiles: Sequence[float] = (0.05, 0.5, 0.95),
        columns: Sequence[str] = (),
        unseen: str | None = None,
        **options: Any,
    ) -> pd.DataFrame:
        """Predict the rows of a table: the frame that the command `predict` writes.

        Args:
            frame: n rows with the input columns of training; with the target too, log_prob and pit are added.
            quantiles: levels in (0, 1).
            columns: columns of `frame` to put before the predictions, such as an identifier.
            unseen: `ignore` predicts categories that no training row has, `error` refuses them; None: as in training.
            options: `intervals=[0.9]`, `probability="y>10"`, …: see `likelihead.evaluation.Statistics`.

        Returns:
            mean, mode, median, q0.05, … and the parameters of each row, with the index of `frame`.

        Raises:
            LikelihoodError: no table at training, a column is missing, or a level lies outside (0, 1).

        >>> from likelihead.data import split_table
        >>> table = pd.DataFrame({"age": range(100), "visits": [0, 1, 2, 3] * 25})
        >>> module = LikelihoodModule.for_data(split_table(table, "poisson", "visits"), "poisson", "linear")
        >>> module.predict(table[["age"]].head(2), quantiles=[0.9]).columns.tolist()
        ['mean', 'mode', 'median', 'q0.9', 'rate']
        """
        if "table" not in self.extra:
            raise LikelihoodError(
                "this module was not trained on a table and cannot encode one: predict from tensors, module(x)"
            )
        encoder, statistics = TableEncoder.from_state(self.extra["table"]), Statistics(quantiles, **options)
        return predict_table(self, frame, encoder, statistics, columns, unseen)

    @classmethod
    def load_from_checkpoint(cls, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise a LikelihoodError: `likelihead.load` loads checkpoints, and rebuilds their network and head."""
        raise LikelihoodError(
            "Lightning's load_from_checkpoint cannot rebuild the network and the head of this module: load the file "
            "with likelihead.load(path), or likelihead.load(path, architecture=network) for a network of your own"
        )

    def describe(self) -> dict[str, Any]:
        """What `likelihead.load` needs besides the weights, as plain values."""
        return {
            "format": FORMAT,
            "architecture": getattr(self.architecture, "spec", None),
            "head": self.head.describe(),
            "extra": self.extra,
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["likelihead"] = self.describe()
