"""Tables and arrays whose rows are sets of items: what the network is given, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from likelihead import LikelihoodError
from likelihead.data import encode_table, load_data, split_table
from likelihead.data.sources import read_again
from likelihead.data.sources.synthetic import make
from likelihead.data.tables.encoder import TableEncoder

ROWS = 60


def races() -> pd.DataFrame:
    """Races of three or four horses, in four columns of each input and of the places; the first columns are mixed."""
    generator = np.random.default_rng(0)
    starts = np.arange(4) < generator.integers(3, 5, (ROWS, 1))
    frame = pd.DataFrame({"soft": generator.uniform(size=ROWS)})
    scores = generator.normal(size=(ROWS, 4))
    scores[~starts] = -np.inf
    place = (-scores).argsort(1).argsort(1) + 1.0
    for horse in (2, 1, 4, 3):
        is_there = starts[:, horse - 1]
        frame[f"speed_{horse}"] = np.where(is_there, 50.0 + 10.0 * scores[:, horse - 1], np.nan)
        style = pd.Series(np.where(scores[:, horse - 1] > 0, "leads", "waits"), dtype=object)
        frame[f"style{horse}"] = style.where(pd.Series(is_there))
        frame[f"place_{horse}"] = np.where(is_there, place[:, horse - 1], np.nan)
    return frame


OPTIONS: dict[str, Any] = {"items": ["speed", "style"]}


def test_the_items_of_a_table_are_encoded_alike() -> None:
    frame = races()
    data = split_table(frame, "plackett_luce_partial", "place", **OPTIONS)
    assert data.encoder is not None and data.train.y is not None
    x, rows = data.train.x.numpy(), data.train.rows
    assert x.shape == (len(rows), 4, 4)
    cells = frame[[f"speed_{horse}" for horse in range(1, 5)]].to_numpy()
    known = cells[rows]
    expected = (known - np.nanmean(known)) / np.nanstd(known)
    np.testing.assert_allclose(x[..., 0], expected, atol=1e-5)
    leads = (frame[[f"style{horse}" for horse in range(1, 5)]] == "leads").to_numpy(dtype=float)[rows]
    present = ~np.isnan(known)
    assert np.array_equal(x[present][:, 1], leads[present]) and np.array_equal(x[present][:, 2], 1 - leads[present])
    soft = frame["soft"].to_numpy()[rows]
    np.testing.assert_allclose(x[:, 0, 3], (soft - soft.mean()) / soft.std(), atol=1e-5)
    assert np.array_equal(np.isnan(x).all(-1), ~present) and np.array_equal(np.isnan(x).any(-1), ~present)


def test_the_places_of_the_items_are_the_target() -> None:
    frame = races()
    data = split_table(frame, "plackett_luce_partial", "place", **OPTIONS)
    assert data.encoder is not None and data.train.y is not None
    assert data.encoder.target.names == ["place_1", "place_2", "place_3", "place_4"]
    assert data.encoder.target.columns.labels == ["1", "2", "3", "4"]  # type: ignore[union-attr]
    for row, order in zip(data.train.rows[:20], data.train.y[:20].tolist(), strict=True):
        places = [frame[f"place_{item + 1}"][row] for item in order if item >= 0]
        assert places == sorted(places) and len(places) == frame.loc[row, data.encoder.target.names].notna().sum()


def test_new_tables_are_encoded_as_the_training_table_was() -> None:
    frame = races()
    data = split_table(frame, "plackett_luce_partial", "place", **OPTIONS)
    assert data.encoder is not None
    encoder = TableEncoder.from_state(data.encoder.state())
    again = encode_table(frame, encoder)
    torch.testing.assert_close(again.x[data.test.rows], data.test.x, equal_nan=True)
    assert "place_1" not in encoder.inputs and {"speed_3", "style3", "soft"} <= set(encoder.inputs)
    described = encoder.describe().set_index("column")
    assert described.loc["speed_2", "type"] == "number" and described.loc["style1", "type"] == "category"
    assert len(encoder.terms) == len(encoder.names) == 16


def test_names_of_items_stand_for_their_columns() -> None:
    frame = races()
    for horse in range(1, 5):
        frame[f"lane_{horse}"] = frame[f"speed_{horse}"].notna().map({True: horse, False: np.nan})
    options = {"items": ["speed", "lane"], "ignore": ["style"], "categorical": ["lane"]}
    data = split_table(frame, "plackett_luce_partial", "place", **options)
    assert data.train.x.shape[1:] == (4, 1 + 4 + 1)


def test_a_choice_among_items() -> None:
    frame = races().filter(regex="speed|soft").fillna(0.0).assign(chosen=np.arange(ROWS) % 4 + 1)
    data = split_table(frame, "categorical", "chosen", items="speed")
    assert data.train.x.shape[1:] == (4, 2) and data.class_count == 4


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no columns": ({"items": ["weight"]}, "names 'weight', but the table has no columns weight_1, weight_2"),
    "one column": ({"items": ["speed", "soft"]}, "names 'soft', but the table has no columns soft_1"),
    "other numbers": ({"items": ["speed", "style"], "ignore": ["style4"]}, "only one of them has a column for item 4"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults_are_told_in_a_sentence(case: str) -> None:
    options, message = FAULTS[case]
    with pytest.raises(LikelihoodError, match=message) as caught:
        split_table(races(), "plackett_luce_partial", "place", **options)
    assert "\n" not in str(caught.value)


def test_a_table_is_not_streamed_as_items(tmp_path: Path) -> None:
    races().to_parquet(tmp_path / "races.parquet")
    options = {"kind": "table", "path": str(tmp_path / "races.parquet"), "target": "place", "stream": True, **OPTIONS}
    with pytest.raises(LikelihoodError, match=r"leave out data.stream or data.items"):
        load_data("plackett_luce_partial", options, seed=0)


def test_arrays_of_items(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    x = generator.normal([0.0, 100.0], [1.0, 20.0], (ROWS, 5, 2))
    ranks = generator.permuted(np.tile(np.arange(1.0, 6.0), (ROWS, 1)), axis=1)
    gone = np.arange(ROWS) % 3 == 0
    x[gone, 4], ranks[gone] = np.nan, np.c_[generator.permuted(np.tile(np.arange(1.0, 5.0), (ROWS, 1)), axis=1)[gone],
                                            np.full(gone.sum(), np.nan)]  # fmt: skip
    np.savez(tmp_path / "data.npz", x=x, y=ranks)
    options = {"kind": "arrays", "path": str(tmp_path / "data.npz"), "ranking": "ranks"}
    data = load_data("plackett_luce_partial", options, seed=0)
    assert data.encoder is not None and data.train.y is not None
    rows = data.train.rows
    known = x[rows]
    expected = (known - np.nanmean(known, axis=(0, 1))) / np.nanstd(known, axis=(0, 1))
    np.testing.assert_allclose(data.train.x.numpy(), expected, atol=1e-5)
    first = data.train.y[:, 0].numpy()
    assert (ranks[rows, first] == 1).all()
    again = encode_table(read_again(data.encoder, tmp_path / "data.npz"), data.encoder)
    torch.testing.assert_close(again.x[data.test.rows], data.test.x, equal_nan=True)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_single_number_of_an_item_cannot_be_missing(value: float, tmp_path: Path) -> None:
    x = np.random.default_rng(2).normal(size=(ROWS, 4, 2))
    x[5, 1, 0] = value
    np.savez(tmp_path / "data.npz", x=x, y=np.zeros(ROWS))
    with pytest.raises(LikelihoodError, match="only a vector of NaN in every input is taken"):
        load_data("normal", {"kind": "arrays", "path": str(tmp_path / "data.npz")}, seed=0)


def test_the_races_list_those_that_started() -> None:
    made = make("horse_races", "plackett_luce_partial", 200, 0)
    ranks, speeds = made.frame[made.target].to_numpy(), made.frame[[f"form_{k}" for k in range(1, 8)]].to_numpy()
    assert np.array_equal(np.isnan(ranks), np.isnan(speeds)) and (~np.isnan(ranks)).sum(1).min() >= 4
    assert np.array_equal(np.nanmax(ranks, axis=1), (~np.isnan(ranks)).sum(1))
    best = np.nanargmin(ranks, axis=1)
    assert np.array_equal(best, made.y[:, 0].numpy())
