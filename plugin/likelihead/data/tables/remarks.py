"""Remarks on a table that are no errors: inputs that give the target away, and splits that leak."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from likelihead.data.row_splits import RowNumbers
from likelihead.data.tables.array_column import has_arrays
from likelihead.data.tables.columns import shaped_column
from likelihead.data.tables.encoder import TableEncoder
from likelihead.target_types.cells import labels, parsed_numbers

log = logging.getLogger("likelihead.data")

#: A table, and the numbers of some of its rows.
Part = tuple[pd.DataFrame, RowNumbers]
#: Two columns determine each other if their linear or rank correlation is above this.
HIGHEST_CORRELATION = 0.9999
#: Fewer rows than the first number may be in the same order by chance; more than the second are not needed.
LEAST_ROWS, MOST_ROWS = 10, 10_000
#: The most inputs that are looked at as summands of the target.
MOST_SUMMANDS = 3
#: Test rows that are training rows too are reported if they are this share of the test rows, and this many times as
#: many as equal rows would occur by chance.
LEAST_SHARE, CHANCE_FACTOR = 0.01, 10.0


def report_determined_targets(frame: pd.DataFrame, encoder: TableEncoder, rows: RowNumbers) -> None:
    """Log each input column that almost determines a target column, or the few whose weighted sum does.

    A single column does so if its linear or rank correlation with the target is nearly 1 or −1, or, for labels, if each
    level of one goes with one level of the other. Such an input is often the target itself, in another unit or under
    another name, or one of its summands.

    Args:
        frame: the whole table.
        encoder: the encoder fitted to it.
        rows: the numbers of the training rows, of which at most 10,000 are looked at.
    """
    if len(rows) < LEAST_ROWS:
        return
    some = rows[:: -(-len(rows) // MOST_ROWS)]
    if shaped_column(encoder.columns) is not None:
        return
    for target in encoder.target.names:
        y = frame[target].iloc[some]
        single = [name for name in encoder.inputs if _determine_each_other(frame[name].iloc[some], y)]
        for name in single:
            log.warning(
                "input column %r almost determines the target column %r: if it is not known before the target is, "
                "leave it out with data.ignore=[%s]",
                *(name, target, name),
            )
        summands = [] if single else _summands(frame.iloc[some][encoder.inputs], parsed_numbers(y))
        if summands:
            names = ", ".join(map(repr, summands))
            log.warning(
                "the input columns %s together almost determine the target column %r, as a weighted sum: if they are "
                "not known before the target is, leave them out with data.ignore=[%s]",
                *(names, target, ",".join(summands)),
            )


def _summands(inputs: pd.DataFrame, y: NDArray[np.float64]) -> list[str]:
    """The inputs (n, p), at most `MOST_SUMMANDS`, a weighted sum of which almost equals y (n,); none if there are none.

    They are found one by one, each the one that brings the sum closest.
    """
    columns = {name: parsed_numbers(inputs[name]) for name in inputs.columns}
    columns = {name: cells for name, cells in columns.items() if np.isfinite(cells).all() and np.ptp(cells) > 0}
    if len(y) < LEAST_ROWS * MOST_SUMMANDS or not np.isfinite(y).all() or not np.ptp(y) > 0:
        return []
    chosen: list[str] = []
    while len(chosen) < min(MOST_SUMMANDS, len(columns)):
        left = [name for name in columns if name not in chosen]
        fits = {name: _correlation(_fitted([columns[other] for other in (*chosen, name)], y), y) for name in left}
        chosen.append(max(fits, key=lambda name: fits[name]))
        if fits[chosen[-1]] > HIGHEST_CORRELATION:
            return chosen
    return []


def _fitted(columns: Sequence[NDArray[np.float64]], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """The least-squares fit (n,) of y by a constant and columns (n,)."""
    scaled = [(column - column.mean()) / column.std() for column in columns]
    design = np.stack([np.ones_like(y), *scaled], axis=1)
    fitted: NDArray[np.float64] = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return fitted


def report_leaks(
    frame: pd.DataFrame,
    rows: Mapping[str, RowNumbers],
    encoder: TableEncoder,
    group: str | None = None,
    test: pd.DataFrame | None = None,
) -> None:
    """Log, in one remark, how many test rows are training rows too, and how many groups are in both.

    Args:
        frame: the whole table.
        rows: the row numbers of each part.
        encoder: the encoder, which names the columns in use.
        group: the column of groups; None if there is none.
        test: the test rows, if they are in a table of their own.
    """
    leaks = []
    others = (frame, rows["test"]) if test is None else (test, np.arange(len(test)))
    names = [*encoder.inputs, *encoder.target.names]
    parts = [(_with_hashable_cells(table, names), numbers) for table, numbers in ((frame, rows["train"]), others)]
    shared = _shared_rows(parts, names)
    if shared:
        leaks.append(f"{shared} of {len(others[1])} test rows are equal to a training row in every column")
    groups = 0 if group is None or any(group not in table for table, _ in parts) else _shared_groups(parts, group)
    if groups:
        leaks.append(f"{groups} groups of {group!r} have both training and test rows")
    if leaks:
        advice = "give data.group=COLUMN if rows belong together, or remove duplicates"
        if groups:
            advice = f"data.split=group keeps the groups of {group!r} together"
        message = "the test rows are not new to the model, so that their scores flatter it: %s; %s"
        log.warning(message, " and ".join(leaks), advice)


def _with_hashable_cells(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The table with arrays as their bytes."""
    arrays = [name for name in names if name in frame and has_arrays(frame[name])]
    if not arrays:
        return frame
    return frame.assign(**{name: frame[name].map(lambda cell: cell.tobytes()) for name in arrays})


def _shared_groups(parts: Sequence[Part], group: str) -> int:
    """How many groups have rows in both parts."""
    known = [set(labels(table[group]).iloc[rows].dropna()) for table, rows in parts]
    return len(known[0] & known[1])


def _shared_rows(parts: Sequence[Part], names: Sequence[str]) -> int:
    """How many test rows are training rows too; 0 if so many may be equal by chance, as few columns of labels are."""
    (train, train_rows), (_, test_rows) = parts
    if not len(train_rows) or not len(test_rows):
        return 0
    hashes = [_hashes(table, names)[rows] for table, rows in parts]
    shared = int(np.isin(hashes[1], hashes[0]).sum())
    if shared < LEAST_SHARE * len(test_rows):
        return 0
    some = train_rows[:: -(-len(train_rows) // MOST_ROWS)]
    # Two rows with independent columns are equal with this probability.
    shares = [train[name].iloc[some].value_counts(normalize=True, dropna=False) for name in names]
    agreement = float(np.prod([float((share**2).sum()) for share in shares]))
    by_chance = min(1.0, agreement * len(train_rows)) * len(test_rows)
    return shared if shared > CHANCE_FACTOR * by_chance else 0


def _hashes(frame: pd.DataFrame, names: Sequence[str]) -> NDArray[np.uint64]:
    """A number for each row (n,), the same for rows that are equal in these columns."""
    hashes = np.zeros(len(frame), dtype=np.uint64)
    for name in names:
        column = frame[name]
        is_number = pd.api.types.is_numeric_dtype(column.dtype)
        cells = parsed_numbers(column) if is_number else labels(column).to_numpy(dtype=object)
        hashes = hashes * np.uint64(31) + pd.util.hash_array(cells)
    return hashes


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
