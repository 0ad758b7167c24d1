"""The tables of a report: the columns of the data, and the coefficients of a linear model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from likelihead.architectures import Linear
from likelihead.data.tables.encoder import TableEncoder
from likelihead.heads.parameters import Predicted
from likelihead.report.style import number, shortened
from likelihead.training.ensemble import Ensemble

#: The most rows of a table of coefficients.
MOST_ROWS = 200
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


def coefficients(model: Any, encoder: TableEncoder | None) -> Table | None:
    """The coefficients of a linear model, on the scale of each parameter's link; None for other models.

    Numbers are standardised: the coefficient of a number is the change for one standard deviation of it.
    """
    linear = getattr(model.head, "linear", None)
    is_linear = isinstance(model.architecture, Linear) and not isinstance(model, Ensemble)
    if not is_linear or linear is None or linear.in_features > MOST_ROWS:
        return None
    names = encoder.names if encoder is not None else [f"x{k + 1}" for k in range(linear.in_features)]
    header, columns = ["input"], []
    pieces = linear.weight.detach().double().split(model.head.sizes)
    biases = linear.bias.detach().double().split(model.head.sizes)
    for (name, parameter), weight, bias in zip(model.head.parameter.items(), pieces, biases, strict=True):
        if not isinstance(parameter, Predicted):
            continue
        unit, anchor = parameter.unit.double().reshape(-1), parameter.anchor.double().reshape(-1)
        for k in range(len(unit)):
            link = type(parameter.link).__name__.lower()
            which = f"{name} {k + 1}" if len(unit) > 1 else name
            header.append(f"{which} ({link})")
            slopes = [number(float(value)) for value in weight[k] * unit[k]]
            columns.append([number(float(bias[k] * unit[k] + anchor[k])), *slopes])
    rows = [[name, *(column[place] for column in columns)] for place, name in enumerate(["(constant)", *names])]
    return Table(header, rows)
