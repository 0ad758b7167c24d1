"""Any kind of data to tensors: one way for files, bundled sets and synthetic sets."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from likelihead.data.dataset import Data, Split
from likelihead.data.options import complete
from likelihead.data.row_splits import Rows, split_rows
from likelihead.data.sources.bundled import bundled
from likelihead.data.sources.synthetic import make
from likelihead.data.tables.encoder import TableEncoder
from likelihead.errors import LikelihoodError, TargetError
from likelihead.target_types.cells import as_list, read_table, require_columns
from likelihead.target_types.kinds import Kind
from likelihead.target_types.target_columns import missing_rows

log = logging.getLogger("likelihead.data")

#: What `load_table` does about target columns.
TARGETS = ("required", "optional", "ignored")


@dataclass(frozen=True)
class Source:
    """A table before it is split: rows, target columns, name, and where it is known log p(y) under the truth, (n,)."""

    frame: pd.DataFrame
    target: list[str]
    name: str
    oracle: Tensor | None = None


def load_data(family: str | Mapping[str, Any] | type, options: Mapping[str, Any], seed: int) -> Data:
    """Read or make a table, deal out its rows, fit the encoder on the training rows, check and encode all.

    Args:
        family: what the targets are for: a shipped name, a mapping as in conf/distribution/*.yaml, or a class.
        options: the `data` group of the configuration; see likelihead.data.options.
        seed: decides which rows train, validate and test.

    Raises:
        LikelihoodError: an unknown option, a missing file or column, inputs that cannot be encoded.
        TargetError: targets that the family cannot take.

    >>> data = load_data("poisson", {"kind": "synthetic", "rows": 100}, seed=0)
    >>> {name: len(split) for name, split in data.parts.items()}
    {'train': 68, 'validation': 12, 'test': 20}
    """
    options = complete(options)
    source = _without_missing(_source(family, options), options)
    held_out = _test_source(source, options)
    rows = split_rows(
        len(source.frame), 0.0 if held_out else options["test_fraction"], options["validation_fraction"], seed
    )
    encoder = TableEncoder.fit(source.frame.iloc[rows["train"]], Kind.of(family), source.target, options)
    # a rare category may have fallen to the held-out rows alone: that is logged and no reason to stop
    whole = _encode(replace(encoder, unseen="ignore"), source.frame, source.oracle)
    parts = {name: take(whole, numbers) for name, numbers in rows.items()}
    if held_out:
        parts["test"] = _encode(encoder, held_out.frame, None)
    return Data(**parts, encoder=encoder, name=source.name)


def load_table(path: str | Path, state: Mapping[str, Any], target: str = "required") -> Split:
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


def encode_table(frame: pd.DataFrame, encoder: TableEncoder, target: str = "required") -> Split:
    """A frame through an encoder: `load_table` without the file."""
    if target not in TARGETS:
        raise LikelihoodError(f"target is {target!r}; the choices are {', '.join(TARGETS)}")
    columns = encoder.target.columns
    if target == "required":
        require_columns(frame, columns, "target")
    known = target != "ignored" and all(name in frame.columns for name in columns)
    if known and target == "optional":
        known = not bool(missing_rows(frame, columns).all())
    if target != "required" and encoder.weight is not None and encoder.weight not in frame.columns:
        encoder = replace(encoder, weight=None)
    return _encode(encoder, frame, None, known)


def _encode(encoder: TableEncoder, frame: pd.DataFrame, oracle: Tensor | None, known: bool = True) -> Split:
    y = encoder.encode_target(frame) if known else None
    weight, exposure = encoder.encode_weight(frame), encoder.encode_exposure(frame)
    return Split(encoder.encode(frame), y, weight, exposure, np.asarray(frame.index, dtype=np.int64), oracle)


def take(split: Split, rows: Rows) -> Split:
    """The rows at these positions of `split`, in this order."""
    index = torch.from_numpy(np.asarray(rows, dtype=np.int64))

    def pick(column: Tensor | None) -> Tensor | None:
        return None if column is None else column[index]

    return Split(
        split.x[index], pick(split.y), pick(split.weight), pick(split.exposure), split.rows[rows], pick(split.oracle)
    )


def _source(family: str | Mapping[str, Any] | type, options: Mapping[str, Any]) -> Source:
    wanted = as_list(options["target"])
    if options["kind"] == "synthetic":
        made = make(options["name"], family, int(options["rows"]), int(options["data_seed"]))
        known = wanted in ([], made.target)
        return Source(made.frame, wanted or made.target, made.name, made.log_prob if known else None)
    if options["kind"] == "bundled":
        frame, target = bundled(options["name"])
        return Source(frame, wanted or target, options["name"])
    if not options["path"]:
        raise LikelihoodError("no table is named: give data.path=FILE, a CSV or Parquet file")
    if not wanted:
        raise LikelihoodError("no target is named: give data.target=COLUMN, or a list of columns")
    return Source(read_table(options["path"]), wanted, Path(options["path"]).stem)


def _test_source(source: Source, options: Mapping[str, Any]) -> Source | None:
    if not options.get("test_path"):
        return None
    return _without_missing(replace(source, frame=read_table(options["test_path"]), oracle=None), options)


def _without_missing(source: Source, options: Mapping[str, Any]) -> Source:
    """Leave out the rows without a target where `missing_target=drop`; elsewhere the check of targets names them."""
    require_columns(source.frame, source.target, "target")
    missing = missing_rows(source.frame, source.target)
    if options["missing_target"] != "drop" or not missing.any():
        return source
    if missing.all():
        raise TargetError(f"target column {source.target[0]!r} is empty in all {len(missing)} rows: name another")
    columns, count = ", ".join(source.target), int(missing.sum())
    log.warning(
        "%s: %d of %d rows have no target and were left out (missing_target=drop)", columns, count, len(missing)
    )
    oracle = None if source.oracle is None else source.oracle[torch.from_numpy(~missing)]
    return replace(source, frame=source.frame[~missing], oracle=oracle)
