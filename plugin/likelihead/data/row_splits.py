"""Random splits of rows into training, validation and test rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from likelihead.errors import LikelihoodError

RowNumbers = NDArray[np.int64]
PARTS = ("train", "validation", "test")


def split_rows(count: int, test_fraction: float, validation_fraction: float, seed: int) -> dict[str, RowNumbers]:
    """Split rows 0 to count − 1 at random; the split depends on the arguments alone.

    Args:
        count: the number of rows.
        test_fraction: the fraction of all rows to test on; above 0, at least one row is held out.
        validation_fraction: the fraction of the remaining rows to validate on; above 0, at least one row is held out.
        seed: determines the split.

    Returns:
        The row numbers of `train`, `validation` and `test`, sorted within each part.

    Raises:
        LikelihoodError: no row is left to train on.

    >>> {name: len(rows) for name, rows in split_rows(100, 0.2, 0.15, seed=0).items()}
    {'train': 68, 'validation': 12, 'test': 20}
    """
    test = _held_out(count, test_fraction)
    validation = _held_out(count - test, validation_fraction)
    if count - test - validation < 1:
        raise LikelihoodError(
            f"{count} rows leave none to train on after {test} test and {validation} validation rows: "
            "lower data.test_fraction or data.validation_fraction (0 holds nothing out)"
        )
    order = np.random.default_rng(seed).permutation(count).astype(np.int64)
    parts = np.split(order, [test, test + validation])
    return {name: np.sort(rows) for name, rows in zip(PARTS, (parts[2], parts[1], parts[0]), strict=True)}


def _held_out(count: int, fraction: float) -> int:
    return max(1, round(count * fraction)) if fraction > 0 and count > 0 else 0


def save_rows(path: str | Path, rows: Mapping[str, RowNumbers]) -> None:
    """Write the row numbers of each part to a .npz file."""
    with Path(path).open("wb") as file:
        np.savez(file, **{name: np.asarray(numbers, dtype=np.int64) for name, numbers in rows.items()})  # type: ignore[arg-type]


def load_rows(path: str | Path) -> dict[str, RowNumbers]:
    """Read the row numbers that `save_rows` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.int64) for name in stored.files}
