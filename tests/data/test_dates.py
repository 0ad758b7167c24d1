"""Columns of dates: recognised, encoded as a trend and cycles, and extended beyond the training rows."""

from __future__ import annotations

import io
import math

import numpy as np
import pandas as pd
import pytest
import torch

from likelihead.data import TableEncoder
from likelihead.data.tables.dates import date_format
from likelihead.errors import LikelihoodError
from likelihead.target_types import target_type_of

NORMAL = target_type_of("normal")


def fit(cells: object, **options: object) -> TableEncoder:
    table = pd.DataFrame({"when": cells})
    table["y"] = np.arange(float(len(table)))
    return TableEncoder.fit(table, NORMAL, "y", options)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2024-01", "2024-12"], "ISO8601"),
        (["2024-01-31", None], "ISO8601"),
        (["2024-01-31 10:30", "2024-01-31T10:30:05.5+02:00"], "ISO8601"),
        (["2024/01/31"], "%Y/%m/%d"),
        (["31.01.2024"], "%d.%m.%Y"),
        (["31.01.2024 23:59"], "%d.%m.%Y %H:%M"),
        (["31/01/2024", "01/02/2024"], "%d/%m/%Y"),
        (["01/31/2024", "02/01/2024"], "%m/%d/%Y"),
        (["31 Jan 2024"], "%d %b %Y"),
        (["January 31, 2024"], "%B %d, %Y"),
        (["Jan 2024"], "%b %Y"),
    ],
)
def test_formats_of_dates(cells: list[object], expected: str) -> None:
    assert date_format(pd.Series(cells, dtype=object)) == expected


@pytest.mark.parametrize(
    "cells",
    [
        ["2023", "2024"],
        ["20240131"],
        ["A1", "B2"],
        ["1-2", "3-4"],
        ["2010-11", "2012-13"],
        ["10:30", "11:30"],
        ["May", "June"],
        ["2024-01-31", "unknown"],
        [None, None],
        [1.0, 2.0],
    ],
)
def test_other_text_and_numbers_are_no_dates(cells: list[object]) -> None:
    assert date_format(pd.Series(cells, dtype=object)) is None


def test_an_ambiguous_order_of_day_and_month_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert date_format(pd.Series(["01/02/2024", "03/04/2024"], name="when")) == "%m/%d/%Y"
    assert "'when': its dates fit %m/%d/%Y and %d/%m/%Y" in caplog.text


def test_the_trend_is_standardised_days() -> None:
    dates = pd.to_datetime(["2024-01-01", "2024-01-03", "2024-01-10"])
    encoder = fit(dates.strftime("%d.%m.%Y"))
    assert encoder.names == ["when (trend)"]
    days = np.array([0.0, 2.0, 9.0])
    x = encoder.encode(pd.DataFrame({"when": ["01.01.2024", "03.01.2024", "10.01.2024", "01.02.2024"]}))
    expected = (np.array([*days, 31.0]) - days.mean()) / days.std()
    np.testing.assert_allclose(x[:, 0].numpy(), expected, rtol=1e-6)


def test_cycles_need_two_periods_of_training_rows() -> None:
    hours = pd.date_range("2024-01-01", "2024-01-02 23:00", freq="h")
    assert fit(hours).names == ["when (trend)"]
    two_days = pd.date_range("2024-01-01", "2024-01-03", freq="h")
    assert fit(two_days).names == ["when (trend)", "when (sine of day)", "when (cosine of day)"]
    two_weeks = pd.date_range("2024-01-01", "2024-01-15")
    assert fit(two_weeks).names == ["when (trend)", "when (sine of week)", "when (cosine of week)"]
    two_years = pd.date_range("2022-01-01", "2024-01-02").strftime("%Y-%m-%d")
    assert [name.removeprefix("when ") for name in fit(two_years).names] == [
        "(trend)", "(sine of year)", "(cosine of year)", "(sine of week)", "(cosine of week)"
    ]  # fmt: skip
    months = pd.date_range("2020-01-01", periods=48, freq="MS").strftime("%Y-%m")
    assert fit(months).names == ["when (trend)", "when (sine of year)", "when (cosine of year)"]


def test_cycles_are_the_sine_and_cosine_of_the_phase() -> None:
    encoder = fit(pd.date_range("2024-01-01", "2024-01-31", freq="6h"))
    x = encoder.encode(pd.DataFrame({"when": ["2024-02-01 18:00"]}))  # a Thursday
    week, day = 2 * math.pi * 3.75 / 7, 2 * math.pi * 0.75
    expected = [math.sin(week), math.cos(week), math.sin(day), math.cos(day)]
    np.testing.assert_allclose(x[0, 1:].numpy(), expected, atol=1e-6)


def test_the_next_month_is_no_unseen_category() -> None:
    months = [f"2024-{month:02d}" for month in range(1, 12)]
    x = fit(months).encode(pd.DataFrame({"when": ["2024-11", "2024-12"]}))
    assert x[1, 0] > x[0, 0] > 1.0
    with pytest.raises(LikelihoodError, match="hold an unseen category"):
        fit(months, categorical=["when"]).encode(pd.DataFrame({"when": ["2024-12"]}))


def test_empty_dates_become_the_mean_with_an_indicator() -> None:
    encoder = fit([None, *pd.date_range("2024-01-01", periods=20).strftime("%Y-%m-%d")])
    assert encoder.names[:2] == ["when (trend)", "when (missing)"]
    assert encoder.encode(pd.DataFrame({"when": [None]})).tolist() == [[0.0, 1.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    "later",
    [
        pd.Series(pd.to_datetime(["2024-01-05", "2024-01-30"])),
        pd.Series(pd.to_datetime(["2024-01-05", "2024-01-30"]).date),
        pd.Series(pd.to_datetime(["2024-01-05", "2024-01-30"]).tz_localize("Asia/Tokyo")),
        pd.Series(["2024-01-05", "2024-01-30"]),
        pd.Series(["2024-01-05", "2024-01-30"], dtype="category"),
    ],
)
def test_dates_as_text_and_by_type_are_the_same(later: pd.Series) -> None:
    dates = pd.date_range("2024-01-01", periods=20)
    text = pd.DataFrame({"when": ["2024-01-05", "2024-01-30"]})
    for training in (dates, dates.strftime("%Y-%m-%d")):
        encoder = fit(training)
        assert torch.equal(encoder.encode(pd.DataFrame({"when": later})), encoder.encode(text))


def test_later_cells_that_are_no_dates_are_named() -> None:
    encoder = fit(["01.02.2024", "15.02.2024"])
    with pytest.raises(LikelihoodError, match=r"'when': 1 of 2 cells are not dates .*%d.%m.%Y \(row 1: 'soon'\)"):
        encoder.encode(pd.DataFrame({"when": ["01.03.2024", "soon"]}))


def test_the_state_is_plain_and_gives_the_same_encoder() -> None:
    encoder = fit([None, *pd.date_range("2020-01-01", periods=900).strftime("%Y-%m-%d")])
    stored = io.BytesIO()
    torch.save(encoder.state(), stored)
    stored.seek(0)
    assert TableEncoder.from_state(torch.load(stored, weights_only=True)) == encoder
