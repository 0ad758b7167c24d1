"""How the rows of a table are split: at random, or by the groups or the times in one of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from likelihead.data.row_splits import RowNumbers, split_rows
from likelihead.data.tables.dates import date_format, dates, days, has_dates
from likelihead.errors import LikelihoodError
from likelihead.target_types.cells import describe_cells, labels, parsed_numbers, require_columns


def split_frame(
    frame: pd.DataFrame, options: Mapping[str, Any], seed: int, holds_out_test: bool = True
) -> dict[str, RowNumbers]:
    """Split the rows of a table into `train`, `validation` and `test`: see `likelihead.data.split_rows`.

    Args:
        frame: n rows.
        options: `split`, `group`, `time`, `folds`, `fold` and the two fractions.
        seed: determines the split.
        holds_out_test: whether there are test rows.

    Raises:
        LikelihoodError: a missing column, options that contradict each other, or times that cannot be read.

    >>> frame = pd.DataFrame({"shop": ["a", "a", "b", "b"]})
    >>> options = {"group": "shop", "test_fraction": 0.5, "validation_fraction": 0}
    >>> split_frame(frame, options, seed=0)["test"]
    array([0, 1])
    """
    split, keys = kind_of_split(options), split_keys(frame, options)
    folds, fold = options.get("folds"), options.get("fold")
    _check_folds(folds, fold, holds_out_test)
    fraction = options["test_fraction"] if holds_out_test else 0.0
    return split_rows(len(frame), fraction, options["validation_fraction"], seed, split, keys, folds, fold)


def split_keys(frame: pd.DataFrame, options: Mapping[str, Any]) -> NDArray[Any] | None:
    """The group or the time of each row (n,), by which rows are held out; None where that is at random.

    Raises:
        LikelihoodError: as `split_frame`.
    """
    split = kind_of_split(options)
    if split == "random":
        return None
    require_columns(frame, [options[split]], split)
    return group_codes(frame[options["group"]]) if split == "group" else _times(frame[options["time"]])


def _check_folds(folds: int | None, fold: int | None, holds_out_test: bool) -> None:
    if folds is not None and not holds_out_test:
        raise LikelihoodError(f"data.folds={folds} takes the test rows from the table: leave out data.test_path")
    if folds is not None and fold is None:
        raise LikelihoodError(
            f"data.folds={folds} needs a run for each fold: give data.fold, from 0 to {folds - 1}, one at a time"
        )


def kind_of_split(options: Mapping[str, Any]) -> str:
    """`random`, `group` or `time`: as `options["split"]` says, else by the column that is named.

    Raises:
        LikelihoodError: the column of the split is not named, or both are and `split` is not given.
    """
    group, time, split = (options.get(key) for key in ("group", "time", "split"))
    if split is None and group is not None and time is not None:
        raise LikelihoodError(
            f"data.group={group} and data.time={time} are both given: add data.split=group or data.split=time"
        )
    split = split or ("group" if group is not None else "time" if time is not None else "random")
    if split in ("group", "time") and options.get(split) is None:
        raise LikelihoodError(f"data.split={split} needs a column: give data.{split}=COLUMN")
    return str(split)


def group_codes(series: pd.Series) -> RowNumbers:
    """The group of each row (n,) as a whole number; all rows with an empty cell are one group."""
    codes: RowNumbers = pd.factorize(labels(series), use_na_sentinel=False)[0].astype(np.int64)
    return codes


def _times(series: pd.Series) -> NDArray[np.float64]:
    """The time of each row (n,): days of dates, or numbers as they are."""
    layout = date_format(series)
    values = days(dates(series, layout)) if layout is not None or has_dates(series) else parsed_numbers(series)
    unknown = np.isnan(values)
    if unknown.any():
        raise LikelihoodError(
            f"time column {str(series.name)!r}: {int(unknown.sum())} of {len(series)} cells are neither dates nor "
            f"numbers ({describe_cells(series, unknown)}), so that their rows have no place in time: correct them, or "
            "leave these rows out"
        )
    return values
