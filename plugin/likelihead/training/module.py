"""LikelihoodModule: a network and a head, trained by minimising the negative log-likelihood."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from likelihead.data.batch import Batch
from likelihead.errors import LikelihoodError, TargetError
from likelihead.heads.distribution_head import DistributionHead


def default_optimizer(parameters: Iterable[nn.Parameter]) -> Optimizer:
    """AdamW with the step size of the shipped configs; it does not depend on the size of a summed loss."""
    return torch.optim.AdamW(parameters, lr=3e-3, weight_decay=1e-2)


class LikelihoodModule(pl.LightningModule):
    """Maps x to a Pyro distribution over y; the loss of a batch is `-dist.log_prob(y).sum()`.

    Args:
        architecture: any module that maps x to features (N, head.in_features).
        head: maps features to the distribution.
        optimizer: makes an optimiser from parameters; AdamW at 3e-3 where left out.
        scheduler: makes a learning-rate schedule from the optimiser, stepped once per epoch.

    Batches are `Batch(x, y, weight, exposure)` or plain tuples in that order, the last two optional.

    >>> head = DistributionHead("normal", in_features=4)
    >>> module = LikelihoodModule(architecture=nn.Identity(), head=head)
    >>> module(torch.zeros(3, 4)).batch_shape
    torch.Size([3])
    """

    def __init__(
        self,
        architecture: nn.Module,
        head: DistributionHead,
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

    def forward(self, x: Tensor, exposure: Tensor | None = None) -> Any:
        """x (N, ...), and the exposure (N,) of a count if there is one, to a distribution of batch_shape (N,)."""
        return self.head(self.architecture(x), exposure)

    def log_prob(self, batch: Batch) -> Tensor:
        """log p(y | x) of each row (N,), times its weight.

        Raises:
            TargetError: y does not have the shape batch_shape + event_shape.
        """
        dist = self(batch.x, batch.exposure)
        expected = dist.batch_shape + dist.event_shape
        if batch.y.shape != expected:
            raise TargetError(
                f"y has shape {tuple(batch.y.shape)}, but the head predicts {tuple(expected)} (rows, then the shape "
                "of one answer); reshape y: nothing is broadcast"
            )
        log_prob: Tensor = dist.log_prob(batch.y)
        return log_prob if batch.weight is None else batch.weight * log_prob

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss of a batch: the sum over its rows, constants kept."""
        return self._step("train", Batch(*batch))

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self._step("validation", Batch(*batch))

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self._step("test", Batch(*batch))

    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        """The distribution of each row of a batch, or of a bare x."""
        if isinstance(batch, Tensor):
            return self(batch)
        batch = Batch(*batch)
        return self(batch.x, batch.exposure)

    def _step(self, stage: str, batch: Batch) -> Tensor:
        loss = -self.log_prob(batch).sum()
        if not torch.isfinite(loss):
            raise LikelihoodError(self._where_not_finite(stage, batch))
        rows = loss.new_tensor(float(len(batch.y))) if batch.weight is None else batch.weight.sum().to(loss.dtype)
        seen = torch.stack([loss.detach(), rows])
        self._sums[stage] = self._sums[stage] + seen if stage in self._sums else seen
        return loss

    @torch.no_grad()
    def _where_not_finite(self, stage: str, batch: Batch) -> str:
        bad = (~torch.isfinite(self.log_prob(batch))).nonzero().flatten()[:5].tolist()
        targets = [batch.y[row].tolist() for row in bad]
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

        The one place where it is put back that devices are averaged and that accumulation divides by its count.
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

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        from likelihead.training.checkpoint import describe

        checkpoint["likelihead"] = describe(self)
