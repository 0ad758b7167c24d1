"""The part of a module that remembers its fit without the validation rows, once it was refitted on all rows."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from torch import Tensor

from likelihead.errors import LikelihoodError

#: In a checkpoint, beside the weights: those that were trained without the validation rows.
HELD_OUT = "held_out"


class Refitted:
    """What makes a LightningModule keep the weights that have not seen the validation rows, to be scored on them."""

    #: These weights by name; None unless the module was refitted.
    held_out: dict[str, Tensor] | None = None

    def held_out_fit(self: Any) -> Any:
        """The module with the weights that were trained without the validation rows.

        Raises:
            LikelihoodError: the checkpoint holds weights of another network there.
        """
        if self.held_out is None:
            return self
        module = deepcopy(self)
        try:
            module.load_state_dict(self.held_out)
        except (RuntimeError, TypeError, AttributeError) as error:
            raise LikelihoodError(
                "the checkpoint holds other weights for the validation rows than its network has: it is damaged, or "
                "was changed"
            ) from error
        return module

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Continue from the weights that have not seen the validation rows."""
        if HELD_OUT in checkpoint:
            checkpoint["state_dict"] = checkpoint.pop(HELD_OUT)
