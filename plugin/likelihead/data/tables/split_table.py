"""Tables split into training, validation and test rows, and encoded as tensors."""

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

#: The choices of the argument `target` of `encode_table`.
TARGET_CHOICES = ("required", "optional", "ignored")


@dataclass(frozen=True)
class Table:
    """A table before it is split.

    Attributes:
        frame: n rows.
        target: the target columns.
        name: the name of the data set.
        oracle: log-probability (n,) of y under the true distribution; None if unknown.
    """

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
    """Split a pandas frame into training, validation and test rows, and encode them as tensors.

    Args:
        frame: n rows.
        distribution: the distribution of the target: a shipped name ("poisson"), a mapping as in
            conf/distribution/*.yaml, or a distribution class.
        target: the target column, or several.
        test: a frame of test rows; if given, no rows of `frame` are held out for testing.
        seed: determines the split.
        options: options of the `data` config group, such as `features`, `weight`, `exposure` or `test_fraction`.

    Returns:
        The three parts with x (n, p) float32 and y (n,) or (n, D), and the encoder fitted on the training rows.

    Raises:
        LikelihoodError: an unknown option, a missing column, or inputs that cannot be encoded.
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
    """Split the rows of a table, fit the encoder to the training rows, and check and encode all rows."""
    table = _without_missing(table, options)
    held_out = None if test is None else _without_missing(replace(table, frame=test, oracle=None), options)
    rows = split_rows(
        len(table.frame), 0.0 if held_out else options["test_fraction"], options["validation_fraction"], seed
    )
    encoder = TableEncoder.fit(table.frame.iloc[rows["train"]], target_type_of(family), table.target, options)
    # a rare category may occur in held-out rows only: that is logged and not an error
    whole = _encode(replace(encoder, unseen="ignore"), table.frame, table.oracle)
    parts = {name: whole.take(numbers) for name, numbers in rows.items()}
    if held_out:
        parts["test"] = _encode(encoder, held_out.frame, None)
    return Data(**parts, name=table.name, encoder=encoder)


def load_table(path: str | Path, state: Mapping[str, Any], target: str = "required") -> Examples:
    """Read a new table from a file and encode it as the training table was encoded.

    Args:
        path: a CSV or Parquet file of n rows.
        state: the stored encoder, `TableEncoder.state()`.
        target: as in `encode_table`.

    Returns:
        x (n, p) and, unless ignored, y (n,) or (n, D).

    Raises:
        LikelihoodError: a missing or unreadable file, a missing column, or an input that cannot be encoded.
        TargetError: a target that cannot be encoded.

    >>> import tempfile
    >>> frame = pd.DataFrame({"age": range(100), "visits": [0, 1, 2, 3] * 25})
    >>> state = split_table(frame, "poisson", "visits").encoder.state()
    >>> path = Path(tempfile.mkdtemp(), "new.csv")
    >>> frame.head(5).to_csv(path, index=False)
    >>> load_table(path, state).y
    tensor([0., 1., 2., 3., 0.])
    """
    return encode_table(read_table(path), TableEncoder.from_state(state), target)


def encode_table(frame: pd.DataFrame, encoder: TableEncoder, target: str = "required") -> Examples:
    """Encode a new pandas frame as the training table was encoded.

    Args:
        frame: n rows.
        encoder: the fitted encoder, `Data.encoder`.
        target: `required` (for evaluation), `optional` (y is None if its columns are missing or entirely empty) or
            `ignored` (for prediction). A missing weight column is an error only if the target is required.

    Returns:
        x (n, p) and, unless ignored, y (n,) or (n, D).

    Raises:
        LikelihoodError: a missing column, or an input that cannot be encoded.
        TargetError: a target that cannot be encoded.

    >>> frame = pd.DataFrame({"age": range(100), "visits": [0, 1, 2, 3] * 25})
    >>> encoder = split_table(frame, "poisson", "visits").encoder
    >>> encode_table(pd.DataFrame({"age": [18, 47, 80]}), encoder, target="ignored").x.shape
    torch.Size([3, 1])
    """
    if target not in TARGET_CHOICES:
        raise LikelihoodError(f"target is {target!r}; the choices are {', '.join(TARGET_CHOICES)}")
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
    numbered = pd.api.types.is_integer_dtype(frame.index.dtype)
    rows = np.asarray(frame.index if numbered else range(len(frame)), dtype=np.int64)
    return Examples(encoder.encode(frame), y, weight, exposure, rows=rows, oracle=oracle)


def _without_missing(table: Table, options: Mapping[str, Any]) -> Table:
    """Drop the rows without a target if `missing_target=drop`; otherwise checking the targets reports them."""
    require_columns(table.frame, table.target, "target")
    missing = missing_rows(table.frame, table.target)
    if options["missing_target"] != "drop" or not missing.any():
        return table
    if missing.all():
        raise TargetError(f"target column {table.target[0]!r} is empty in all {len(missing)} rows: name another column")
    columns, count = ", ".join(table.target), int(missing.sum())
    log.warning(
        "%s: %d of %d rows have no target and were left out (missing_target=drop)", columns, count, len(missing)
    )
    oracle = None if table.oracle is None else table.oracle[torch.from_numpy(~missing)]
    return replace(table, frame=table.frame[~missing], oracle=oracle)
