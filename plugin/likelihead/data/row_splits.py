"""Which rows train, validate and test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from likelihead.errors import LikelihoodError

Rows = NDArray[np.int64]
PARTS = ("train", "validation", "test")


def split_rows(count: int, test_fraction: float, validation_fraction: float, seed: int) -> dict[str, Rows]:
    """Rows 0 to count − 1 dealt out at random, as a function of the arguments alone; increasing within each part.

    A fraction above 0 holds out one row at least. `validation_fraction` is a share of what the test rows leave.

    Raises:
        LikelihoodError: no row is left to train on.

    >>> {name: len(rows) for name, rows in split_rows(100, 0.2, 0.15, seed=0).items()}
    {'train': 68, 'validation': 12, 'test': 20}
    """
    test = _share(count, test_fraction)
    validation = _share(count - test, validation_fraction)
    if count - test - validation < 1:
        raise LikelihoodError(
            f"{count} rows leave none to train on after {test} test and {validation} validation rows: "
            "lower data.test_fraction or data.validation_fraction (0 holds nothing out)"
        )
    order = np.random.default_rng(seed).permutation(count).astype(np.int64)
    parts = np.split(order, [test, test + validation])
    return {name: np.sort(rows) for name, rows in zip(PARTS, (parts[2], parts[1], parts[0]), strict=True)}


def _share(count: int, fraction: float) -> int:
    return max(1, round(count * fraction)) if fraction > 0 and count > 0 else 0


def save_rows(path: str | Path, rows: Mapping[str, Rows]) -> None:
    """Write the row numbers of each part as a .npz file of integers."""
    with Path(path).open("wb") as file:
        np.savez(file, **{name: np.asarray(numbers, dtype=np.int64) for name, numbers in rows.items()})  # type: ignore[arg-type]


def load_rows(path: str | Path) -> dict[str, Rows]:
    """The row numbers that `save_rows` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.int64) for name in stored.files}
