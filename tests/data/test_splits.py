"""Rows are dealt out once each, the same way for the same seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupKFold, KFold, TimeSeriesSplit

from likelihead.data import load_rows, save_rows, split_rows, split_table
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


GROUPS = np.random.default_rng(0).integers(0, 12, 120)
TIMES = np.random.default_rng(1).integers(0, 40, 120)


@pytest.mark.parametrize(("split", "keys"), [("group", GROUPS), ("time", TIMES), ("group", GROUPS.astype(str))])
@pytest.mark.parametrize("folds", [{}, {"folds": 4, "fold": 1}])
def test_rows_with_the_same_key_stay_together(split: str, keys: np.ndarray, folds: dict[str, int]) -> None:
    parts = split_rows(120, 0.2, 0.15, seed=2, split=split, keys=keys, **folds)
    seen = [set(keys[rows]) for rows in parts.values()]
    assert all(seen)
    assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])
    if not folds:
        assert 0.2 * 120 <= len(parts["test"]) <= 0.2 * 120 + 20


@pytest.mark.parametrize("folds", [{}, {"folds": 4, "fold": 2}])
def test_the_last_rows_in_time_are_held_out(folds: dict[str, int]) -> None:
    parts = split_rows(120, 0.2, 0.15, seed=0, split="time", keys=TIMES, **folds)
    assert TIMES[parts["train"]].max() < TIMES[parts["validation"]].min()
    assert TIMES[parts["validation"]].max() < TIMES[parts["test"]].min()


@pytest.mark.parametrize("seed", [0, 1])
def test_groups_are_chosen_at_random(seed: int) -> None:
    chosen = {
        seed: set(GROUPS[split_rows(120, 0.2, 0.15, seed, "group", GROUPS)["test"]].tolist()) for seed in range(8)
    }
    assert len(set(map(frozenset, chosen.values()))) > 3
    assert chosen[seed] == set(GROUPS[split_rows(120, 0.2, 0.15, seed, "group", GROUPS)["test"]].tolist())


def test_random_folds_are_those_of_scikit_learn() -> None:
    expected = [test.tolist() for _, test in KFold(5, shuffle=True, random_state=3).split(np.zeros(53))]
    found = [split_rows(53, 0.2, 0.15, 3, folds=5, fold=fold) for fold in range(5)]
    assert [parts["test"].tolist() for parts in found] == expected
    assert all(sorted(np.concatenate(list(parts.values()))) == list(range(53)) for parts in found)


def test_time_folds_are_those_of_scikit_learn() -> None:
    times = np.random.default_rng(0).permutation(40)
    for fold, (before, test) in enumerate(TimeSeriesSplit(4).split(np.arange(40))):
        parts = split_rows(40, 0.2, 0.0, 0, "time", times, folds=4, fold=fold)
        assert sorted(times[parts["train"]]) == before.tolist()
        assert sorted(times[parts["test"]]) == test.tolist()


def test_group_folds_are_as_even_as_those_of_scikit_learn() -> None:
    found = [split_rows(120, 0.2, 0.0, 3, "group", GROUPS, folds=3, fold=fold)["test"] for fold in range(3)]
    assert sorted(np.concatenate(found)) == list(range(120))
    expected = [len(test) for _, test in GroupKFold(3).split(GROUPS, groups=GROUPS)]
    assert sorted(map(len, found)) == sorted(expected)


@pytest.mark.parametrize(
    ("split", "what"), [("random", "3 rows"), ("group", "2 groups"), ("time", "2 different times")]
)
def test_too_many_folds(split: str, what: str) -> None:
    with pytest.raises(LikelihoodError, match=f"{what} cannot make data.folds=5"):
        split_rows(3, 0.2, 0.15, 0, split, np.array([1, 1, 2]), folds=5, fold=0)


def frame_of_shops() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.permutation(200), unit="D")
    frame = pd.DataFrame({"shop": rng.integers(0, 15, 200), "day": day, "price": rng.normal(size=200)})
    return frame.assign(sold=rng.poisson(3, 200))


@pytest.mark.parametrize("written", ["%Y-%m-%d", "%d.%m.%Y", None])
def test_a_table_is_split_by_date(written: str | None) -> None:
    frame = frame_of_shops()
    dates = frame["day"]
    frame["day"] = dates if written is None else dates.dt.strftime(written)
    data = split_table(frame, "poisson", "sold", time="day")
    assert dates.iloc[data.train.rows].max() < dates.iloc[data.validation.rows].min()
    assert dates.iloc[data.validation.rows].max() < dates.iloc[data.test.rows].min()
    assert data.encoder is not None and "day" in data.encoder.inputs


def test_a_group_is_an_input_only_if_it_is_named(caplog: pytest.LogCaptureFixture) -> None:
    frame = frame_of_shops()
    data = split_table(frame, "poisson", "sold", group="shop")
    shops = {name: set(frame["shop"].iloc[part.rows]) for name, part in data.parts.items()}
    assert not (shops["train"] & shops["test"] or shops["train"] & shops["validation"])
    assert data.encoder is not None and data.encoder.inputs == ["day", "price"]
    named = split_table(frame, "poisson", "sold", group="shop", features=["shop", "price"])
    assert named.encoder is not None and named.encoder.inputs == ["shop", "price"]
    assert "flatter" not in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "group"}, "data.split=group needs a column: give data.group=COLUMN"),
        ({"split": "time"}, "data.split=time needs a column"),
        ({"split": "weekly"}, "the choices are random, group, time"),
        ({"group": "shop", "time": "day"}, "add data.split=group or data.split=time"),
        ({"group": "shpo"}, "there is no group column 'shpo' in the table"),
        ({"time": "name"}, "time column 'name': 200 of 200 cells are neither dates nor numbers"),
        ({"folds": 1}, "data.folds is 1; it must be a whole number of at least 2"),
        ({"folds": 5}, "data.folds=5 needs a run for each fold: give data.fold, from 0 to 4"),
        ({"folds": 5, "fold": 5}, "data.fold is 5, which counts from 0: it needs a fold below data.folds=5"),
        ({"fold": 1}, "it needs data.folds=K"),
        ({"folds": 5, "fold": 1, "test": frame_of_shops()}, "leave out data.test_path"),
    ],
)
def test_splits_that_cannot_be_made(options: dict[str, Any], message: str) -> None:
    frame = frame_of_shops().assign(name=[f"n{row % 7}" for row in range(200)])
    with pytest.raises(LikelihoodError, match=message):
        split_table(frame, "poisson", "sold", **options)


@pytest.mark.parametrize("given_test", [False, True])
def test_rows_in_both_parts_are_mentioned_once(given_test: bool, caplog: pytest.LogCaptureFixture) -> None:
    frame = frame_of_shops()
    if given_test:
        split_table(frame, "poisson", "sold", test=frame.head(30).astype({"sold": float}), validation_fraction=0)
        assert "30 of 30 test rows are equal to a training row in every column" in caplog.text
    else:
        split_table(pd.concat([frame, frame], ignore_index=True), "poisson", "sold")
        assert "80 test rows are equal to a training row in every column" in caplog.text
    assert caplog.text.count("flatter") == 1


@pytest.mark.parametrize("options", [{"split": "random"}, {"split": "time", "time": "day"}])
def test_groups_in_both_parts_are_mentioned(options: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    split_table(frame_of_shops(), "poisson", "sold", group="shop", **options)
    assert "groups of 'shop' have both training and test rows; data.split=group keeps" in caplog.text


def test_equal_rows_of_few_labels_are_no_leak(caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.choice(["u", "v"], 400), "b": rng.integers(0, 4, 400), "y": rng.integers(0, 2, 400)})
    split_table(frame, "bernoulli", "y")
    assert "flatter" not in caplog.text
