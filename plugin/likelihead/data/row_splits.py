"""Splits of rows into training, validation and test rows: at random, by group or by time, once or in folds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likelihead.errors import LikelihoodError

RowNumbers = NDArray[np.int64]


def split_rows(
    count: int,
    test_fraction: float,
    validation_fraction: float,
    seed: int,
    split: str = "random",
    keys: NDArray[Any] | None = None,
    folds: int | None = None,
    fold: int | None = None,
) -> dict[str, RowNumbers]:
    """Split rows 0 to count − 1; the split depends on the arguments alone.

    Args:
        count: the number of rows.
        test_fraction: the fraction of all rows to test on; above 0, at least one row is held out.
        validation_fraction: the fraction of the remaining rows to validate on; above 0, at least one row is held out.
        seed: determines the split.
        split: `random` rows, whole groups (`group`), or the last rows in time (`time`) are held out; of the rows that
            remain, validation rows are held out in the same way.
        keys: the group or the time of each row, (count,). Rows with the same key are in the same part, so that a part
            may get more rows than its fraction.
        folds: the number of folds K; then fold number `fold` of scikit-learn's KFold, GroupKFold or TimeSeriesSplit is
            tested on, instead of a fraction. Training rows lie before the test rows in time.
        fold: which fold, 0 to K − 1.

    Returns:
        The row numbers of `train`, `validation` and `test`, sorted within each part.

    Raises:
        LikelihoodError: no row is left to train on, or fewer keys than folds.

    >>> {name: len(rows) for name, rows in split_rows(100, 0.2, 0.15, seed=0).items()}
    {'train': 68, 'validation': 12, 'test': 20}
    >>> split_rows(6, 0.3, 0, seed=0, split="time", keys=np.array([9, 1, 8, 2, 3, 4]))["test"]
    array([0, 2])
    """
    ranks = _ranks(count, seed, split, keys)
    everything = np.arange(count)
    if folds is None or fold is None:
        test = _first_to_hold_out(ranks, everything, test_fraction)
        rest = np.setdiff1d(everything, test)
    else:
        rest, test = _fold(ranks, seed, split, folds, fold)
    validation = _first_to_hold_out(ranks, rest, validation_fraction)
    train = np.setdiff1d(rest, validation)
    if not len(train):
        raise LikelihoodError(
            f"{count} rows leave none to train on after {len(test)} test and {len(validation)} validation rows: "
            "lower data.test_fraction or data.validation_fraction (0 holds nothing out)"
        )
    return {"train": train, "validation": validation, "test": test}


def _ranks(count: int, seed: int, split: str, keys: NDArray[Any] | None) -> RowNumbers:
    """When each row (count,) is held out, from 0 on; rows with the same rank are held out together."""
    if split == "random" or keys is None:
        units = np.arange(count)
        order = np.random.default_rng(seed).permutation(count)
    else:
        distinct, units = np.unique(keys, return_inverse=True)
        latest_first = np.arange(len(distinct))[::-1]
        order = latest_first if split == "time" else np.random.default_rng(seed).permutation(len(distinct))
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return ranks[units]


def _first_to_hold_out(ranks: RowNumbers, rows: RowNumbers, fraction: float) -> RowNumbers:
    """Those of `rows`, sorted, that are held out first, until they are at least `fraction` of them."""
    if fraction <= 0 or not len(rows):
        return rows[:0]
    held_out = np.cumsum(np.bincount(ranks[rows]))
    last = np.searchsorted(held_out, max(1, round(len(rows) * fraction)))
    return rows[ranks[rows] <= last]


def _fold(ranks: RowNumbers, seed: int, split: str, folds: int, fold: int) -> tuple[RowNumbers, RowNumbers]:
    """The rows to train and to test on in one of several folds, both sorted."""
    # Importing scikit-learn's model selection takes a second.
    from sklearn.model_selection import GroupKFold, KFold, TimeSeriesSplit

    distinct = np.unique(ranks)
    if len(distinct) < folds + (split == "time"):
        what = {"random": "rows", "group": "groups", "time": "different times"}[split]
        raise LikelihoodError(f"{len(distinct)} {what} cannot make data.folds={folds}: ask for fewer folds")
    if split == "group":
        parts = GroupKFold(folds).split(ranks, groups=ranks)
    elif split == "time":
        # Folds of times rather than of rows, in ascending order: a later time has a lower rank.
        times = distinct[::-1]
        parts = (
            (np.isin(ranks, times[a]).nonzero()[0], np.isin(ranks, times[b]).nonzero()[0])
            for a, b in TimeSeriesSplit(folds).split(times)
        )
    else:
        parts = KFold(folds, shuffle=True, random_state=seed).split(ranks)
    rest, test = next(islice(parts, fold, None))
    return np.sort(rest).astype(np.int64), np.sort(test).astype(np.int64)


def save_rows(path: str | Path, rows: Mapping[str, RowNumbers]) -> None:
    """Write the row numbers of each part to a .npz file."""
    with Path(path).open("wb") as file:
        np.savez(file, **{name: np.asarray(numbers, dtype=np.int64) for name, numbers in rows.items()})  # type: ignore[arg-type]


def load_rows(path: str | Path) -> dict[str, RowNumbers]:
    """Read the row numbers that `save_rows` wrote."""
    with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.int64) for name in stored.files}
