"""New tables encoded as the training table was, and the rows of a table encoded in parts."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from likelihead.data.dataset import Examples
from likelihead.data.options import CHOICES
from likelihead.data.row_splits import RowNumbers
from likelihead.data.tables.censoring import Censoring
from likelihead.data.tables.encoder import TableEncoder
from likelihead.data.tables.files import read_table
from likelihead.data.tables.joint_target_encoder import AnyTargetEncoder, encode_with_mask
from likelihead.errors import LikelihoodError, TargetError
from likelihead.target_types.cells import require_columns
from likelihead.target_types.target_type import TargetType

log = logging.getLogger("likelihead.data")

#: The choices of the argument `target` of `encode_table`.
TARGET_CHOICES = ("required", "optional", "ignored")

RowMask = NDArray[np.bool_]


def load_table(
    path: str | Path,
    state: Mapping[str, Any],
    target: str = "required",
    missing_target: str = "error",
    unseen: str | None = None,
) -> Examples:
    """Read a new table from a file and encode it as the training table was encoded.

    Args:
        path: a CSV or Parquet file of n rows.
        state: the stored encoder, `TableEncoder.state()`.
        target, missing_target, unseen: as in `encode_table`.

    Returns:
        x (n, p) and, unless ignored, y (n,) or (n, D).

    Raises:
        LikelihoodError: a missing or unreadable file, a missing column, or an input that cannot be encoded.
        TargetError: a target that cannot be encoded.

    >>> import tempfile
    >>> from likelihead.data import split_table
    >>> frame = pd.DataFrame({"age": range(100), "visits": [0, 1, 2, 3] * 25})
    >>> state = split_table(frame, "poisson", "visits").encoder.state()
    >>> path = Path(tempfile.mkdtemp(), "new.csv")
    >>> frame.head(5).to_csv(path, index=False)
    >>> load_table(path, state).y
    tensor([0., 1., 2., 3., 0.])
    """
    encoder = TableEncoder.from_state(state)
    return encode_table(read_table(path, text=encoder.text), encoder, target, missing_target, unseen)


def encode_table(
    frame: pd.DataFrame,
    encoder: TableEncoder,
    target: str = "required",
    missing_target: str = "error",
    unseen: str | None = None,
) -> Examples:
    """Encode a new pandas frame as the training table was encoded.

    Args:
        frame: n rows.
        encoder: the fitted encoder, `Data.encoder`.
        target: `required` (for evaluation), `optional` (rows whose target is empty or not one that the family takes
            are masked, which is logged; y is None if there is no other row or a column is missing) or `ignored` (for
            prediction). A missing weight column is an error only if the target is required.
        missing_target: with a required target, `drop` leaves out the rows whose target is empty, which is logged;
            `error` refuses them.
        unseen: `error` or `ignore`, for levels of a categorical input that no training row has; None for what the
            encoder was fitted with.

    Returns:
        x (n, p) and, unless ignored, y (n,) or (n, D) and the mask (n,), None if no row is masked.

    Raises:
        LikelihoodError: a missing column, or an input that cannot be encoded.
        TargetError: a target that cannot be encoded.

    >>> from likelihead.data import split_table
    >>> frame = pd.DataFrame({"age": range(100), "visits": [0, 1, 2, 3] * 25})
    >>> encoder = split_table(frame, "poisson", "visits").encoder
    >>> encode_table(pd.DataFrame({"age": [18, 47, 80]}), encoder, target="ignored").x.shape
    torch.Size([3, 1])
    """
    unseen = encoder.unseen if unseen is None else unseen
    _check_choice("target", target, TARGET_CHOICES)
    _check_choice("missing_target", missing_target, CHOICES["missing_target"])
    _check_choice("unseen", unseen, CHOICES["unseen"])
    encoder = replace(encoder, unseen=unseen)
    if encoder.censoring is not None and target != "ignored":
        frame, encoder = _with_bounds(frame, encoder, encoder.censoring, target == "required")
    if target == "required":
        frame = with_target(frame, encoder.target.target_type, encoder.target.names, missing_target)
        return _encode_all(frame, encoder)
    if encoder.weight is not None and encoder.weight not in frame.columns:
        encoder = replace(encoder, weight=None)
    usable = _usable_rows(frame, encoder.target) if target == "optional" else np.zeros(len(frame), dtype=bool)
    return _encode_all(frame, encoder, usable)


def _with_bounds(
    frame: pd.DataFrame, encoder: TableEncoder, censoring: Censoring, is_required: bool
) -> tuple[pd.DataFrame, TableEncoder]:
    """The table with a target where it has bounds; where their columns are missing, only observed targets count."""
    if not is_required and not all(name in frame.columns for name in censoring.columns):
        return frame, replace(encoder, censoring=None)
    return censoring.filled(frame, encoder.target.names, encoder.target.target_type), encoder


def _encode_all(frame: pd.DataFrame, encoder: TableEncoder, usable: RowMask | None = None) -> Examples:
    return encode_parts(frame, encoder, {"all": np.arange(len(frame))}, usable)["all"]


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise LikelihoodError(f"{name} is {value!r}; the choices are {', '.join(choices)}")


def _usable_rows(frame: pd.DataFrame, target: AnyTargetEncoder) -> RowMask:
    """The rows (n,) with a target that the family takes; how many others there are is logged."""
    if not all(name in frame.columns for name in target.names):
        return np.zeros(len(frame), dtype=bool)
    missing = target.target_type.missing(frame, target.names)
    if missing.all():
        return ~missing
    usable = target.usable_rows(frame)
    if not usable.all():
        log.warning(
            "%s: %d of %d rows have no target that %s can take (%d empty, %d invalid) and get no log_prob",
            *(", ".join(target.names), int((~usable).sum()), len(frame), target.target_type.family),
            *(int(missing.sum()), int((~usable & ~missing).sum())),
        )
    return usable


def encode_parts(
    frame: pd.DataFrame, encoder: TableEncoder, parts: Mapping[str, RowNumbers], usable: RowMask | None = None
) -> dict[str, Examples]:
    """Check all rows of a table, and encode those of each part.

    Args:
        frame: n rows.
        encoder: the fitted encoder.
        parts: the row numbers (m,) of each part.
        usable: the rows (n,) with a target that the family takes; the others are masked, and y is None if all are.
            None for all rows.
    """
    y, mask = _encode_target(frame, encoder, usable)
    weight = encoder.encode_weight(frame)
    exposure = encoder.encode_exposure(frame) if encoder.exposure is not None else _trials(encoder, y, mask)
    is_numbered = pd.api.types.is_integer_dtype(frame.index.dtype)
    numbers = np.asarray(frame.index if is_numbered else range(len(frame)), dtype=np.int64)
    bounds, truncation = (None, None) if y is None else _encode_bounds(frame, encoder, usable)
    inputs = encoder.encode_parts(frame, list(parts.values()))
    return {
        name: Examples(
            x, _at(y, rows), _at(weight, rows), _at(exposure, rows), _at(mask, rows), numbers[rows],
            bounds=_at(bounds, rows), truncation=_at(truncation, rows),
        )
        for x, (name, rows) in zip(inputs, parts.items(), strict=True)
    }  # fmt: skip


def _encode_target(
    frame: pd.DataFrame, encoder: TableEncoder, usable: RowMask | None
) -> tuple[Tensor | None, Tensor | None]:
    """y and its mask, (n,) or (n, *sites); in masked rows y is that of another row."""
    if usable is None or usable.all():
        return encode_with_mask(encoder.target, frame)
    if not usable.any():
        return None, None
    position = np.maximum(np.cumsum(usable) - 1, 0)
    y, known = (_at(part, position) for part in encode_with_mask(encoder.target, frame[usable]))
    rows = torch.from_numpy(usable)
    return y, rows if known is None else known & rows.reshape(-1, *(1,) * (known.dim() - 1))


def _trials(encoder: TableEncoder, y: Tensor | None, mask: Tensor | None) -> Tensor | None:
    """The exposure of targets that themselves say their number of trials, 1 where they are not known."""
    trials = None if y is None else encoder.target.target_type.trials(y)
    return trials if trials is None or mask is None else torch.where(mask, trials, 1.0)


def _encode_bounds(
    frame: pd.DataFrame, encoder: TableEncoder, usable: RowMask | None
) -> tuple[Tensor | None, Tensor | None]:
    """Bounds and truncation limits; in masked rows those of another row, as y is."""
    if usable is None or usable.all():
        return encoder.encode_bounds(frame)
    position = np.maximum(np.cumsum(usable) - 1, 0)
    bounds, truncation = encoder.encode_bounds(frame[usable])
    return _at(bounds, position), _at(truncation, position)


def _at(column: Tensor | None, rows: RowNumbers) -> Tensor | None:
    return None if column is None else column[torch.from_numpy(rows)]


def with_target(
    frame: pd.DataFrame, target_type: TargetType, columns: Sequence[str], missing_target: str
) -> pd.DataFrame:
    """The rows of a table with a target if `missing_target` is `drop`; else all, and checking the targets reports them.

    Raises:
        LikelihoodError: a missing column.
        TargetError: no row has a target.
    """
    require_columns(frame, columns, "target")
    missing = target_type.missing(frame, columns)
    if missing_target != "drop" or not missing.any():
        return frame
    if missing.all():
        raise TargetError(f"target column {columns[0]!r} is empty in all {len(missing)} rows: name another column")
    text = "%s: %d of %d rows have no target and were left out (missing_target=drop)"
    log.warning(text, ", ".join(columns), int(missing.sum()), len(missing))
    return frame[~missing]
