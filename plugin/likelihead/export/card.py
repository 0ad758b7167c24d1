"""The card of an exported model: what goes in, what comes out, and which distribution the parameters belong to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from likelihead.data.tables.categorical_column import CategoricalColumn
from likelihead.data.tables.columns import InputColumn
from likelihead.data.tables.date_column import DateColumn
from likelihead.data.tables.encoder import TableEncoder
from likelihead.data.tables.formatted_column import FormattedColumn
from likelihead.data.tables.text_formats import format_state
from likelihead.families.family import Family
from likelihead.families.signature import Signature
from likelihead.families.wrappings import added_constraints
from likelihead.training.ensemble import Ensemble
from likelihead.training.module import LikelihoodModule


def card(module: LikelihoodModule, encoder: TableEncoder | None) -> dict[str, Any]:
    """The card of a module, as plain values for JSON.

    Returns:
        `distribution`: the family with its roles, as in conf/distribution/*.yaml; `event_size`, `output_shape`;
        `target`: type, columns, and the labels in the order of their codes; `parameters`: in the order of the outputs,
        each with its shape in one row; `members`: K for an ensemble, whose outputs are (N, K, *shape) and whose
        distribution is the equal mixture over K, else None; `inputs`: the columns of the table in order, None without
        a table; `exposure`: the column of that input, if any.
    """
    family: Family = module.head.family
    return {
        "likelihead": _version(),
        "distribution": family.spec,
        "event_size": family.event_size,
        "output_shape": list(family.output_shape),
        "target": {"type": module.head.target_type.name, **_target(encoder)},
        "parameters": list(parameters_of(family)),
        "members": module.members if isinstance(module, Ensemble) else None,
        "inputs": None if encoder is None else [_input(column) for column in encoder.columns],
        "exposure": None if encoder is None else encoder.exposure,
    }


def _version() -> str | None:
    try:
        return version("likelihead")
    except PackageNotFoundError:
        return None


def _target(encoder: TableEncoder | None) -> dict[str, Any]:
    if encoder is None:
        return {}
    if isinstance(encoder.target.columns, dict):
        return {"columns": encoder.target.names}
    described = asdict(encoder.target.columns)
    return {"columns": described.pop("names"), **described}


def parameters_of(family: Family) -> Iterable[dict[str, Any]]:
    """The parameters of a family, each with its shape in one row, constraint and role.

    >>> [entry["constraint"] for entry in parameters_of(Family.of("normal"))]
    ['real', 'positive']
    """
    constraints = Signature.of(family.cls).constraints | added_constraints(family.wrappings)
    for name, role in family.roles.items():
        constraint = _name(constraints[name]) if name in constraints else "real"
        yield {
            "name": name,
            "shape": list(family.parameter_shapes[name]),
            "constraint": constraint,
            "role": role if isinstance(role, str) else "fixed",
        }


def _name(constraint: Any) -> str:
    """The name of a constraint in torch.distributions.constraints, or how it describes itself."""
    from torch.distributions import constraints

    base = getattr(constraint, "base_constraint", constraint)
    return next((name for name in constraints.__all__ if getattr(constraints, name) is base), str(base))


def _input(column: InputColumn) -> dict[str, Any]:
    if isinstance(column, FormattedColumn):
        return {**_input(column.values), "text": format_state(column.layout)}
    if isinstance(column, CategoricalColumn):
        # A level that is not listed has the code `other`; an empty cell is NaN.
        return {
            "name": column.name,
            "type": "category",
            "levels": column.levels,
            "other": len(column.levels) if column.other else -1,
        }
    if isinstance(column, DateColumn):
        return {"name": column.name, "type": "date", "format": column.layout, "unit": "days since 1970-01-01"}
    return {"name": column.name, "type": "number"}
