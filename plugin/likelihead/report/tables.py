"""The tables of a report: the columns of the data, and the coefficients of a linear model."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pandas as pd

from likelihead.data.tables.encoder import TableEncoder
from likelihead.evaluation.coefficients import coefficients, is_linear
from likelihead.report.style import number

#: The most weights of which a table of coefficients is made.
MOST_WEIGHTS = 200
#: What the columns of the description are called, where not by their own name.
HEADINGS = {"missing": "empty cells", "inputs": "columns of x"}


class Table(NamedTuple):
    """A table of texts."""

    header: list[str]
    rows: list[list[str]]


def column_table(encoder: TableEncoder) -> Table:
    """What was decided about each column of the table, without the columns of the description that hold nothing."""
    described = encoder.describe().dropna(axis=1, how="all")
    rows = [[_cell(cell) for cell in row] for row in described.itertuples(index=False)]
    return Table([HEADINGS.get(name, name) for name in described], rows)


def _cell(cell: Any) -> str:
    if cell is None or cell is pd.NA or cell != cell:
        return ""
    return number(cell) if isinstance(cell, float) else str(cell)


def coefficient_table(model: Any, data: Any) -> Table | None:
    """The coefficients of a linear model with 95% intervals, fitted to `data`; None for other and for large models."""
    if not is_linear(model) or model.head.linear.weight.numel() > MOST_WEIGHTS:
        return None
    rows = []
    for row in coefficients(model, data).itertuples():
        known = math.isfinite(row.lower) and math.isfinite(row.upper)
        interval = f"{number(row.lower)} to {number(row.upper)}" if known else "–"
        rows.append([f"{row.parameter} ({row.link})", row.term, number(row.estimate), interval])
    return Table(["parameter (link)", "term", "coefficient", "95% interval"], rows)
