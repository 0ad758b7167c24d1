"""What was decided about each column of a table, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from likelihead.data.row_splits import RowNumbers
from likelihead.data.tables.array_column import ArrayColumn
from likelihead.data.tables.categorical_column import CategoricalColumn
from likelihead.data.tables.columns import InputColumn, table_columns
from likelihead.data.tables.date_column import DateColumn
from likelihead.data.tables.dates import dates
from likelihead.data.tables.formatted_column import FormattedColumn
from likelihead.data.tables.items_column import ItemsColumn
from likelihead.data.tables.joint_target_encoder import AnyTargetEncoder
from likelihead.data.tables.text_column import TextColumn
from likelihead.data.tables.text_formats import read_formatted
from likelihead.errors import LikelihoodError
from likelihead.target_types.cells import as_list

#: The columns of the description.
NAMES = ("column", "role", "type", "why", "missing", "levels", "lowest", "highest", "inputs")
Entry = dict[str, Any]


def describe_columns(
    frame: pd.DataFrame,
    rows: RowNumbers,
    columns: Sequence[InputColumn],
    target: AnyTargetEncoder,
    options: Mapping[str, Any],
) -> list[Entry]:
    """An entry for each column of the table, in the order of the table: see `TableEncoder.describe`.

    Args:
        frame: the whole table.
        rows: the numbers of the training rows.
        columns: the encoders of the inputs.
        target: the encoder of the target.
        options: the options of the `data` config group.
    """
    inputs = {name: column for column in columns for name in table_columns(column)}
    entries = []
    for name in map(str, frame.columns):
        series = frame[name].iloc[rows]
        entry: Entry = dict.fromkeys(NAMES) | {"column": name, "missing": int(series.isna().sum())}
        if name in inputs:
            entry |= {"role": "input", **_input(inputs[name], series, name in as_list(options["categorical"]))}
        else:
            entry |= {**_other(name, target, options), "inputs": 0}
            layout = target.part(name).layouts.get(name) if name in target.names else None
            if layout is not None:
                entry["why"] += f"; {layout.text}"
                series = read_formatted(series, layout, "target column")
        entries.append(entry | (_range(series) if entry["type"] not in ("category", "date") else {}))
    return entries


def check_described(columns: Sequence[InputColumn], description: Sequence[Entry]) -> None:
    """Raise a LikelihoodError for an input of a stored description that has no encoder: the model needs its values."""
    known = {name for column in columns for name in table_columns(column)}
    lost = [entry["column"] for entry in description if entry["role"] == "input" and entry["column"] not in known]
    if lost:
        raise LikelihoodError(
            f"the model was trained on the input {lost[0]!r}, but does not hold how that is encoded: the checkpoint is "
            "damaged, or was changed"
        )


def _input(column: InputColumn, series: pd.Series, is_named: bool) -> Entry:
    if isinstance(column, ItemsColumn):
        return _input(column.encoder_of(str(series.name)), series, is_named)
    entry: Entry = {"inputs": len(column.names)}
    if isinstance(column, FormattedColumn):
        entry |= {"type": column.layout.type, "why": column.layout.text}
        if isinstance(column.values, CategoricalColumn):
            return {**entry, "type": "category", "levels": len(column.values.levels)}
        return {**entry, "lowest": column.values.lowest, "highest": column.values.highest}
    if isinstance(column, DateColumn):
        why = "its type is a date" if column.layout is None else f"text in the format {column.layout}"
        times = dates(series, column.layout).dropna()
        ends = {"lowest": str(times.min()), "highest": str(times.max())} if len(times) else {}
        return {**entry, "type": "date", "why": why, **ends}
    if isinstance(column, TextColumn):
        return {**entry, "type": "text", "why": "data.text", "levels": len(column.words)}
    if isinstance(column, ArrayColumn):
        shape = " x ".join(map(str, column.shape))
        return {**entry, "type": "array", "why": f"its cells are arrays of {shape} numbers"}
    if not isinstance(column, CategoricalColumn):
        return {**entry, "type": "number", "why": "its cells are numbers"}
    why = "named in data.categorical" if is_named else f"its type is {series.dtype}"
    if not is_named and not (isinstance(series.dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(series.dtype)):
        why = "its cells are text"
    if column.other:
        why += f"; the {len(column.levels)} most frequent levels have an input each"
    return {**entry, "type": "category", "why": why, "levels": int(series.nunique())}


def _other(name: str, target: AnyTargetEncoder, options: Mapping[str, Any]) -> Entry:
    if name in target.names:
        own = target.part(name)
        entry: Entry = {"role": "target", "type": own.target_type.name, "why": "data.target"}
        return entry if own.columns.labels is None else {**entry, "levels": len(own.columns.labels)}
    for role in ("weight", "exposure"):
        if name == options[role]:
            return {"role": role, "type": "number", "why": f"data.{role}"}
    reasons = {"data.ignore": as_list(options["ignore"]), "data.group": as_list(options["group"])}
    why = next((reason for reason, names in reasons.items() if name in names), "not in data.features")
    return {"role": "left out", "why": why}


def _range(series: pd.Series) -> Entry:
    """The lowest and the highest training cell of a column of numbers."""
    known = series.dropna()
    is_number = pd.api.types.is_numeric_dtype(known.dtype) and not pd.api.types.is_bool_dtype(known.dtype)
    if not is_number or not len(known):
        return {}
    return {"lowest": _plain(known.min()), "highest": _plain(known.max())}


def _plain(value: Any) -> float | int:
    return int(value) if isinstance(value, int | np.integer) else float(value)
