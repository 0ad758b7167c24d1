"""Which targets a family cannot take, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from likelihead.errors import TargetError
from likelihead.families.family import shipped
from likelihead.target_types.kinds import Kind

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: How many faulty rows a message shows.
SHOWN = 3
#: How far the shares of a row may sum from 1.
SHARE_TOLERANCE = 1e-4
#: Angles beyond one turn either way are taken for another unit than radians.
TURN = 2.0 * np.pi
#: More distinct whole numbers than this are not proposed as class labels.
MANY_LABELS = 20

MISSING, INFINITE = "missing (NaN)", "infinite"


def find_faults(values: Values, kind: Kind, size: int | None = None) -> dict[str, Mask]:
    """The faulty cells of targets by reason.

    Args:
        values: (n, D), one column for each target column.
        kind: what the family asks for.
        size: the number of classes, where it is known.

    Returns:
        Masks (n, D) by reason, without empty ones; each cell has one reason at most.

    >>> sorted(find_faults(np.array([[1.0], [-1.0], [0.5]]), Kind.of("poisson")))
    ['below 0', 'not a whole number']
    """
    found: dict[str, Mask] = {MISSING: np.isnan(values), INFINITE: np.isinf(values)}
    reasons = _reasons(np.where(np.isfinite(values), values, 0.0), kind, size)
    faulty = found[MISSING] | found[INFINITE]
    whole_row = kind.value in ("shares", "order", "one_hot", "sphere")
    for reason, mask in reasons.items():
        taken = faulty.any(axis=1, keepdims=True) if whole_row else faulty
        found[reason] = mask & ~taken
        faulty = faulty | found[reason]
    return {reason: mask for reason, mask in found.items() if mask.any()}


def _reasons(values: Values, kind: Kind, size: int | None) -> dict[str, Mask]:
    if kind.value == "angle":
        return {"more than one turn (2π) from 0": np.abs(values) > TURN}
    if kind.value == "order":
        row = np.sort(values, axis=1) == np.arange(values.shape[1])
        return {f"not a permutation of 0 to {values.shape[1] - 1}": _spread(~row.all(axis=1), values)}
    if kind.value == "one_hot":
        single = ((values == 0) | (values == 1)).all(axis=1) & (values.sum(axis=1) == 1)
        return {"not zeros with a single 1": _spread(~single, values)}
    if kind.value == "sphere":
        length = np.sqrt((values**2).sum(axis=1))
        return {f"not of length 1 within {SHARE_TOLERANCE:g}": _spread(np.abs(length - 1) > SHARE_TOLERANCE, values)}
    if kind.value == "shares":
        return _share_reasons(values, kind)
    if kind.value == "binary":
        return {"neither 0 nor 1": (values != 0) & (values != 1)}
    if kind.value in ("label", "level"):
        reasons = {"not a whole number": values != np.floor(values), "below 0": values < 0}
        return reasons if size is None else {**reasons, f"above {size - 1}": values > size - 1}
    return _number_reasons(values, kind)


def _number_reasons(values: Values, kind: Kind) -> dict[str, Mask]:
    reasons = {
        f"below {kind.lower:g}": values < kind.lower,
        f"above {kind.upper:g}": values > kind.upper,
    }
    if kind.whole:
        reasons["not a whole number"] = values != np.floor(values)
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)  # what the network is trained on: 1 - 1e-9 is 1 there
    if kind.open_lower:
        reasons[f"exactly {kind.lower:g}"] = single == kind.lower
    if kind.open_upper:
        reasons[f"exactly {kind.upper:g}"] = single == kind.upper
    if not kind.whole:
        reasons["too large for float32"] = np.isinf(single)
    return reasons


def _share_reasons(values: Values, kind: Kind) -> dict[str, Mask]:
    total = values.sum(axis=1)
    reasons = {
        "below 0": values < 0,
        f"with a sum that is not 1 within {SHARE_TOLERANCE:g}": _spread(np.abs(total - 1.0) > SHARE_TOLERANCE, values),
    }
    if kind.open_lower:
        reasons["exactly 0"] = values.astype(np.float32) == 0
    return reasons


def _spread(rows: Mask, values: Values) -> Mask:
    return np.broadcast_to(rows[:, None], values.shape)


def boundary_cells(found: Mapping[str, Mask]) -> Mask | None:
    """The cells whose only fault is to lie exactly on an end of the support, where there are any."""
    masks = [mask for reason, mask in found.items() if reason.startswith("exactly")]
    return np.logical_or.reduce(masks) if masks else None


def refuse(
    found: Mapping[str, Mask], values: Values, kind: Kind, names: Sequence[str], rows: NDArray[np.int64] | None = None
) -> None:
    """Raise a TargetError that names columns, count, first rows, support, families that would fit, and the way out.

    Does nothing where `found` is empty. `rows` (n,) are the row numbers to name, 0 for the first row after the header.
    """
    if not found:
        return
    faulty = np.logical_or.reduce(list(found.values()))
    bad_rows = np.flatnonzero(faulty.any(axis=1))
    bad_names = list(dict.fromkeys(name for name, column in zip(names, faulty.T, strict=True) if column.any()))
    numbers = rows if rows is not None else np.arange(len(values))
    shown = "; ".join(f"row {numbers[row]}: {_show(values[row], faulty[row])}" for row in bad_rows[:SHOWN])
    more = ", …" if len(bad_rows) > SHOWN else ""
    counts = ", ".join(f"{int(mask.any(axis=1).sum())} {reason}" for reason, mask in found.items())
    raise TargetError(
        f"{_columns(bad_names)}: {len(bad_rows)} of {len(values)} rows cannot be targets of {kind.name} "
        f"({counts}; {shown}{more}); it takes {kind.words}; {_advice(found, values, kind)}"
    )


def _columns(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    return f"target column{'s' if len(names) > 1 else ''} {shown}"


def _show(row: Values, faulty: Mask) -> str:
    cells = [f"{float(value):.8g}" for value in (row[faulty] if not faulty.all() else row)]
    return cells[0] if len(cells) == 1 else f"({', '.join(cells[:8])}{', …' if len(cells) > 8 else ''})"


def _advice(found: Mapping[str, Mask], values: Values, kind: Kind) -> str:
    if set(found) <= {MISSING, INFINITE}:
        out = "no family takes them: fill them in or leave these rows out"
        return out + (" (data.missing_target=drop)" if set(found) == {MISSING} else "")
    advice = []
    if all(reason.startswith("exactly") for reason in found):
        advice.append("data.boundary=squeeze moves exact ends inside the support")
    if kind.value == "angle":
        advice.append("data.angles=degrees reads degrees")
    if kind.value == "order":
        advice.append("data.ranking=ranks reads ranks by item instead of items by rank")
    fitting = fitting_families(values)
    if fitting:
        advice.append(f"families that would fit: {', '.join(fitting)}")
    return "; ".join(advice) if advice else "no shipped family fits these values: correct or leave out these rows"


def fitting_families(values: Values) -> list[str]:
    """The shipped families whose support holds all finite rows of `values` (n, D), without directions.

    >>> "gamma" in fitting_families(np.array([[0.5], [2.0]]))
    True
    """
    values = values[np.isfinite(values).all(axis=1)]
    return [name for name, kind in _shipped_kinds() if _fits(values, kind)] if len(values) else []


@cache
def _shipped_kinds() -> tuple[tuple[str, Kind], ...]:
    return tuple((name, Kind.of(name)) for name in shipped())


def _fits(values: Values, kind: Kind) -> bool:
    if kind.value == "angle" or (kind.vector and values.shape[1] == 1):
        return False
    if kind.value in ("label", "level") and len(np.unique(values)) > MANY_LABELS:
        return False
    return not find_faults(values, kind)
