"""Tables split into training, validation and test rows, and encoded as tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from likelihead.data.dataset import Data
from likelihead.data.options import check_options, table_defaults
from likelihead.data.row_splits import RowNumbers
from likelihead.data.tables.censoring import Censoring
from likelihead.data.tables.encode_table import encode_parts, encode_table, with_target
from likelihead.data.tables.encoder import TableEncoder
from likelihead.data.tables.items_column import of_items
from likelihead.data.tables.remarks import report_determined_targets, report_leaks
from likelihead.data.tables.split_keys import kind_of_split, split_frame, split_keys
from likelihead.errors import LikelihoodError, suggest
from likelihead.families.censoring import check_censorable
from likelihead.families.family import probe_family
from likelihead.target_types.cells import as_list
from likelihead.target_types.detect import target_type_of
from likelihead.target_types.target_type import TargetType

#: One row has no spread to standardise by or to fit a scale to.
LEAST_TRAINING_ROWS = 2


@dataclass(frozen=True)
class Table:
    """A table before it is split.

    Attributes:
        frame: n rows.
        target: the target columns.
        name: the name of the data set.
        oracle: log-probability (n,) of y under the true distribution; None if unknown.
        source: how new rows are read; see `TableEncoder`.
    """

    frame: pd.DataFrame
    target: list[str]
    name: str
    oracle: Tensor | None = None
    source: dict[str, Any] = field(default_factory=dict)


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
        options: options of the `data` config group, such as `features`, `weight` or `test_fraction`; `group="shop"`
            holds out whole groups, `time="day"` the last rows in time, and `folds=5, fold=0` one of five folds.

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
    options, target = of_items(list(map(str, table.frame.columns)), options, table.target)
    table, target_type = replace(table, target=target), target_type_of(family)
    censoring = Censoring.of(options, table.target)
    if censoring is not None:
        check_censorable(probe_family(family))
        frame = censoring.filled(table.frame, table.target, target_type)
        table = replace(table, frame=frame, oracle=None)
    table = _without_missing(table, target_type, options["missing_target"])
    held_out = None if test is None else with_target(test, target_type, table.target, options["missing_target"])
    rows = split_frame(table.frame, options, seed, holds_out_test=test is None)
    _check_training_rows(rows)
    encoder = TableEncoder.fit(table.frame, target_type, table.target, options, rows["train"])
    encoder = replace(encoder, source=table.source)
    # a rare category may occur in held-out rows only: that is logged and not an error
    parts = encode_parts(table.frame, replace(encoder, unseen="ignore"), rows)
    if table.oracle is not None:
        parts = {name: replace(part, oracle=table.oracle[torch.from_numpy(rows[name])]) for name, part in parts.items()}
    if test is not None:
        parts["test"] = encode_table(test, encoder, missing_target=options["missing_target"])
    report_determined_targets(table.frame, encoder, rows["train"])
    report_leaks(table.frame, rows, encoder, options["group"], held_out)
    units = _units(table.frame, options, np.concatenate([rows["train"], rows["validation"]]))
    return Data(**parts, name=table.name, encoder=encoder, units=units, in_time=kind_of_split(options) == "time")


def _units(frame: pd.DataFrame, options: Mapping[str, Any], rows: RowNumbers) -> RowNumbers | None:
    """The group or the place in time of some rows; None where rows are held out at random."""
    keys = split_keys(frame, options)
    return None if keys is None else np.unique(keys[rows], return_inverse=True)[1].astype(np.int64)


def _check_training_rows(rows: Mapping[str, RowNumbers]) -> None:
    count = len(rows["train"])
    if count < LEAST_TRAINING_ROWS:
        held_out = len(rows["test"]) + len(rows["validation"])
        raise LikelihoodError(
            f"the table leaves {count} training row after {held_out} held-out ones, but training needs at least "
            f"{LEAST_TRAINING_ROWS}: add rows, or lower data.test_fraction or data.validation_fraction (0 holds "
            "nothing out)"
        )


def _without_missing(table: Table, target_type: TargetType, missing_target: str) -> Table:
    frame = with_target(table.frame, target_type, table.target, missing_target)
    if len(frame) == len(table.frame) or table.oracle is None:
        return replace(table, frame=frame)
    known = ~target_type.missing(table.frame, table.target)
    return replace(table, frame=frame, oracle=table.oracle[torch.from_numpy(known)])
