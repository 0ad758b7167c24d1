"""What is said about each column of a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from likelihead.data import TableEncoder, split_table

ROWS = 100
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def encoder() -> TableEncoder:
    frame = pd.DataFrame(
        {
            "id": [f"r{row}" for row in range(ROWS)],
            "day": pd.date_range("2024-01-01", periods=ROWS).strftime("%d.%m.%Y"),
            "at": pd.date_range("2024-01-01", periods=ROWS, freq="h"),
            "size": np.where(np.arange(ROWS) % 10 == 0, np.nan, np.arange(ROWS)),
            "town": RNG.choice(["a", "b", "c"], ROWS),
            "month": RNG.integers(1, 4, ROWS),
            "shop": RNG.integers(0, 30, ROWS),
            "hours": RNG.uniform(1, 2, ROWS),
            "weight": 1,
            "y": RNG.poisson(3, ROWS),
        }
    )
    options = {"ignore": "id", "categorical": ["month"], "exposure": "hours", "weight": "weight", "group": "shop"}
    data = split_table(frame, "poisson", "y", test_fraction=0, validation_fraction=0, **options)
    assert data.encoder is not None
    return data.encoder


def test_each_column_has_its_role_type_and_reason(encoder: TableEncoder) -> None:
    described = encoder.describe().set_index("column")
    assert described[["role", "type", "why"]].to_numpy().tolist() == [
        ["left out", None, "data.ignore"],
        ["input", "date", "text in the format %d.%m.%Y"],
        ["input", "date", "its type is a date"],
        ["input", "number", "its cells are numbers"],
        ["input", "category", "its cells are text"],
        ["input", "category", "named in data.categorical"],
        ["left out", None, "data.group"],
        ["exposure", "number", "data.exposure"],
        ["weight", "number", "data.weight"],
        ["target", "count", "data.target"],
    ]
    assert described.missing.tolist() == [0, 0, 0, 10, 0, 0, 0, 0, 0, 0]
    assert described.loc[["town", "month"], "levels"].tolist() == [3, 3]
    assert described.loc["size", ["lowest", "highest"]].tolist() == [1.0, 99.0]
    assert described.loc["day", ["lowest", "highest"]].tolist() == ["2024-01-01 00:00:00", "2024-04-09 00:00:00"]
    assert described.inputs.sum() == len(encoder.names)


def test_the_description_is_stored_as_plain_values(encoder: TableEncoder) -> None:
    again = TableEncoder.from_state(encoder.state())
    pd.testing.assert_frame_equal(again.describe(), encoder.describe())
    cells = [cell for entry in encoder.state()["description"] for cell in entry.values()]
    assert {type(cell) for cell in cells} <= {str, int, float, type(None)}


def test_columns_that_are_not_features_are_left_out() -> None:
    frame = pd.DataFrame({"a": range(20), "b": range(20), "y": [0, 1] * 10})
    data = split_table(frame, "bernoulli", "y", features="a")
    assert data.encoder is not None
    assert data.encoder.describe().why.tolist() == ["its cells are numbers", "not in data.features", "data.target"]
