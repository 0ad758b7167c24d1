"""Dates and times in a column of a table: their format, and their values."""

from __future__ import annotations

import datetime
import logging
import re
from itertools import product

import numpy as np
import pandas as pd

from likelihead.errors import LikelihoodError
from likelihead.target_types.cells import describe_cells

log = logging.getLogger("likelihead.data")

#: YYYY-MM, YYYY-MM-DD, or the latter with a time and an offset from UTC.
ISO = "ISO8601"
ISO_PATTERN = re.compile(r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?")
DAYS = ("%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y")
WRITTEN_DAYS = ("%d %b %Y", "%d %B %Y", "%d. %B %Y", "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y")
TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p")
MONTHS = ("%Y/%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y")
FORMATS = (ISO, *(day + time for day, time in product((*DAYS, *WRITTEN_DAYS), TIMES)), *MONTHS)
#: How many different cells are tried with every format.
TRIED = 20


def has_dates(series: pd.Series) -> bool:
    """Whether a column holds dates or times by its type, as a Parquet file may, rather than as text."""
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return True
    if series.dtype != object:
        return False
    cells = series.dropna()
    return len(cells) > 0 and bool(cells.map(lambda cell: isinstance(cell, datetime.date)).all())


def date_format(series: pd.Series) -> str | None:
    """The format of a column all of whose text is dates, as strftime writes it, or `ISO8601`; None for other text.

    Numbers and short codes are not dates: a year has four digits, and a date at least a year and a month. If both
    orders of day and month fit, the month is taken to come first, which is logged.

    >>> date_format(pd.Series(["31.12.2023", "01.01.2024"]))
    '%d.%m.%Y'
    >>> date_format(pd.Series(["2023", "2024"])) is None
    True
    """
    text = series.dropna()
    if not len(text) or not text.map(lambda cell: isinstance(cell, str)).all():
        return None
    distinct = pd.Series(text.astype(object).unique())
    fitting = [name for name in FORMATS if _parsed(distinct[:TRIED], name).notna().all()]
    fitting = [name for name in fitting if _parsed(distinct, name).notna().all()]
    if len(fitting) > 1 and fitting[0].startswith("%m"):
        message = "input column %r: its dates fit %s and %s; the first is taken: write dates as YYYY-MM-DD to be sure"
        log.warning(message, str(series.name), *fitting[:2])
    return fitting[0] if fitting else None


def dates(series: pd.Series, layout: str | None) -> pd.Series:
    """A column (n,) as datetime64 without a time zone; NaT where a cell is empty.

    Text with an offset from UTC is taken in UTC; a column with a time zone in its type keeps its local time.

    Args:
        series: the column.
        layout: the format of text; None to recognise it.

    Raises:
        LikelihoodError: cells that are not dates of this format.
    """
    if has_dates(series):
        times = pd.to_datetime(series)
        return times if times.dt.tz is None else times.dt.tz_localize(None)
    layout = date_format(series) or ISO if layout is None else layout
    times = _parsed(series, layout)
    bad = (times.isna() & series.notna()).to_numpy(dtype=bool)
    if bad.any():
        raise LikelihoodError(
            f"input column {str(series.name)!r}: {int(bad.sum())} of {len(series)} cells are not dates in the format "
            f"of the training rows, {layout} ({describe_cells(series, bad)}): correct them or leave the cells empty"
        )
    return times


def days(times: pd.Series) -> np.ndarray:
    """Days since 1970 (n,), float64; NaN for NaT."""
    passed = (times - pd.Timestamp(0)) / pd.Timedelta(days=1)
    values: np.ndarray = passed.to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _parsed(series: pd.Series, layout: str) -> pd.Series:
    """The cells as datetime64, NaT where they have another format."""
    text = series.map(lambda cell: _text(cell, layout), na_action="ignore").astype(object)
    times = pd.to_datetime(text, format=layout, errors="coerce", utc=True)
    return times.dt.tz_localize(None)


def _text(cell: object, layout: str) -> str | None:
    text = str(cell).strip()
    return None if layout == ISO and not ISO_PATTERN.fullmatch(text) else text
