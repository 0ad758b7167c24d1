"""The choice of an encoder for an input column: numbers, dates, labels, or text that stands for one of them."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Number
from typing import Any

import pandas as pd

from likelihead.data.tables.categorical_column import CategoricalColumn
from likelihead.data.tables.date_column import DateColumn
from likelihead.data.tables.dates import date_format, has_dates
from likelihead.data.tables.formatted_column import FormattedColumn
from likelihead.data.tables.numeric_column import NumericColumn
from likelihead.data.tables.text_formats import fit_format

InputColumn = NumericColumn | CategoricalColumn | DateColumn | FormattedColumn

#: The encoders by the `type` in their state.
COLUMN_TYPES: dict[str, type[NumericColumn] | type[CategoricalColumn] | type[DateColumn] | type[FormattedColumn]] = {
    "number": NumericColumn,
    "category": CategoricalColumn,
    "date": DateColumn,
    "formatted": FormattedColumn,
}


def fit_column(series: pd.Series, options: Mapping[str, Any], categorical: bool = False) -> InputColumn:
    """Fit the encoder that suits the training cells of a column.

    Booleans, categories, and all columns with `categorical` set are labels; so is text, unless all of it is dates, or
    numbers, durations or truth values in a format of `text_formats`.

    Args:
        series: the training cells.
        options: `max_levels` and `min_level_count`.
        categorical: whether to take numbers and dates as labels.
    """
    dtype = series.dtype
    has_labels = categorical or isinstance(dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(dtype)
    if not has_labels and has_dates(series):
        return DateColumn.fit(series, None)
    text_format = None if has_labels else fit_format(series)
    if text_format is not None:
        return FormattedColumn.fit(series, text_format)
    if not has_labels and _is_numeric(series):
        return NumericColumn.fit(series)
    layout = None if has_labels else date_format(series)
    if layout is not None:
        return DateColumn.fit(series, layout)
    return CategoricalColumn.fit(series, options["max_levels"], options["min_level_count"])


def column_from_state(state: Mapping[str, Any]) -> InputColumn:
    """Rebuild an encoder from its `state()`."""
    return COLUMN_TYPES[state["type"]].from_state(state)


def _is_numeric(series: pd.Series) -> bool:
    if pd.api.types.is_object_dtype(series.dtype):
        cells = series.dropna()
        is_number = cells.map(lambda cell: isinstance(cell, Number) and not isinstance(cell, bool))
        return bool(is_number.all()) and len(cells) > 0
    return not pd.api.types.is_string_dtype(series.dtype)
