"""Values written as text: numbers with thousands separators or units, durations, and truth values."""

from __future__ import annotations

import datetime
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from likelihead.errors import LikelihoodError
from likelihead.target_types.cells import describe_cells

log = logging.getLogger("likelihead.data")

#: Decimal marks and thousands separators, in the order in which they are tried.
MARKS = ((".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"), (",", ""), (".", ""))
#: What may stand for a thousands separator: a space may be a no-break space, an apostrophe a typographic one.
VARIANTS = {" ": "[ \u00a0\u2009\u202f]", "'": "['’]"}
#: Signs of currencies, which may be left out in some cells; per cent signs may not.
CURRENCIES = ("€", "$", "£", "¥", "₹", "CHF", "EUR", "USD", "GBP", "kr")
CLOCK = r"-?\d+:\d{2}(:\d{2}(\.\d+)?)?"
DAYS_AND_CLOCK = r"-?\d+ days?,? \+?\d{1,2}:\d{2}:\d{2}(\.\d+)?"
ISO_DURATION = r"-?P(?=[\dT])(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?"
NAMED_UNITS = r"-?(\d+(\.\d+)?\s*(days?|d|hours?|hr?|minutes?|min|m|seconds?|sec|s|ms)\s*)+"
DURATION = re.compile("|".join((CLOCK, DAYS_AND_CLOCK, ISO_DURATION, NAMED_UNITS)))
#: How many different cells are tried with every format.
TRIED = 20
#: Words for no and yes, in lower case.
TRUTH_WORDS = (
    ("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"), ("off", "on"), ("nein", "ja"), ("n", "j"),
    ("falsch", "wahr"), ("non", "oui"), ("faux", "vrai"), ("no", "sí"), ("no", "si"), ("no", "sì"),
    ("falso", "verdadero"), ("falso", "vero"), ("não", "sim"), ("nao", "sim"), ("nee", "ja"), ("nej", "ja"),
    ("nie", "tak"), ("ne", "ano"), ("нет", "да"),
)  # fmt: skip


@dataclass(frozen=True)
class NumberFormat:
    """How numbers are written: `1,234.5`, `1.234,5`, `12 %` (which is 0.12), `$5`.

    Attributes:
        decimal: the decimal mark.
        thousands: the separator of thousands; empty for none.
        unit: a per cent sign or the sign of a currency; empty for none.
        example: a training cell.
    """

    type: ClassVar[str] = "number"
    decimal: str
    thousands: str
    unit: str
    example: str

    @classmethod
    def fit(cls, cells: pd.Series) -> NumberFormat | None:
        """The format of a column of text whose cells are all such numbers; None for others and for plain numbers.

        Args:
            cells: the distinct cells of the column that are not empty.
        """
        if pd.to_numeric(cells, errors="coerce").notna().all() or not cells.str.contains(r"\d").all():
            return None
        for unit in ("", "%", *CURRENCIES):
            if unit and not cells.str.contains(unit, regex=False).any():
                continue
            found = [cls(*marks, unit, max(cells, key=len)) for marks in MARKS]
            fitting = [layout for layout in found if cells[:TRIED].map(layout._is_number).all()]
            fitting = [layout for layout in fitting if cells.map(layout._is_number).all()]
            if fitting:
                fitting[0]._report_ambiguity(cells, fitting[1:])
                return fitting[0]
        return None

    @property
    def text(self) -> str:
        """The format in words."""
        return f"its cells are numbers such as {self.example!r}, which is {self._number(self.example):.12g}"

    def values(self, cells: pd.Series) -> pd.Series:
        """Distinct cells (n,) as numbers; NaN for those that have another format."""
        return cells.map(self._number)

    def _number(self, cell: object) -> float:
        if isinstance(cell, int | float):
            return float(cell)
        found = self._pattern.fullmatch(str(cell).replace("\u2212", "-"))
        if found is None:
            return float("nan")
        body = re.sub(VARIANTS.get(self.thousands, re.escape(self.thousands)), "", found["body"])
        number = float(f"{found['sign'] or found['inner']}{body.replace(self.decimal, '.')}")
        return number / 100.0 if self.unit == "%" else number

    def _is_number(self, cell: object) -> bool:
        return not np.isnan(self._number(cell))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        decimal, thousands = re.escape(self.decimal), VARIANTS.get(self.thousands, re.escape(self.thousands))
        whole = rf"\d{{1,3}}(?:{thousands}\d{{3}})+|\d+" if self.thousands else r"\d+"
        sign, space = r"[+-]?", r"[\s\u00a0\u202f]*"
        unit, optional = re.escape(self.unit), "" if self.unit == "%" else "?"
        before = rf"(?:{unit}{space})?" if self.unit and self.unit != "%" else ""
        after = rf"(?:{space}{unit}){optional}" if self.unit else ""
        return re.compile(
            rf"{space}(?P<sign>{sign}){before}(?P<inner>{sign})(?P<body>(?:{whole})(?:{decimal}\d+)?){after}{space}"
        )

    def _report_ambiguity(self, cells: pd.Series, others: list[NumberFormat]) -> None:
        values = self.values(cells)
        for other in others:
            differing = cells[(values != other.values(cells)).to_numpy(dtype=bool)]
            if len(differing):
                log.warning(
                    "numbers such as %r may be %.12g or %.12g; the first is taken: write them without separators of "
                    "thousands to be sure",
                    *(differing.iloc[0], self._number(differing.iloc[0]), other._number(differing.iloc[0])),
                )
                return


