"""Categorical columns with many levels, columns that are left out, and the memory that encoding takes."""

from __future__ import annotations

import logging
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from likelihead.data import TableEncoder, load_data, split_table
from likelihead.data.options import complete
from likelihead.errors import LikelihoodError
from likelihead.target_types import target_type_of

NORMAL = target_type_of("normal")


def many_levels() -> pd.DataFrame:
    """Level k of 80 occurs 80 − k times."""
    cells = [f"town{level:02d}" for level in range(80) for _ in range(80 - level)]
    return pd.DataFrame({"town": cells, "y": np.arange(float(len(cells)))})


def test_the_most_frequent_levels_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    frame = many_levels()
    encoder = TableEncoder.fit(frame, NORMAL, "y", {"max_levels": 3, "min_level_count": 10})
    assert encoder.names == ["town=town00", "town=town01", "town=town02", "town (other)"]
    assert caplog.text.count("'town' has 80 levels: the 3 most frequent ones") == 1
    assert f"the other 77, in {len(frame) - 80 - 79 - 78} of {len(frame)} training rows" in caplog.text
    x = encoder.encode(frame)
    assert x.sum(dim=1).eq(1.0).all() and x.sum(dim=0).tolist() == [80, 79, 78, len(frame) - 237]
    later = encoder.encode(pd.DataFrame({"town": ["nowhere", "town01"]}))
    assert later.tolist() == [[0, 0, 0, 1], [0, 1, 0, 0]]


def test_rare_levels_are_not_kept() -> None:
    encoder = TableEncoder.fit(many_levels(), NORMAL, "y")
    assert len(encoder.names) == 51
    encoder = TableEncoder.fit(many_levels(), NORMAL, "y", {"min_level_count": 70})
    assert encoder.names == [f"town=town{level:02d}" for level in range(11)] + ["town (other)"]
    with pytest.raises(
        LikelihoodError, match=r"'town' is text with 80 values, none of them in 100 or .*=\[town\], or low"
    ):
        TableEncoder.fit(many_levels(), NORMAL, "y", {"min_level_count": 100})
    assert len(TableEncoder.fit(many_levels(), NORMAL, "y", {"max_levels": 80}).names) == 80


def test_empty_cells_are_not_other_levels() -> None:
    frame = pd.concat([many_levels(), pd.DataFrame({"town": [None], "y": [0.0]})], ignore_index=True)
    encoder = TableEncoder.fit(frame, NORMAL, "y", {"max_levels": 1})
    assert encoder.names == ["town=town00", "town (other)", "town (missing)"]
    new = pd.DataFrame({"town": [None, "x", "town00"]})
    assert encoder.encode(new).tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert TableEncoder.from_state(encoder.state()) == encoder


def test_a_state_without_the_shared_column_is_read() -> None:
    frame = pd.DataFrame({"c": ["u", "v"], "a": [1.0, 2.0], "y": [1.0, 2.0]})
    encoder = TableEncoder.fit(frame, NORMAL, "y")
    state = encoder.state()
    older = [{key: value for key, value in column.items() if key not in ("other", "lowest", "highest")}
             for column in state["columns"]]  # fmt: skip
    again = TableEncoder.from_state({**state, "columns": older})
    assert again.encode(frame).equal(encoder.encode(frame))


def test_columns_can_be_left_out() -> None:
    frame = pd.DataFrame({"id": [f"r{row}" for row in range(200)], "a": np.arange(200.0), "y": np.arange(200.0)})
    assert TableEncoder.fit(frame, NORMAL, "y", {"ignore": "id"}).inputs == ["a"]
    assert TableEncoder.fit(frame, NORMAL, "y", {"ignore": ["id"], "features": ["id", "a"]}).inputs == ["a"]
    with pytest.raises(LikelihoodError, match="no input column 'ids' in the table: did you mean 'id'"):
        TableEncoder.fit(frame, NORMAL, "y", {"ignore": ["ids"]})
    with pytest.raises(LikelihoodError, match=r"data.ignore names 'y'"):
        TableEncoder.fit(frame, NORMAL, "y", {"ignore": ["y"]})


def test_the_split_has_a_seed_of_its_own() -> None:
    options = {"kind": "synthetic", "rows": 100}
    plain = load_data("poisson", options, seed=3)
    for seed in (0, 1):
        own = load_data("poisson", {**options, "seed": 3}, seed=seed)
        for name, part in own.parts.items():
            np.testing.assert_array_equal(part.rows, plain.parts[name].rows)
    assert not np.array_equal(load_data("poisson", options, seed=4).test.rows, plain.test.rows)


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"seed": 0.5}, {"max_levels": 0}, {"min_level_count": "few"}])
def test_wrong_numbers_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(LikelihoodError, match=rf"data.{next(iter(wrong))} is .*; it must be a whole number of at"):
        complete({"kind": "synthetic", **wrong}, {"synthetic": {}})


def test_a_table_that_leaves_one_training_row_is_refused() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 4.0]})
    with pytest.raises(LikelihoodError, match="leaves 1 training row after 2 held-out ones, but training needs at le"):
        split_table(frame, "normal", "y")
    assert len(split_table(frame, "normal", "y", test_fraction=0).train) == 2


def test_cells_in_messages_are_plain_values() -> None:
    frame = pd.DataFrame({"flag": [True, True], "y": [1.0, 2.0]})
    with pytest.raises(LikelihoodError, match=r"\(row 0: False\)"):
        TableEncoder.fit(frame, NORMAL, "y").encode(pd.DataFrame({"flag": np.array([False])}))


def test_encoding_takes_at_most_three_times_the_size_of_x(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{column}": rng.normal(size=100_000) for column in range(20)})
    frame["y"] = rng.normal(size=100_000)
    split_table(frame.head(100), "normal", "y")
    tracemalloc.start()
    data = split_table(frame, "normal", "y")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # x itself is allocated by torch or numpy; the rest are single columns
    assert sum(len(part) for part in data.parts.values()) == 100_000
    assert peak < 2 * 20 * 4 * 100_000
