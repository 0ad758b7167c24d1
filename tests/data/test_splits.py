"""Rows are dealt out once each, the same way for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from likelihead.data import load_rows, save_rows, split_rows
from likelihead.errors import LikelihoodError


@pytest.mark.parametrize("fractions", [(0.2, 0.15), (0.0, 0.15), (0.2, 0.0), (0.0, 0.0), (0.001, 0.001)])
def test_every_row_is_in_one_part(fractions: tuple[float, float]) -> None:
    parts = split_rows(101, *fractions, seed=3)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(101))
    assert (len(parts["test"]) > 0) == (fractions[0] > 0) and (len(parts["validation"]) > 0) == (fractions[1] > 0)


def test_the_seed_decides() -> None:
    first, again, other = (split_rows(50, 0.2, 0.15, seed)["train"].tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_no_training_rows_is_an_error() -> None:
    with pytest.raises(LikelihoodError, match="2 rows leave none to train on"):
        split_rows(2, 0.5, 0.5, seed=0)


def test_rows_are_stored_as_integers(tmp_path: Path) -> None:
    parts = split_rows(20, 0.2, 0.15, seed=0)
    save_rows(tmp_path / "rows.npz", parts)
    again = load_rows(tmp_path / "rows.npz")
    assert {name: rows.tolist() for name, rows in again.items()} == {
        name: rows.tolist() for name, rows in parts.items()
    }
