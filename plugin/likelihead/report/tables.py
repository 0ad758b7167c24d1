"""The tables of a report: the columns of the data, and the coefficients of a linear model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from likelihead.data.tables.encoder import TableEncoder
from likelihead.evaluation.coefficients import coefficients, is_linear
from likelihead.report.style import number, shortened

#: The most weights of which a table of coefficients is made.
MOST_WEIGHTS = 200
TYPES = {"number": "number", "category": "category", "date": "date"}


class Table(NamedTuple):
    """A table of texts."""

    header: list[str]
    rows: list[list[str]]


def column_table(encoder: TableEncoder) -> Table:
    """What was decided about each column of the table."""
    rows = [_target_row(encoder, name) for name in encoder.target.names]
    for role in ("weight", "exposure"):
        name = getattr(encoder, role)
        rows += [[name, role, "number", "", ""]] if name else []
    for column in encoder.columns:
        state = column.state()
        has_missing = "(missing)" in "".join(column.names)
        kind = TYPES.get(state["type"], state["type"])
        rows.append([column.name, "input", kind, _contents(state), "yes" if has_missing else "no"])
    return Table(["column", "role", "type", "values in the training rows", "empty cells"], rows)


def _target_row(encoder: TableEncoder, name: str) -> list[str]:
    target = encoder.target.part(name)
    labels = target.columns.labels
    values = _listed(labels) if labels else target.target_type.support_text
    return [name, "target", target.target_type.name.replace("_", " "), values, ""]


def _contents(state: dict[str, Any]) -> str:
    if "levels" in state:
        return f"{len(state['levels'])} levels: {_listed(state['levels'])}" + (", others" if state.get("other") else "")
    if "cycles" in state:
        cycles = " and position in the " + ", ".join(state["cycles"]) if state["cycles"] else ""
        return f"trend{cycles}"
    text = f"mean {number(state['mean'])}, standard deviation {number(state['scale'])}"
    if state.get("lowest") is None:
        return text
    return f"{number(state['lowest'])} to {number(state['highest'])}; {text}"


def _listed(names: Sequence[str]) -> str:
    shown = [shortened(str(name), 24) for name in names[:8]]
    return ", ".join(shown) + (", …" if len(names) > 8 else "")


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
