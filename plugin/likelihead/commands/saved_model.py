"""A trained model with what it knows of its table."""

from __future__ import annotations

from dataclasses import dataclass
from math import degrees
from pathlib import Path

from hydra.utils import to_absolute_path
from omegaconf import DictConfig, OmegaConf

from likelihead.data import Split, TableEncoder, load_table
from likelihead.errors import LikelihoodError
from likelihead.training.checkpoint import load
from likelihead.training.module import LikelihoodModule


@dataclass(frozen=True)
class Trained:
    """A module, how its table's columns were encoded, and how its targets are called."""

    module: LikelihoodModule
    encoder: TableEncoder

    @property
    def targets(self) -> list[str]:
        """The target columns."""
        return self.encoder.target.columns

    @property
    def labels(self) -> list[str] | None:
        """The names of classes or items."""
        return self.encoder.target.labels

    @property
    def unit(self) -> float:
        """What one unit of y is in the table: degrees where a direction was given so."""
        return degrees(1.0) if self.encoder.target.angles == "degrees" else 1.0


def file_of(config: DictConfig, key: str) -> Path:
    """A path of the config, taken from the folder in which the command was typed.

    Raises:
        LikelihoodError: the key was not given.
    """
    value = OmegaConf.select(config, key, throw_on_missing=False)
    if value is None:
        raise LikelihoodError(f"{key} is missing: add {key}=FILE")
    return Path(to_absolute_path(str(value)))


def trained(path: Path) -> Trained:
    """The model in a checkpoint file.

    Raises:
        LikelihoodError: no checkpoint, or one that was not trained by a command and so knows no table.
    """
    module = load(path)
    if "table" not in module.extra:
        raise LikelihoodError(f"{str(path)!r} was trained without a table: predict with it in Python, module(x)")
    return Trained(module, TableEncoder.from_state(module.extra["table"]))


def rows_of(model: Trained, path: Path, target: str) -> Split:
    """The rows of a file as the model wants them; `target` as in `load_table`."""
    return load_table(path, model.encoder.state(), target)
