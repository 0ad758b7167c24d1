"""The choice of an encoder for an input column: numbers, dates, labels, or text that stands for one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from likelihead.data.tables.array_column import ArrayColumn, has_arrays
from likelihead.data.tables.categorical_column import CategoricalColumn
from likelihead.data.tables.date_column import DateColumn
from likelihead.data.tables.dates import date_format, has_dates
from likelihead.data.tables.formatted_column import FormattedColumn
from likelihead.data.tables.items_column import ItemsColumn, TableColumn
from likelihead.data.tables.numeric_column import Block, NumericColumn
from likelihead.data.tables.text_column import TextColumn
from likelihead.data.tables.text_formats import fit_format
from likelihead.errors import LikelihoodError
from likelihead.target_types.cells import as_list, require_columns

#: Columns with a shape of their own, which are the only input.
ShapedColumn = ArrayColumn | TextColumn | ItemsColumn
InputColumn = TableColumn | ShapedColumn

#: The encoders by the `type` in their state.
COLUMN_TYPES: dict[str, Any] = {
    "number": NumericColumn,
    "category": CategoricalColumn,
    "date": DateColumn,
    "formatted": FormattedColumn,
    "array": ArrayColumn,
    "text": TextColumn,
}


def fit_columns(frame: pd.DataFrame, options: Mapping[str, Any]) -> list[InputColumn]:
    """Fit the encoders of the inputs to the training rows.

    Args:
        frame: the input columns of the training rows.
        options: `items` and `categorical`, and those of `fit_column`.

    Raises:
        LikelihoodError: a missing column, or one that cannot be used as an input.
    """
    items, categorical = as_list(options["items"]), as_list(options["categorical"])
    require_columns(frame.iloc[:0], categorical, "categorical")
    if items:
        return [
            ItemsColumn.fit(
                frame, items, lambda series, names: fit_column(series, options, bool({*names} & {*categorical}))
            )
        ]
    columns = [fit_column(frame[name], options, name in categorical) for name in frame.columns]
    shaped_column(columns)
    return columns


def table_columns(column: InputColumn) -> list[str]:
    """The table's columns that an encoder takes."""
    return column.table_columns if isinstance(column, ItemsColumn) else [column.name]


def encode_into(
    outputs: Sequence[Block],
    parts: Sequence[NDArray[np.int64]],
    columns: Sequence[InputColumn],
    frame: pd.DataFrame,
    ignore_unseen: bool,
) -> None:
    """Write the columns of x of some rows of a table, `parts`, into arrays (m, p), one for each part."""
    start = 0
    for column in columns:
        cells = frame if isinstance(column, ItemsColumn) else frame[column.name]
        block = column.encode(cells, ignore_unseen)
        stop = start + block.shape[1]
        for output, rows in zip(outputs, parts, strict=True):
            output[:, start:stop] = block[rows]
        start = stop


def fit_column(series: pd.Series, options: Mapping[str, Any], categorical: bool = False) -> InputColumn:
    """Fit the encoder that suits the training cells of a column.

    Booleans, categories, and all columns with `categorical` set are labels; so is text, unless all of it is dates, or
    numbers, durations or truth values in a format of `text_formats`.

    Args:
        series: the training cells.
        options: `max_levels` and `min_level_count`; `text`, the column of text, with `max_words` and `max_length`;
            `graph`, the column of graphs.
        categorical: whether to take numbers and dates as labels.
    """
    if has_arrays(series):
        return ArrayColumn.fit(series, str(series.name) == options.get("graph"))
    if str(series.name) == options["text"]:
        return TextColumn.fit(series, options["max_words"], options["max_length"])
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
    if state["type"] == "items":
        parts = {key: [column_from_state(part) for part in state[key]] for key in ("own", "shared")}
        return ItemsColumn(state["columns"], **parts)  # type: ignore[arg-type]
    column: InputColumn = COLUMN_TYPES[state["type"]].from_state(state)
    return column


def shaped_column(columns: Sequence[InputColumn]) -> ShapedColumn | None:
    """The column of arrays or text that gives x its shape; None for a table.

    Raises:
        LikelihoodError: there are other inputs beside it.
    """
    shaped = [column for column in columns if isinstance(column, ShapedColumn)]
    if not shaped:
        return None
    if len(columns) > 1:
        others = [column.name for column in columns if column is not shaped[0]]
        what = "text" if isinstance(shaped[0], TextColumn) else "arrays"
        raise LikelihoodError(
            f"input column {shaped[0].name!r} holds {what} and must be the only input, but "
            f"there is {others[0]!r} too: give data.features=[{shaped[0].name}]"
        )
    return shaped[0]


def _is_numeric(series: pd.Series) -> bool:
    if pd.api.types.is_object_dtype(series.dtype):
        cells = series.dropna()
        is_number = cells.map(lambda cell: isinstance(cell, Number) and not isinstance(cell, bool))
        return bool(is_number.all()) and len(cells) > 0
    return not pd.api.types.is_string_dtype(series.dtype)
