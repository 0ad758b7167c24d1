"""LikelihoodModule: a network and a head, trained by minimising the negative log-likelihood."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from likelihead import architectures
from likelihead.configs import defaults
from likelihead.data.batch import Batch
from likelihead.data.dataset import Data
from likelihead.errors import LikelihoodError, TargetError
from likelihead.families.family import family_for
from likelihead.heads.distribution_head import DistributionHead
from likelihead.heads.head import Head
from likelihead.heads.sites import by_row, counts, log_prob
from likelihead.training.data_module import as_data_module, first_input, targets

#: The layout of what a checkpoint says about the module.
FORMAT = 1


def default_optimizer(parameters: Iterable[nn.Parameter]) -> Optimizer:
    """AdamW with the step size of the shipped configs; it does not depend on the size of a summed loss."""
    options = defaults("optimizer/adamw")
    return torch.optim.AdamW(parameters, lr=options["lr"], weight_decay=options["weight_decay"])


class LikelihoodModule(pl.LightningModule):
    """Maps x to a Pyro distribution over y; the loss of a batch is `-dist.log_prob(y).sum()`.

    Args:
        architecture: any module that maps x to features (N, head.in_features), or (N, *sites, head.in_features).
        head: maps features to the distribution.
        optimizer: makes an optimiser from parameters; AdamW with the shipped step size where left out.
        scheduler: makes a learning-rate schedule from the optimiser, stepped once per epoch.

    Batches are `Batch(x, y, weight, exposure, mask)`, plain tuples in that order, or mappings with those keys; all but
    x and y may be left out, and in prediction y too.

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
        scheduler: Callable[[Optimizer], LRScheduler] | None = None,
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.head = head
        self.make_optimizer = optimizer or default_optimizer
        self.make_scheduler = scheduler
        #: Plain data kept in the checkpoint beside the weights, such as how a table's columns were encoded.
        self.extra: dict[str, Any] = {}
        self._sums: dict[str, Tensor] = {}

    @classmethod
    def for_data(
        cls,
        data: Any,
        distribution: str | Mapping[str, Any] | type,
        architecture: str | nn.Module = "mlp",
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] | None = None,
        scheduler: Callable[[Optimizer], LRScheduler] | None = None,
        **options: Any,
    ) -> LikelihoodModule:
        """The module whose inputs and outputs have the sizes of the data.

        Args:
            data: whatever `fit` takes: `Data` (as `split_table` gives it), tensors (x, y), a loader, ….
            distribution: a shipped name, a mapping as in conf/distribution/*.yaml, or a distribution class.
            architecture: a shipped name, or a module that says how many features it gives (`out_features`).
            options: of a shipped architecture, such as `width=64`.

        Raises:
            LikelihoodError: an unknown distribution, architecture or option; training rows without a target.

        >>> LikelihoodModule.for_data((torch.zeros(9, 3), torch.ones(9)), "poisson", "linear").head.in_features
        3
        """
        rows = as_data_module(data)
        source = getattr(rows, "data", None)
        x, y = first_input(rows), targets(rows)[0]
        if isinstance(architecture, str):
            architecture = architectures.build(architecture, x.shape[1], **options)
        family = family_for(distribution, answers(architecture, x, y), getattr(source, "class_count", None))
        module = cls(architecture, DistributionHead(family, features_of(architecture)), optimizer, scheduler)
        if isinstance(source, Data):
            table = {} if source.encoder is None else {"table": source.encoder.state()}
            module.extra = {**table, "data": source.name}
        return module

    def forward(self, x: Any, exposure: Tensor | None = None) -> Any:
        """x (N, ...), and the exposure (N,) of a count if there is one, to a distribution of batch_shape (N,)."""
        return by_row(self.head(self.architecture(x), exposure))

    def log_prob(self, batch: Batch) -> Tensor:
        """log p(y | x) of each row (N,), times its weight; sites that are masked count nothing.

        Raises:
            TargetError: y does not have the shape batch_shape + event_shape, or is missing.
        """
        if batch.y is None:
            raise TargetError("the batch has no y; training and scoring need batches (x, y, …)")
        return log_prob(self(batch.x, batch.exposure), batch.y, batch.weight, batch.mask)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss of a batch: the sum over its rows, constants kept."""
        return self._step("train", Batch.of(batch))

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self._step("validation", Batch.of(batch))

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self._step("test", Batch.of(batch))

    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        """The distribution of each row of a batch, or of a bare x."""
        batch = Batch.of(batch)
        return self(batch.x, batch.exposure)

    def _step(self, stage: str, batch: Batch) -> Tensor:
        each = self.log_prob(batch)
        loss = -each.sum()
        if not torch.isfinite(loss):
            raise LikelihoodError(self._where_not_finite(stage, batch))
        if batch.mask is not None:
            loss = loss + self._unused()
        self._sums[stage] = self._sums.get(stage, 0.0) + torch.stack([loss.detach(), self._rows(batch, loss)])
        return loss

    def _rows(self, batch: Batch, loss: Tensor) -> Tensor:
        """How many rows the batch counts."""
        if batch.weight is None and batch.mask is None:
            return loss.new_tensor(float(len(batch.y)))  # type: ignore[arg-type]
        shape = batch.y.shape[: batch.y.dim() - self._answer_dims()]  # type: ignore[union-attr]
        return counts(shape, batch.weight, batch.mask)[0].to(loss)

    def _answer_dims(self) -> int:
        return 1 if self.head.target_type.is_vector else 0

    def _unused(self) -> Tensor:
        """0 from every parameter, so that each has a gradient where a batch is masked throughout."""
        return 0.0 * sum(
            (parameter.sum() for parameter in self.parameters() if parameter.requires_grad), torch.zeros(())
        )

    @torch.no_grad()
    def _where_not_finite(self, stage: str, batch: Batch) -> str:
        bad = (~torch.isfinite(self.log_prob(batch))).nonzero().flatten()[:5].tolist()
        targets = [batch.y[row].tolist() for row in bad]  # type: ignore[index]
        return (
            f"the {stage} loss is not finite: rows {bad} of the batch, with targets {targets}, made it so; "
            "check these rows, or lower the learning rate"
        )

    def _log_epoch(self, stage: str) -> None:
        """Log the mean NLL per row of the epoch, over all devices: one number an epoch instead of one a step."""
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

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """The gradient of the sum over all rows of a step, on any number of devices.

        Devices are averaged, and accumulation divides by its count: both are undone here and nowhere else.
        """
        undone = self.trainer.world_size * self.trainer.accumulate_grad_batches
        (loss * undone if undone != 1 else loss).backward(*args, **kwargs)

    def configure_optimizers(self) -> Any:
        optimizer = self.make_optimizer(self.parameters())
        if self.make_scheduler is None:
            return optimizer
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": self.make_scheduler(optimizer), "interval": "epoch"},
        }

    def describe(self) -> dict[str, Any]:
        """What `likelihead.load` needs beside the weights, as plain values."""
        return {
            "format": FORMAT,
            "architecture": getattr(self.architecture, "spec", None),
            "head": self.head.describe(),
            "extra": self.extra,
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["likelihead"] = self.describe()


def features_of(network: nn.Module) -> int:
    """How many features a network gives.

    Raises:
        LikelihoodError: it does not say.
    """
    features = getattr(network, "out_features", None)
    if not isinstance(features, int):
        raise LikelihoodError(
            f"{type(network).__name__} does not say how many features it gives: set self.out_features in its __init__"
        )
    return features


@torch.no_grad()
def answers(network: nn.Module, x: Any, y: Tensor) -> Tensor:
    """The targets (N, *sites, …) with a row for each site (tokens, pixels) of the features that the network gives."""
    training = network.training
    features = network.eval()(x)
    network.train(training)
    sites = features.dim() - 2
    return y.flatten(0, sites) if sites > 0 else y
