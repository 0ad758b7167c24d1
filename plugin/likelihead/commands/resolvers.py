"""What the configs compute: ${times_rows:…} and the like. Needs no torch."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from omegaconf import DictConfig, OmegaConf


def _rows(root: DictConfig) -> float | None:
    rows = root.get("rows_per_step")
    return None if rows is None else float(rows)


def _times_rows(value: float, *, _root_: DictConfig) -> Any:
    """A figure per row, for a loss that is a sum over the rows of a step; text until the rows are known."""
    rows = _rows(_root_)
    return f"{value} times the rows of a step" if rows is None else value * rows


def _over_rows(value: float, *, _root_: DictConfig) -> Any:
    """A step size for the mean of the rows' losses, where the loss is their sum; text until the rows are known."""
    rows = _rows(_root_)
    return f"{value} over the rows of a step" if rows is None else value / rows


def _watched(validation_fraction: float) -> str:
    """The figure that early stopping and the best checkpoint go by."""
    return "validation/nll" if validation_fraction else "train/nll"


def _unmixed(precision: Any) -> bool:
    return "mixed" not in str(precision) and str(precision) != "16"


def _run_directory(resume: str | None) -> str:
    """Where a run writes: a directory that no other run has, or that of the run that goes on."""
    return str(resume) if resume else datetime.now().strftime(os.path.join("outputs", "%Y-%m-%d", "%H-%M-%S.%f"))


def _new_run_only(resume: str | None, value: str) -> str | None:
    return None if resume else value


def register() -> None:
    """Make the resolvers known to OmegaConf; a second call changes nothing."""
    for name, function in (
        ("times_rows", _times_rows),
        ("over_rows", _over_rows),
        ("watched", _watched),
        ("unmixed", _unmixed),
        ("new_run_only", _new_run_only),
    ):
        OmegaConf.register_new_resolver(name, function, replace=True)
    OmegaConf.register_new_resolver("run_directory", _run_directory, use_cache=True, replace=True)
