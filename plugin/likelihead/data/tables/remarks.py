"""Remarks on a table that are no errors: inputs that give the target away."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from likelihead.data.row_splits import RowNumbers
from likelihead.data.tables.encoder import TableEncoder
from likelihead.target_types.cells import parsed_numbers

log = logging.getLogger("likelihead.data")

#: Two columns determine each other if their linear or rank correlation is above this.
HIGHEST_CORRELATION = 0.9999
#: Fewer rows than the first number may be in the same order by chance; more than the second are not needed.
LEAST_ROWS, MOST_ROWS = 10, 10_000


def report_determined_targets(frame: pd.DataFrame, encoder: TableEncoder, rows: RowNumbers) -> None:
    """Log each input column that almost determines a target column.

    That is, their linear or rank correlation is nearly 1 or −1, or, for labels, each level of one goes with one level
    of the other. Such an input is often the target itself, in another unit or under another name.

    Args:
        frame: the whole table.
        encoder: the encoder fitted to it.
        rows: the numbers of the training rows, of which at most 10,000 are looked at.
    """
    if len(rows) < LEAST_ROWS:
        return
    some = rows[:: -(-len(rows) // MOST_ROWS)]
    for target in encoder.target.names:
        for name in encoder.inputs:
            if _determine_each_other(frame[name].iloc[some], frame[target].iloc[some]):
                log.warning(
                    "input column %r almost determines the target column %r: if it is not known before the target is, "
                    "leave it out with data.ignore=[%s]",
                    *(name, target, name),
                )


def _determine_each_other(a: pd.Series, b: pd.Series) -> bool:
    first, second = parsed_numbers(a), parsed_numbers(b)
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < LEAST_ROWS:
        return _have_matching_levels(a, b)
    first, second = first[known], second[known]
    linear, rank = _correlation(first, second), _correlation(rankdata(first), rankdata(second))
    return max(abs(linear), abs(rank)) > HIGHEST_CORRELATION


def _have_matching_levels(a: pd.Series, b: pd.Series) -> bool:
    """Whether two columns of labels are the same but for the names of the levels; identifiers do not count."""
    known = (a.notna() & b.notna()).to_numpy(dtype=bool)
    first, second = (pd.factorize(series[known])[0] for series in (a, b))
    counts = {len(np.unique(codes)) for codes in (first, second, first * len(first) + second)}
    return len(counts) == 1 and 2 <= counts.pop() <= known.sum() / 2


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The linear correlation of two columns (n,); 0 where it is undefined."""
    with np.errstate(over="ignore", invalid="ignore"):
        a, b = a - a.mean(), b - b.mean()
        scale = np.sqrt((a @ a) * (b @ b))
        return float(a @ b / scale) if np.isfinite(scale) and scale > 0 else 0.0
