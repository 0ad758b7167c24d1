"""The encoder of an input column whose text stands for numbers, durations or truth values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from likelihead.data.tables.categorical_column import CategoricalColumn
from likelihead.data.tables.numeric_column import Block, NumericColumn, Term
from likelihead.data.tables.text_formats import TextFormat, format_from_state, format_state, read_formatted


@dataclass(frozen=True)
class FormattedColumn:
    """A column of text that is read in the format of the training cells, and encoded as what it then holds.

    Attributes:
        layout: the format.
        values: the encoder of the values: numbers, or the labels False and True.
    """

    layout: TextFormat
    values: NumericColumn | CategoricalColumn

    @classmethod
    def fit(cls, series: pd.Series, layout: TextFormat) -> FormattedColumn:
        """Fit the encoder of the values to the training cells."""
        values = read_formatted(series, layout, "input column")
        if layout.type == "truth":
            return cls(layout, CategoricalColumn.fit(values, max_levels=2, min_level_count=1))
        return cls(layout, NumericColumn.fit(values))

    @property
    def name(self) -> str:
        return self.values.name

    @property
    def names(self) -> list[str]:
        return self.values.names

    @property
    def terms(self) -> list[Term]:
        """The columns of x in the table's own units."""
        return self.values.terms

    def encode(self, series: pd.Series, ignore_unseen: bool) -> Block:
        return self.values.encode(read_formatted(series, self.layout, "input column"), ignore_unseen)

    def decode(self, block: Block) -> pd.Series:
        """The numbers, or the labels False and True, that an encoded block stands for."""
        return self.values.decode(block)

    def state(self) -> dict[str, Any]:
        return {"type": "formatted", "layout": format_state(self.layout), "values": self.values.state()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> FormattedColumn:
        values = state["values"]
        column = CategoricalColumn if values["type"] == "category" else NumericColumn
        return cls(format_from_state(state["layout"]), column.from_state(values))
