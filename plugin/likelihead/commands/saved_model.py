"""A trained model as it was saved: the module, and how the columns of its table are encoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from likelihead.data import Examples, TableEncoder, load_table
from likelihead.errors import LikelihoodError
from likelihead.training.checkpoint import load
from likelihead.training.module import LikelihoodModule


@dataclass(frozen=True)
class SavedModel:
    """A module with the encoder of its table."""

    module: LikelihoodModule
    encoder: TableEncoder

    @classmethod
    def load(cls, path: Path) -> SavedModel:
        """The model in a checkpoint file.

        Raises:
            LikelihoodError: there is no checkpoint, or it was not trained by a command and so knows no table.
        """
        module = load(path)
        if "table" not in module.extra:
            raise LikelihoodError(f"{str(path)!r} was trained without a table: predict with it in Python, module(x)")
        return cls(module, TableEncoder.from_state(module.extra["table"]))

    def read(self, path: Path, target: str) -> Examples:
        """The rows of a table file, encoded for the model; `target` as in `load_table`."""
        return load_table(path, self.encoder.state(), target)
