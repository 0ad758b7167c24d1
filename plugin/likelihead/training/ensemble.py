"""Ensemble: K networks trained in one vectorised program, which predict the mixture of their distributions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import pandas as pd
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import Optimizer
from torch.utils._pytree import tree_map

from likelihead.data.batch import Batch
from likelihead.errors import LikelihoodError
from likelihead.evaluation.predictions import predict_frame
from likelihead.evaluation.statistics import Statistics
from likelihead.heads.sites import by_row
from likelihead.inference.mixtures import equal_mixture
from likelihead.training.callbacks.member_stopping import MemberStopping
from likelihead.training.data_module import targets
from likelihead.training.ensemble_data import EnsembleData, member_seed
from likelihead.training.module import LikelihoodModule
from likelihead.training.stacking import stacked, unstacked
from likelihead.training.vectorised import Member, clip_by_member, member_log_prob, without_mask

#: The metric by which the best checkpoint of an ensemble is chosen: it falls whenever a member improves.
BEST_NLL = "validation/best_nll"
#: Layers that keep running statistics of a batch, which a vectorised program cannot update.
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class Ensemble(LikelihoodModule):
    """K members of one structure, trained side by side; `ensemble(x)` is the equal mixture of their distributions.

    Each member has its own weights and its own K-th of the rows held out, by which its best weights are chosen and it
    is stopped. Together they learn from all rows, and every row has a prediction of the member that has not seen it.

    Args:
        members: modules with the same network and head, each with its own weights. The optimizer and the schedule are
            those of the first; they must treat each weight by itself, as Adam does and LBFGS does not.

    Raises:
        LikelihoodError: there are no members, they have different parameters, they are to be compiled, or their
            networks normalise over batches.

    >>> data = (torch.linspace(0, 1, 100)[:, None], torch.arange(100.0))
    >>> ensemble = Ensemble.of(lambda: LikelihoodModule.for_data(data, "normal", "linear"), members=3)
    >>> dist = ensemble(data[0])
    >>> dist.batch_shape, dist.component_distribution.batch_shape
    (torch.Size([100]), torch.Size([100, 3]))
    """

    def __init__(self, members: Sequence[LikelihoodModule]) -> None:
        if not members:
            raise LikelihoodError("an ensemble needs members")
        first = members[0]
        if first.compile_mode is not None:
            raise LikelihoodError(
                "an ensemble is one vectorised program already, which torch.compile does not take: leave out compile, "
                "or choose ensemble=1"
            )
        if any(isinstance(layer, BATCH_NORMS) for layer in first.architecture.modules()):
            raise LikelihoodError(
                "the networks of an ensemble are trained together and cannot normalise over batches: choose "
                "architecture.normalization=layer"
            )
        network = stacked([member.architecture for member in members])
        super().__init__(network, deepcopy(first.head), first.make_optimizer, first.make_scheduler, first.marginal_fit)
        #: The heads of all members; `head` holds the marginal fit of all rows.
        self.member_head = stacked([member.head for member in members])
        self.head.requires_grad_(False)
        self.extra = first.extra
        self.members = len(members)
        #: Whether each member is still trained, (K,).
        self.active = torch.ones(self.members, dtype=torch.bool)
        #: The validation NLL of each member: that of the last epoch, and the best, (K,).
        self.member_nll = torch.full((self.members,), torch.inf, dtype=torch.float64)
        self.best_nll = self.member_nll.clone()
        self._best: dict[str, Tensor] = {}

    @classmethod
    def of(cls, make: Callable[[], LikelihoodModule], members: int, seed: int = 0) -> Ensemble:
        """Create an ensemble of modules that `make` creates, each after a seed of its own."""
        made = []
        for member in range(members):
            torch.manual_seed(member_seed(seed, member))
            made.append(make())
        return cls(made)

    @property
    def _member(self) -> Member:
        return Member(self.architecture, self.member_head)

    def _tensors(self) -> dict[str, Tensor]:
        member = self._member
        return {**dict(member.named_parameters()), **dict(member.named_buffers())}

    def member(self, index: int) -> LikelihoodModule:
        """A member as a module of its own, with a copy of its weights."""
        module = LikelihoodModule(
            unstacked(self.architecture, index),
            unstacked(self.member_head, index),  # type: ignore[arg-type]
            self.make_optimizer,
            self.make_scheduler,
            self.marginal_fit,
        )
        if hasattr(self.architecture, "spec"):
            module.architecture.spec = self.architecture.spec
        module.extra = self.extra
        return module.train(self.training)

    def forward(self, x: Any, exposure: Tensor | None = None) -> Any:
        """The mixture of the members' distributions given x (N, …), batch_shape (N,); with sites, at each of them."""
        member, tensors = self._member, self._tensors()
        predictions = [
            functional_call(member, {name: tensor[k] for name, tensor in tensors.items()}, (x, exposure))
            for k in range(self.members)
        ]
        return by_row(equal_mixture(predictions))

    def member_log_prob(self, batch: Batch) -> Tensor:
        """The weighted log p(y | x) of the rows of each member that is still trained, (active, rows)."""
        batch = without_mask(batch, event_dims=1 if self.head.target_type.is_vector else 0)
        tensors = self._tensors()
        if not bool(self.active.all()):
            index = self.active.nonzero().flatten().to(self.device)
            tensors, batch = tree_map(lambda tensor: tensor if tensor is None else tensor[index], (tensors, batch))
        return member_log_prob(self._member, tensors, batch)

    def _step(self, stage: str, batch: Batch) -> Tensor:
        if stage == "test":
            return super()._step(stage, batch)
        each = self.member_log_prob(batch)
        loss = -each.sum()
        if not torch.isfinite(loss):
            raise LikelihoodError(self._where_not_finite(stage, batch))
        sums = torch.zeros(2, self.members, dtype=torch.float64)
        sums[0, self.active] = -each.detach().double().cpu().sum(1)
        weight: Tensor = batch.weight  # type: ignore[assignment]
        sums[1] = weight.double().cpu().flatten(2).mean(2).sum(1) if weight.dim() > 2 else weight.double().cpu().sum(1)
        self._sums[stage] = self._sums.get(stage, 0.0) + sums.to(self.device)
        return loss

    @torch.no_grad()
    def _where_not_finite(self, stage: str, batch: Batch) -> str:
        members, rows = (~torch.isfinite(self.member_log_prob(batch))).nonzero()[:5].T.tolist()
        bad = self.active.nonzero().flatten()[members].tolist()
        targets = [batch.y[member, row].tolist() for member, row in zip(bad, rows, strict=True)]  # type: ignore[index]
        return (
            f"the {stage} loss of member {bad[0]} of the ensemble is not finite: targets {targets} are the cause; "
            "check these rows, or lower the learning rate"
        )

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        super().validation_step(batch, batch_idx)
        # Here, and not at the end of the epoch, the weights are those that were validated, averaged over steps.
        if batch_idx + 1 == self.trainer.num_val_batches[0] and not self.trainer.sanity_checking:
            self._keep_best()

    @torch.no_grad()
    def _keep_best(self) -> None:
        """Keep the weights of every member whose validation NLL is its best."""
        total, rows = self.trainer.strategy.reduce(self._sums["validation"].clone(), reduce_op="sum").double().cpu()
        self.member_nll = torch.where(self.active, total / rows, self.member_nll)
        improved = self.active & (self.member_nll < self.best_nll)
        self.best_nll = torch.where(improved, self.member_nll, self.best_nll)
        for name, tensor in self._state().items():
            kept = self._best.setdefault(name, tensor.clone())
            kept[improved] = tensor[improved]

    def _state(self) -> dict[str, Tensor]:
        """The weights of the members by their names in the state_dict."""
        return {name: tensor for name, tensor in self.state_dict().items() if not name.startswith("head.")}

    def _log_epoch(self, stage: str) -> None:
        """Log the mean over the members of the NLL per row.

        In training it is that of those that are still trained; in validation those that have stopped count with their
        best weights, which they keep.
        """
        if stage not in ("train", "validation"):
            super()._log_epoch(stage)
            return
        total, rows = self.trainer.strategy.reduce(self._sums.pop(stage), reduce_op="sum").double().cpu()
        nll = torch.where(self.active, self.member_nll, self.best_nll) if stage == "validation" else total / rows
        of = slice(None) if stage == "validation" else self.active
        self.log(f"{stage}/nll", float(nll[of].mean()), prog_bar=True)
        if stage == "validation":
            self.log(BEST_NLL, float(self.best_nll.mean()))

    def on_train_end(self) -> None:
        """Give every member its best weights."""
        self.load_state_dict({**self.state_dict(), **self._best})

    def configure_callbacks(self) -> list[Callback]:
        """Stop the members one by one, and keep a checkpoint whenever one of them improves."""
        callbacks: list[Callback] = self.trainer.callbacks  # type: ignore[attr-defined]
        for callback in callbacks:
            if isinstance(callback, ModelCheckpoint) and str(callback.monitor).endswith("/nll"):
                callback.monitor = BEST_NLL
        rules = [callback for callback in callbacks if isinstance(callback, EarlyStopping)]
        return [MemberStopping(rule, self.members) for rule in rules]

    def configure_optimizers(self) -> Any:
        configured = super().configure_optimizers()
        optimizer = configured["optimizer"] if isinstance(configured, Mapping) else configured
        if isinstance(optimizer, torch.optim.LBFGS):
            raise LikelihoodError(
                "LBFGS steps for all members at once, so that they would not be trained one by one: choose another "
                "optimizer, or ensemble=1"
            )
        return configured

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the gradient of each member by itself."""
        if gradient_clip_val is None or gradient_clip_algorithm == "value":
            super().configure_gradient_clipping(optimizer, gradient_clip_val, gradient_clip_algorithm)
            return
        self.clip([parameter.grad for parameter in self.parameters() if parameter.grad is not None], gradient_clip_val)

    def clip(self, gradients: list[Tensor], largest: float) -> None:
        """Scale the gradient of each member down to a norm of at most `largest`, in place."""
        clip_by_member(gradients, largest)

    def prepare_rows(self, rows: pl.LightningDataModule, **options: Any) -> EnsembleData:
        """Deal the rows to the members."""
        return rows if isinstance(rows, EnsembleData) else EnsembleData(rows, self.members, **options)

    def fit_marginal(self, rows: pl.LightningDataModule) -> None:
        """Start every member at the marginal fit of its own training rows."""
        if not isinstance(rows, EnsembleData):
            raise LikelihoodError("an ensemble is trained by likelihead.fit, which deals the rows to its members")
        super().fit_marginal(rows)
        heads = []
        for k in range(self.members):
            heads.append(unstacked(self.member_head, k))
            heads[k].fit_marginal(*targets(rows.training(k)))  # type: ignore[operator]
        self.member_head = stacked(heads)

    def scored(self, rows: pl.LightningDataModule, part: str) -> list[tuple[nn.Module, Any]]:
        """As for a module; rows for validation and calibration are those that each member held out."""
        if part not in ("validation", "calibration") or not isinstance(rows, EnsembleData):
            return super().scored(rows, part)
        return [(self.member(k), rows.held_out(k)) for k in range(self.members)]

    def out_of_fold(self, rows: EnsembleData, quantiles: Sequence[float] = (0.05, 0.5, 0.95)) -> pd.DataFrame:
        """Predictions of the rows by the member that held them out, with `row` and `member` in front."""
        columns = None if rows.data is None or rows.data.encoder is None else rows.data.encoder.target.columns
        frames = []
        for k in range(self.members):
            share = rows.held_out(k)
            frame = predict_frame(self.member(k), share, columns, Statistics(quantiles))
            frame.insert(0, "row", share.rows)
            frame.insert(1, "member", k)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True).sort_values("row", ignore_index=True)

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "members": self.members}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the best weights of every member as the weights, and those that training continues from beside them."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["members"] = {"active": self.active, "nll": self.member_nll, "best_nll": self.best_nll}
        if self._best:
            checkpoint["training_state"] = checkpoint["state_dict"]
            checkpoint["state_dict"] = {**checkpoint["state_dict"], **self._best}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        stored = checkpoint["members"]
        self.active, self.member_nll, self.best_nll = stored["active"], stored["nll"], stored["best_nll"]
        if "training_state" in checkpoint:
            best = checkpoint["state_dict"]
            self._best = {name: best[name].to(self.device) for name in self._state()}
            checkpoint["state_dict"] = checkpoint.pop("training_state")
