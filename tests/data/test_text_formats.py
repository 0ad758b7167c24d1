"""Numbers, durations and truth values written as text are read in the format of the training rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from likelihead.data import TableEncoder, encode_table, load_table, split_table
from likelihead.data.tables.files import read_table
from likelihead.data.tables.text_formats import fit_format, format_from_state, format_state, read_formatted
from likelihead.errors import LikelihoodError

ROWS = 60
VALUES = np.round(np.random.default_rng(0).uniform(-3000, 30_000, ROWS), 2)


def written(pattern: str, decimal: str = ".", thousands: str = ",") -> list[str]:
    swapped = str.maketrans({".": decimal, ",": thousands})
    return [pattern.format(f"{value:,.2f}".translate(swapped)) for value in VALUES]


@pytest.mark.parametrize(
    "cells",
    [
        written("{}"),
        written("{}", ",", "."),
        written("{}", ",", " "),
        written("{}", ",", "\u202f"),
        written("{}", ".", "'"),
        written("{}", ".", "’"),
        written("{} €", ",", "."),
        written("$ {}"),
        written("{} EUR", ",", "."),
        [cell.replace("-", "\u2212") for cell in written("{}")],
        [f"{'-' if value < 0 else ''}${abs(value):,.2f}" for value in VALUES],
        [f"{value * 100:.4f} %" for value in VALUES],
        [f"{value * 100:.4f}%".replace(".", ",") for value in VALUES],
    ],
    ids=lambda cells: cells[0],
)
def test_numbers_written_as_text(cells: list[str]) -> None:
    series = pd.Series([None, *cells], name="x")
    layout = fit_format(series)
    assert layout is not None
    again = format_from_state(format_state(layout))
    np.testing.assert_allclose(read_formatted(series, again, "column"), [np.nan, *VALUES], rtol=1e-12)


@pytest.mark.parametrize(
    "cells",
    [
        ["1:00:00", "26:30:05", "0:00:01.5"],
        ["2h", "2h 5min", "30s", "1 day 3 hours"],
        ["PT2H", "P1DT3H", "PT0.5S"],
        ["3 days 04:05:06", "1 day 00:00:00"],
    ],
)
def test_durations_are_read_as_by_pandas(cells: list[str]) -> None:
    layout = fit_format(pd.Series(cells))
    assert layout is not None and layout.type == "duration"
    expected = [pd.Timedelta(cell).total_seconds() for cell in cells]
    assert read_formatted(pd.Series(cells), layout, "column").tolist() == expected


def test_hours_come_first_in_short_durations() -> None:
    layout = fit_format(pd.Series(["0:30", "11:15"]))
    assert layout is not None
    assert read_formatted(pd.Series(["0:30", "11:15"]), layout, "column").tolist() == [1800.0, 40500.0]


@pytest.mark.parametrize(
    "cells",
    [
        ["a", "b"],
        ["1", "2"],
        ["1.5", "2e3"],
        ["12 %", "0.5"],
        ["5 €", "5 $"],
        ["1.2.3", "1.2.4"],
        ["12.34,5", "1"],
        ["2024-01-31", "2024-02-01"],
        ["30.01.2024", "31.01.2024"],
        ["030 1234567", "030 123"],
        ["yes", "maybe"],
        ["yes", "no", "unknown"],
        ["m", "f"],
        ["3D", "2D"],
    ],
)
def test_other_text_stays_as_it_is(cells: list[str]) -> None:
    assert fit_format(pd.Series(cells)) is None


def test_two_readings_of_the_same_numbers_are_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    assert fit_format(pd.Series(["1,234", "2,500"])) is not None
    assert "numbers such as '1,234' may be 1234 or 1.234; the first is taken" in caplog.text
    caplog.clear()
    assert fit_format(pd.Series(["1,234", "2,500", "10,000.5"])) is not None
    assert not caplog.text


@pytest.mark.parametrize(
    ("no", "yes"), [("no", "yes"), ("nein", "ja"), ("non", "oui"), ("F", "T"), ("N", "Y"), ("falso", "verdadero")]
)
def test_truth_values_in_words(no: str, yes: str) -> None:
    frame = pd.DataFrame({"flag": [no, yes] * 20, "y": range(40)})
    encoder = split_table(frame, "normal", "y", test_fraction=0).encoder
    assert encoder is not None and encoder.names == ["flag=False", "flag=True"]
    spelled = pd.DataFrame({"flag": [f" {no.upper()}", yes.capitalize(), "true"]})
    x = encode_table(spelled, encoder, "ignored").x
    assert x.tolist() == [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    assert torch.equal(encode_table(pd.DataFrame({"flag": [False, True, True]}), encoder, "ignored").x, x)
    with pytest.raises(LikelihoodError, match="unseen category"):
        encode_table(pd.DataFrame({"flag": ["perhaps"]}), encoder, "ignored")


@pytest.fixture
def german(tmp_path: Path) -> Path:
    """A table with thousands dots, decimal commas and per cent signs, as a German spreadsheet writes them."""
    frame = pd.DataFrame({"price": written("{}", ",", "."), "share": [f"{row} %" for row in range(ROWS)]})
    frame["late"] = [f"{row // 6}:{row % 6}0" for row in range(ROWS)]
    frame["amount"] = written("{} €", ",", ".")
    frame.to_csv(tmp_path / "t.csv", sep=";", index=False)
    return tmp_path / "t.csv"


def test_a_formatted_table_is_as_good_as_numbers(german: Path) -> None:
    data = split_table(read_table(german), "normal", "amount")
    numbers = pd.DataFrame({"price": VALUES, "share": np.arange(ROWS) / 100, "late": np.arange(ROWS) * 600})
    expected = split_table(numbers.assign(amount=VALUES), "normal", "amount")
    for name, part in data.parts.items():
        torch.testing.assert_close(part.x, expected.parts[name].x)
        torch.testing.assert_close(part.y, expected.parts[name].y)
    assert data.encoder is not None
    described = data.encoder.describe()
    assert described.type.tolist() == ["number", "number", "duration", "real"]
    assert described.lowest[3] == described.lowest[0] == min(VALUES[data.train.rows])


def test_new_rows_are_read_in_the_format_of_the_training_rows(german: Path, tmp_path: Path) -> None:
    state = split_table(read_table(german), "normal", "amount").encoder.state()  # type: ignore[union-attr]
    # Alone, 1.234 would be a number below 2, and 05 % a category.
    (tmp_path / "new.csv").write_text("price;share;late;amount\n1.234;05 %;0:10;2.000\n")
    new = load_table(tmp_path / "new.csv", state)
    written_out = pd.DataFrame({"price": [1234.0], "share": [0.05], "late": [600.0], "amount": [2000.0]})
    expected = encode_table(written_out, TableEncoder.from_state(state))
    torch.testing.assert_close(new.x, expected.x)
    assert new.y is not None and new.y.tolist() == [2000.0]


def test_cells_in_another_format_are_named(german: Path) -> None:
    encoder = split_table(read_table(german), "normal", "amount").encoder
    assert encoder is not None
    bad = read_table(german).assign(price=["12.34,5", *written("{}", ",", ".")[1:]])
    with pytest.raises(LikelihoodError, match=r"input column 'price': 1 of 60 cells cannot be read \(row 0: '12.34,5'"):
        encode_table(bad, encoder)
    old = read_table(german).assign(amount=["lost", None, *written("{} €", ",", ".")[2:]])
    with pytest.raises(LikelihoodError, match=r"target column 'amount': 1 of 60 cells cannot be read"):
        encode_table(old, encoder)
    examples = encode_table(old, encoder, "optional")
    assert examples.mask is not None and examples.mask.tolist() == [False, False, *[True] * 58]


def test_durations_by_type() -> None:
    frame = pd.DataFrame({"wait": pd.to_timedelta(np.arange(40), unit="min"), "y": range(40)})
    data = split_table(frame, "normal", "y", test_fraction=0, validation_fraction=0)
    expected = split_table(frame.assign(wait=range(40)), "normal", "y", test_fraction=0, validation_fraction=0)
    torch.testing.assert_close(data.train.x, expected.train.x)