@dataclass(frozen=True)
class DurationFormat:
    """Durations as seconds: `1:30` and `1:30:00` (hours first), `2h 5min`, `PT2H`, `3 days 04:05:06`."""

    type: ClassVar[str] = "duration"
    example: str

    @classmethod
    def fit(cls, cells: pd.Series) -> DurationFormat | None:
        """The format of a column of text whose cells are all durations; None for others."""
        is_duration = cells.map(lambda cell: DURATION.fullmatch(cell.strip()) is not None)
        return cls(max(cells, key=len)) if is_duration.all() else None

    @property
    def text(self) -> str:
        """The format in words."""
        seconds = self.values(pd.Series([self.example])).iloc[0]
        return f"its cells are durations such as {self.example!r}, which is {seconds:.12g} seconds"

    def values(self, cells: pd.Series) -> pd.Series:
        """Distinct cells (n,) in seconds; NaN for those that are no durations."""
        return cells.map(_seconds)


def _seconds(cell: object) -> float:
    if isinstance(cell, int | float):
        return float(cell)
    if not isinstance(cell, datetime.timedelta | np.timedelta64):
        text = str(cell).strip().replace("days,", "days").replace("day,", "day")
        if DURATION.fullmatch(text) is None:
            return float("nan")
        cell = f"{text}:00" if re.fullmatch(r"-?\d+:\d{2}", text) else text
    return float(pd.to_timedelta(cell).total_seconds())


@dataclass(frozen=True)
class TruthFormat:
    """Words for no and yes, in capitals or not, as the labels False and True.

    Attributes:
        words: the words for no and yes in the training rows, in lower case.
    """

    type: ClassVar[str] = "truth"
    words: list[str]

    @classmethod
    def fit(cls, cells: pd.Series) -> TruthFormat | None:
        """The words of a column of text that has two of them; None for other columns."""
        found = set(cells.map(_folded))
        return next((cls(list(pair)) for pair in TRUTH_WORDS if found == set(pair)), None)

    @property
    def text(self) -> str:
        """The format in words."""
        return f"its cells are {self.words[0]!r} for False and {self.words[1]!r} for True"

    def values(self, cells: pd.Series) -> pd.Series:
        """Distinct cells (n,) as `False` and `True`; others as they are."""
        known = {**dict(zip(self.words, ("False", "True"), strict=True)), "false": "False", "true": "True"}
        return cells.map(lambda cell: known.get(_folded(cell), cell))


def _folded(cell: object) -> str:
    return str(cell).strip().casefold()


TextFormat = NumberFormat | DurationFormat | TruthFormat
FORMATS: dict[str, type[NumberFormat] | type[DurationFormat] | type[TruthFormat]] = {
    cls.type: cls for cls in (NumberFormat, DurationFormat, TruthFormat)
}


def fit_format(series: pd.Series, kinds: tuple[str, ...] = ("number", "duration", "truth")) -> TextFormat | None:
    """The format of the cells of a column, of one of the `kinds`; None for other text and for columns of numbers.

    >>> fit_format(pd.Series(["1.234,50 €", "99 €"])).text
    "its cells are numbers such as '1.234,50 €', which is 1234.5"
    >>> fit_format(pd.Series(["a", "b"])) is None
    True
    """
    if pd.api.types.is_timedelta64_dtype(series.dtype):
        return DurationFormat(str(series.dropna().iloc[0])) if "duration" in kinds and series.notna().any() else None
    if not (pd.api.types.is_string_dtype(series.dtype) or pd.api.types.is_object_dtype(series.dtype)):
        return None
    cells = pd.Series(series.dropna().astype(object).unique(), dtype=object)
    cells = cells.map(lambda cell: str(cell) if isinstance(cell, datetime.time | datetime.timedelta) else cell)
    if not len(cells) or not cells.map(lambda cell: isinstance(cell, str)).all():
        return None
    return next((found for kind in kinds if (found := FORMATS[kind].fit(cells)) is not None), None)


def read_formatted(series: pd.Series, layout: TextFormat, what: str) -> pd.Series:
    """A column (n,) as its format says: numbers, or the labels False and True; missing where a cell is empty.

    Numbers and truth values by type stay as they are.

    Args:
        series: the column.
        layout: the format of the training cells.
        what: what the column is, for messages.

    Raises:
        LikelihoodError: cells that have another format.
    """
    values, bad = _read(series, layout)
    if bad.any():
        raise LikelihoodError(
            f"{what} {str(series.name)!r}: {int(bad.sum())} of {len(series)} cells cannot be read "
            f"({describe_cells(series, bad)}); in the training rows {layout.text}: correct them or leave the cells "
            "empty"
        )
    return values


def readable_cells(series: pd.Series, layout: TextFormat) -> NDArray[np.bool_]:
    """The cells (n,) that are empty or have this format."""
    return ~_read(series, layout)[1]


def _read(series: pd.Series, layout: TextFormat) -> tuple[pd.Series, NDArray[np.bool_]]:
    """The column as its format says, and which cells (n,) have another format."""
    if pd.api.types.is_numeric_dtype(series.dtype):
        return series, np.zeros(len(series), dtype=bool)
    distinct = pd.Series(series.dropna().astype(object).unique(), dtype=object)
    known = dict(zip(distinct, layout.values(distinct), strict=True))
    values = series.astype(object).map(known)
    if layout.type != "truth":
        values = values.astype(np.float64)
    return values, (values.isna() & series.notna()).to_numpy(dtype=bool)


def format_state(layout: TextFormat) -> dict[str, Any]:
    """The format as plain values."""
    return {"type": layout.type, **asdict(layout)}


def format_from_state(state: Mapping[str, Any]) -> TextFormat:
    """Rebuild a format from its `format_state`."""
    return FORMATS[state["type"]](**{key: value for key, value in state.items() if key != "type"})
