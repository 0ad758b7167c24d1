"""A trained module as it was saved, with the network and the families that the command line names again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from omegaconf import DictConfig
from torch import nn

from likelihead.commands.build import own_network, plain
from likelihead.commands.held_out_rows import held_out_rows
from likelihead.commands.stored_config import reads_run
from likelihead.data import TableEncoder
from likelihead.data.sources import read_again
from likelihead.data.tables.table_parts import TableParts, read_parts
from likelihead.errors import LikelihoodError
from likelihead.evaluation.predictions import rows_per_part
from likelihead.families.signature import resolve
from likelihead.training.checkpoint import read, restore
from likelihead.training.module import LikelihoodModule


def load_model(path: Path, config: DictConfig) -> LikelihoodModule:
    """The module in a checkpoint file.

    The file is read as data. Code of the user's own, a network or a distribution class, is imported only where the
    command line names it, in `architecture` and `families`.

    Raises:
        LikelihoodError: there is no checkpoint, it was not trained on a table, or its network or family must be named.
    """
    contents = read(path)
    description = contents["likelihead"]
    if "table" not in description.get("extra", {}):
        raise LikelihoodError(f"{str(path)!r} was trained without a table: predict with it in Python, load(path)(x)")
    families = [resolve(str(name)) for name in plain(config.families) or []]
    with reads_run(path):
        module = restore(contents, str(path), _network(path, plain(config.architecture), description), families)
        # What the file says of its columns must suit its network, which fails on other inputs.
        encoder = TableEncoder.from_state(module.extra["table"])
        module(encoder.shaped(torch.zeros(1, len(encoder.names))))
    return module


def rows_of(
    module: LikelihoodModule, checkpoint: Path, path: Path | None, encoding: str | None = None
) -> tuple[pd.DataFrame, TableEncoder, str]:
    """The table at a path, or without one the test rows of the run; its encoder, and the words for it in messages."""
    encoder, name = _encoder_of(module, path)
    if path is None:
        return held_out_rows(checkpoint, module), encoder, name
    return read_again(encoder, path, encoding), encoder, name


def parts_of(
    module: LikelihoodModule, checkpoint: Path, path: Path | None, encoding: str | None = None
) -> tuple[TableParts, TableEncoder, str]:
    """As `rows_of`, the table in parts."""
    encoder, name = _encoder_of(module, path)
    size = rows_per_part(encoder)
    if path is None:
        return TableParts.of(held_out_rows(checkpoint, module), size), encoder, name
    if encoder.source:
        return TableParts.of(read_again(encoder, path, encoding), size), encoder, name
    return read_parts(path, size, encoding, encoder.text), encoder, name


def _encoder_of(module: LikelihoodModule, path: Path | None) -> tuple[TableEncoder, str]:
    encoder = TableEncoder.from_state(module.extra["table"])
    # As in training, a level that only held-out rows have is no error.
    return (replace(encoder, unseen="ignore"), "the test set") if path is None else (encoder, path.name)


def _network(path: Path, options: Mapping[str, Any], description: Mapping[str, Any]) -> nn.Module | None:
    """The network that the command line names; None where the checkpoint describes a shipped one."""
    if description.get("architecture") is not None:
        if options:
            raise LikelihoodError(f"{str(path)!r} holds its network: leave out architecture")
        return None
    if "_target_" not in options:
        raise LikelihoodError(
            f"{str(path)!r} was trained with a network of your own, which a checkpoint cannot hold: name it as in "
            "training, with its options, such as architecture._target_=my_module.Net architecture.width=64"
        )
    return own_network(options, len(TableEncoder.from_state(description["extra"]["table"]).names))
