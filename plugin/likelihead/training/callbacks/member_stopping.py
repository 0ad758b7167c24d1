"""Early stopping of the members of an ensemble, each by itself."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from torch import Tensor


class MemberStopping(EarlyStopping):
    """Stops each member by the rule of an EarlyStopping, and training once all members have stopped.

    It takes the place of that callback in the Trainer. The rule: a member stops when its validation NLL has not fallen
    by more than `min_delta` for `patience` validations.

    Args:
        rule: the callback whose patience and min_delta decide.
        members: the number of members.
    """

    def __init__(self, rule: EarlyStopping, members: int) -> None:
        super().__init__(rule.monitor or "", min_delta=abs(rule.min_delta), patience=rule.patience)
        self.reference = torch.full((members,), torch.inf, dtype=torch.float64)
        self.waited = torch.zeros(members, dtype=torch.long)

    @property
    def state_key(self) -> str:
        return self._generate_state_key(patience=self.patience, min_delta=self.min_delta)

    def state_dict(self) -> dict[str, Any]:
        return {"reference": self.reference, "waited": self.waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.reference, self.waited = state_dict["reference"], state_dict["waited"]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Nothing: validation decides."""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.sanity_checking and trainer.state.fn == "fit":
            self._update(pl_module.member_nll)  # type: ignore[arg-type]
            pl_module.active = pl_module.active & (self.waited < self.patience)  # type: ignore[operator]
            trainer.should_stop = trainer.should_stop or not bool(pl_module.active.any())

    def _update(self, nll: Tensor) -> None:
        improved = nll < self.reference - abs(self.min_delta)
        self.reference = torch.where(improved, nll, self.reference)
        still = self.waited < self.patience
        self.waited = torch.where(improved & still, 0, self.waited + still.long())
