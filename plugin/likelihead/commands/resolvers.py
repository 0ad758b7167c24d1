"""What the configs compute: ${likelihead.times_rows:…} and the like. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig, OmegaConf


def _rows(root: DictConfig) -> float | None:
    rows = root.get("rows_per_step")
    return None if rows is None else float(rows)


def _times_rows(value: float, *, _root_: DictConfig) -> Any:
    """A value per row, for a loss that is a sum over the rows of a step; text until the rows are known."""
    rows = _rows(_root_)
    return f"{value} times the rows of a step" if rows is None else value * rows


def _over_rows(value: float, *, _root_: DictConfig) -> Any:
    """A step size for the mean of the rows' losses, where the loss is their sum; text until the rows are known."""
    rows = _rows(_root_)
    return f"{value} over the rows of a step" if rows is None else value / rows


def _monitored(validation_fraction: float, *, _root_: DictConfig) -> str:
    """The metric that early stopping and the best checkpoint monitor."""
    batches = (_root_.get("trainer") or {}).get("limit_val_batches")
    return "train/nll" if not validation_fraction or (batches is not None and not batches) else "validation/nll"


def _can_fuse(precision: Any) -> bool:
    """Whether the optimizer can be fused: Lightning cannot clip a fused one's gradients in mixed precision."""
    return "mixed" not in str(precision) and str(precision) != "16"


#: The prefix keeps them apart from the resolvers of other Hydra applications, which see these configs too.
RESOLVERS: dict[str, Callable[..., Any]] = {
    "likelihead.times_rows": _times_rows,
    "likelihead.over_rows": _over_rows,
    "likelihead.monitored": _monitored,
    "likelihead.can_fuse": _can_fuse,
}


def register() -> None:
    """Register the resolvers with OmegaConf; a second call changes nothing."""
    for name, function in RESOLVERS.items():
        if not OmegaConf.has_resolver(name):
            OmegaConf.register_new_resolver(name, function)
