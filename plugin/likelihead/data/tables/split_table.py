"""A table to training, validation and test rows as tensors."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from likelihead.data.dataset import Data, Examples
from likelihead.data.options import check_options, table_defaults
from likelihead.data.row_splits import split_rows
from likelihead.data.tables.encoder import TableEncoder
from likelihead.data.tables.files import read_table
from likelihead.data.tables.target_encoder import missing_rows
from likelihead.errors import LikelihoodError, TargetError, suggest
from likelihead.target_types.cells import as_list, require_columns
from likelihead.target_types.detect import target_type_of

log = logging.getLogger("likelihead.data")

#: What `encode_table` does about target columns.
TARGETS = ("required", "optional", "ignored")


@dataclass(frozen=True)
class Table:
    """A table before it is split: rows, target columns, name, and where it is known log p(y) under the truth, (n,)."""

    frame: pd.DataFrame
    target: list[str]
    name: str
    oracle: Tensor | None = None


def split_table(
    frame: pd.DataFrame,
    distribution: str | Mapping[str, Any] | type,
    target: str | Sequence[str],
    test: pd.DataFrame | None = None,
    seed: int = 0,
    **options: Any,
) -> Data:
    """A pandas frame as training, validation and test rows for a distribution.

    Args:
        frame: the rows.
        distribution: what the targets are for: a shipped name, a mapping as in conf/distribution/*.yaml, or a class.
        target: a column, or several.
        test: the test rows, where they are another frame; then no rows of `frame` are held out for testing.
        seed: determines which rows train, validate and test.
        options: those of the `data` config group: `features`, `weight`, `exposure`, `test_fraction`, ….

    Raises:
        LikelihoodError: an unknown option, a missing column, inputs that cannot be encoded.
        TargetError: targets that the distribution cannot take.

    >>> frame = pd.DataFrame({"age": range(100), "visits": [0, 1, 2, 3] * 25})
    >>> data = split_table(frame, "poisson", "visits")
    >>> {name: len(part) for name, part in data.parts.items()}
    {'train': 68, 'validation': 12, 'test': 20}
    """
    known = table_defaults()
    for key in options:
        if key not in known:
            raise LikelihoodError(f"data has no option {key!r}: {suggest(key, known)}")
    full = {**known, **options}
    check_options(full)
    return split(Table(frame, as_list(target), "table"), distribution, full, seed, test)


def split(
    table: Table,
    family: str | Mapping[str, Any] | type,
    options: Mapping[str, Any],
    seed: int,
    test: pd.DataFrame | None = None,
) -> Data:
    """Split a table's rows, fit the encoder on the training rows, check and encode all of them."""
    table = _without_missing(table, options)
    held_out = None if test is None else _without_missing(replace(table, frame=test, oracle=None), options)
    rows = split_rows(
        len(table.frame), 0.0 if held_out else options["test_fraction"], options["validation_fraction"], seed
    )
    encoder = TableEncoder.fit(table.frame.iloc[rows["train"]], target_type_of(family), table.target, options)
    # a rare category may be among the held-out rows alone: that is logged and no reason to stop
    whole = _encode(replace(encoder, unseen="ignore"), table.frame, table.oracle)
    parts = {name: whole.take(numbers) for name, numbers in rows.items()}
    if held_out:
        parts["test"] = _encode(encoder, held_out.frame, None)
    return Data(**parts, name=table.name, encoder=encoder)


def load_table(path: str | Path, state: Mapping[str, Any], target: str = "required") -> Examples:
    """A new file through a stored encoder.

    Args:
        path: CSV or Parquet.
        state: what `TableEncoder.state()` gave.
        target: `required` (to evaluate), `optional` (y is None where the columns are missing or empty throughout), or
            `ignored`. A weight column that the table lacks is an error only where the target is required.

    Raises:
        LikelihoodError: a missing column, an input or target that cannot be encoded.
    """
    return encode_table(read_table(path), TableEncoder.from_state(state), target)


def encode_table(frame: pd.DataFrame, encoder: TableEncoder, target: str = "required") -> Examples:
    """A frame through an encoder: `load_table` without the file."""
    if target not in TARGETS:
        raise LikelihoodError(f"target is {target!r}; the choices are {', '.join(TARGETS)}")
    columns = encoder.target.names
    if target == "required":
        require_columns(frame, columns, "target")
    known = target != "ignored" and all(name in frame.columns for name in columns)
    if known and target == "optional":
        known = not bool(missing_rows(frame, columns).all())
    if target != "required" and encoder.weight is not None and encoder.weight not in frame.columns:
        encoder = replace(encoder, weight=None)
    return _encode(encoder, frame, None, known)


def _encode(encoder: TableEncoder, frame: pd.DataFrame, oracle: Tensor | None, known: bool = True) -> Examples:
    y = encoder.encode_target(frame) if known else None
    weight, exposure = encoder.encode_weight(frame), encoder.encode_exposure(frame)
    rows = np.asarray(frame.index, dtype=np.int64)
    return Examples(encoder.encode(frame), y, weight, exposure, rows=rows, oracle=oracle)


def _without_missing(table: Table, options: Mapping[str, Any]) -> Table:
    """Leave out the rows without a target where `missing_target=drop`; elsewhere the check of targets names them."""
    require_columns(table.frame, table.target, "target")
    missing = missing_rows(table.frame, table.target)
    if options["missing_target"] != "drop" or not missing.any():
        return table
    if missing.all():
        raise TargetError(f"target column {table.target[0]!r} is empty in all {len(missing)} rows: name another")
    columns, count = ", ".join(table.target), int(missing.sum())
    log.warning(
        "%s: %d of %d rows have no target and were left out (missing_target=drop)", columns, count, len(missing)
    )
    oracle = None if table.oracle is None else table.oracle[torch.from_numpy(~missing)]
    return replace(table, frame=table.frame[~missing], oracle=oracle)
