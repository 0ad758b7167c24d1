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
from likelihead.training.data_module import as_data_module, part_of, sample_inputs, targets

#: The version of the description of a module in checkpoints.
FORMAT = 1


def default_optimizer(parameters: Iterable[nn.Parameter]) -> Optimizer:
    """AdamW with the learning rate of the shipped config, which does not depend on the scale of the loss."""
    options = defaults("optimizer/adamw")
    return torch.optim.AdamW(parameters, lr=options["lr"], weight_decay=options["weight_decay"])


class LikelihoodModule(pl.LightningModule):
    """Maps x to a Pyro distribution over y; the loss of a batch is `-dist.log_prob(y).sum()`.

    Args:
        architecture: any module that maps x to features (N, *sites, head.in_features).
        head: maps features to the distribution.
        optimizer: creates an optimizer from parameters; by default AdamW with the shipped learning rate.
        scheduler: creates a learning-rate scheduler from the optimizer, stepped once per epoch; by default none.
        marginal_fit: whether training starts at the marginal fit of the training targets, in any Trainer. It is made
            unless the head already has one. Without it the head starts with plain links.

    Batches are `Batch(x, y, weight, exposure, mask)`, tuples in that order, or mappings with those keys; all but x and
    y are optional, and for prediction y is too.

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
        marginal_fit: bool = True,
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.head = head
        self.make_optimizer = optimizer or default_optimizer
        self.make_scheduler = scheduler
        self.marginal_fit = marginal_fit
        #: Plain data kept in the checkpoint along with the weights, such as the encoder of a table.
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
        """Create a module with the input and output sizes of the data.

        Args:
            data: whatever `fit` takes: `Data` (from `split_table`), tensors (x, y), a loader, ….
            distribution: a shipped name ("poisson"), a mapping as in conf/distribution/*.yaml, or a distribution class.
            architecture: a shipped name, or a module with an attribute `out_features`, its number of features.
            optimizer, scheduler: as for the class.
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
            architecture = architectures.build_for(architecture, x, **options)
        family = family_for(distribution, sites_as_rows(architecture, x[:2], y), getattr(source, "class_count", None))
        module = cls(architecture, DistributionHead(family, features_of(architecture)), optimizer, scheduler)
        if isinstance(source, Data):
            table = {} if source.encoder is None else {"table": source.encoder.state()}
            module.extra = {**table, "data": source.name}
        return module

    def forward(self, x: Any, exposure: Tensor | None = None) -> Any:
        """The distribution of y given x (N, …), batch_shape (N,); `exposure` (N,) is that of counts, if any."""
        return by_row(self.head(self.architecture(x), exposure))

    def log_prob(self, batch: Batch) -> Tensor:
        """The weighted log p(y | x) of each row, (N,), without masked sites.

        Raises:
            TargetError: y is missing, or does not have the shape batch_shape + event_shape.
        """
        if batch.y is None:
            raise TargetError("the batch has no y; training and scoring need batches (x, y, …)")
        return log_prob(self(batch.x, batch.exposure), batch.y, batch.weight, batch.mask)

    def on_train_start(self) -> None:
        """Make the marginal fit, unless the head has one or an earlier training continues."""
        trainer = self.trainer
        if not self.marginal_fit or self.head.is_fitted or trainer.global_step or trainer.ckpt_path:
            return
        with torch.random.fork_rng(devices=[]):
            self.head.fit_marginal(*targets(trainer.train_dataloader or []))
        if trainer.world_size > 1:
            self.head.load_state_dict(trainer.strategy.broadcast(self.head.state_dict()))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss of a batch: the negative log-likelihood summed over its rows, with all constants."""
        return self._step("train", Batch.of(batch))

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self._step("validation", Batch.of(batch))

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self._step("test", Batch.of(batch))

    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        """The distribution of each row of a batch, or of x alone."""
        batch = Batch.of(batch)
        return self(batch.x, batch.exposure)

    def _step(self, stage: str, batch: Batch) -> Tensor:
        each = self.log_prob(batch)
        loss = -each.sum()
        if not torch.isfinite(loss):
            raise LikelihoodError(self._where_not_finite(stage, batch))
        if batch.mask is not None:
            loss = loss + self._zero()
        self._sums[stage] = self._sums.get(stage, 0.0) + torch.stack([loss.detach(), self._rows(batch, loss)])
        return loss

    def _rows(self, batch: Batch, loss: Tensor) -> Tensor:
        """The weighted number of rows in the batch."""
        if batch.weight is None and batch.mask is None:
            return loss.new_tensor(float(len(batch.y)))  # type: ignore[arg-type]
        event_dims = 1 if self.head.target_type.is_vector else 0
        shape = batch.y.shape[: batch.y.dim() - event_dims]  # type: ignore[union-attr]
        return counts(shape, batch.weight, batch.mask)[0].to(loss)

    def _zero(self) -> Tensor:
        """0 as a function of every parameter, so that each has a gradient even if the whole batch is masked."""
        return 0.0 * sum(
            (parameter.sum() for parameter in self.parameters() if parameter.requires_grad), torch.zeros(())
        )

    @torch.no_grad()
    def _where_not_finite(self, stage: str, batch: Batch) -> str:
        bad = (~torch.isfinite(self.log_prob(batch))).nonzero().flatten()[:5].tolist()
        targets = [batch.y[row].tolist() for row in bad]  # type: ignore[index]
        return (
            f"the {stage} loss is not finite: rows {bad} of the batch, with targets {targets}, are the cause; "
            "check these rows, or lower the learning rate"
        )

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

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Compute the gradient of the loss summed over all rows of a step, on any number of devices.

        Lightning averages gradients over devices and over accumulated batches; only this method undoes that.
        """
        factor = self.trainer.world_size * self.trainer.accumulate_grad_batches
        (loss * factor if factor != 1 else loss).backward(*args, **kwargs)

    def configure_optimizers(self) -> Any:
        optimizer = self.make_optimizer(self.parameters())
        if self.make_scheduler is None:
            return optimizer
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": self.make_scheduler(optimizer), "interval": "epoch"},
        }

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


def features_of(network: nn.Module) -> int:
    """The number of features that a network returns, its `out_features`.

    Raises:
        LikelihoodError: it has no such attribute.
    """
    features = getattr(network, "out_features", None)
    if not isinstance(features, int):
        raise LikelihoodError(
            f"{type(network).__name__} does not say how many features it returns: set self.out_features in its __init__"
        )
    return features


@torch.no_grad()
def sites_as_rows(network: nn.Module, x: Any, y: Tensor) -> Tensor:
    """The targets y (N, *sites, …), with the sites (tokens, pixels) of the network's features as further rows."""
    training = network.training
    features = network.eval()(x)
    network.train(training)
    sites = features.dim() - 2
    return y.flatten(0, sites) if sites > 0 else y
