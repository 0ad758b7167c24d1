"""Remarks about tables: inputs that give the target away, and inputs far outside the training rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from likelihead.data import encode_table, split_table
from likelihead.target_types.detect import target_type_of

ROWS = 200
RNG = np.random.default_rng(0)
Y = RNG.gamma(2.0, 1.0, ROWS)


@pytest.mark.parametrize(
    ("family", "y", "leak"),
    [
        ("gamma", Y, 2.54 * Y),
        ("gamma", Y, np.log(Y)),
        ("gamma", Y, -(Y**3)),
        ("gamma", Y, np.where(np.arange(ROWS) == 0, np.nan, Y)),
        ("bernoulli", Y > 2, np.where(Y > 2, 1, 0)),
        ("bernoulli", np.where(Y > 2, "sick", "well"), np.where(Y > 2, "treated", "sent home")),
        ("categorical", np.digitize(Y, [1, 3]), np.array(["low", "high", "middle"])[np.digitize(Y, [1, 3])]),
    ],
    ids=["unit", "logarithm", "order", "gaps", "number", "label", "classes"],
)
def test_an_input_that_gives_the_target_away_is_named(
    family: str, y: np.ndarray, leak: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    frame = pd.DataFrame({"a": RNG.normal(size=ROWS), "c": RNG.choice(["u", "v"], ROWS), "leak": leak, "y": y})
    split_table(frame, family, "y")
    assert caplog.text.count("almost determines") == 1
    assert "input column 'leak' almost determines the target column 'y'" in caplog.text
    assert "data.ignore=[leak]" in caplog.text


def test_inputs_whose_sum_gives_the_target_away_are_named(caplog: pytest.LogCaptureFixture) -> None:
    first, second = RNG.gamma(2.0, 1.0, (2, ROWS))
    frame = pd.DataFrame({"a": RNG.normal(size=ROWS), "first": first, "second": 1000 * second, "b": first**2})
    split_table(frame.assign(y=first + second), "gamma", "y")
    assert caplog.text.count("almost determine") == 1
    assert "the input columns 'first', 'second' together almost determine the target column 'y'" in caplog.text
    assert "data.ignore=[first,second]" in caplog.text
    caplog.clear()
    split_table(frame.assign(y=first + second + 0.1 * RNG.gamma(2.0, 1.0, ROWS)), "gamma", "y")
    assert not caplog.text


@pytest.mark.parametrize("rows", [8, ROWS])
def test_strong_inputs_and_short_tables_are_not_remarked_on(rows: int, caplog: pytest.LogCaptureFixture) -> None:
    noise = 0.05 * RNG.normal(size=ROWS) * (rows > 8)
    frame = pd.DataFrame({"a": Y + noise, "id": [f"r{row % 40}" for row in range(ROWS)], "y": Y}).head(rows)
    split_table(frame, "gamma", "y", test_fraction=0)
    assert "almost determines" not in caplog.text


def test_inputs_far_outside_the_training_rows_are_named(caplog: pytest.LogCaptureFixture) -> None:
    frame = pd.DataFrame({"a": np.linspace(0.0, 2.0, ROWS), "b": 7.0, "y": Y})
    encoder = split_table(frame, target_type_of("gamma").family.lower(), "y", test_fraction=0).encoder
    assert encoder is not None
    encode_table(pd.DataFrame({"a": [-19.0, 1.0, 21.0], "b": 7.0}), encoder, "ignored")
    assert "training ranges" not in caplog.text
    encode_table(pd.DataFrame({"a": [1.0, 23.0, -30.0], "b": 7.0}), encoder, "ignored")
    assert "input column 'a': 2 of 3 cells lie more than 10 training ranges outside" in caplog.text
    assert "(row 1: 23; row 2: -30)" in caplog.text
    assert "'b'" not in caplog.text
    encode_table(pd.DataFrame({"a": [1.0], "b": [8.0]}), encoder, "ignored")
    assert "input column 'b': 1 of 1 cells" in caplog.text
