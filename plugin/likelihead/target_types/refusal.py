"""The sentence that refuses targets: which rows, why, what the family takes, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from likelihead.errors import TargetError
from likelihead.target_types.target_type import Mask, TargetType, Values

#: How many faulty rows a message shows.
SHOWN = 3
MISSING, INFINITE = "missing (NaN)", "infinite"


def find_faults(values: Values, target_type: TargetType, size: int | None = None) -> dict[str, Mask]:
    """The faulty cells of targets by reason.

    Args:
        values: (n, D), one column for each target column.
        target_type: what the family takes.
        size: the number of classes, where it is known.

    Returns:
        Masks (n, D) by reason, without empty ones; each cell has one reason at most.
    """
    reasons = {MISSING: np.isnan(values), INFINITE: np.isinf(values)}
    reasons |= target_type.faults(np.where(np.isfinite(values), values, 0.0), size)
    explained = np.zeros(values.shape, dtype=bool)
    faults: dict[str, Mask] = {}
    for reason, mask in reasons.items():
        by_row = target_type.is_checked_by_row and reason not in (MISSING, INFINITE)
        faults[reason] = mask & ~(explained.any(axis=1, keepdims=True) if by_row else explained)
        explained = explained | faults[reason]
    return {reason: mask for reason, mask in faults.items() if mask.any()}


def boundary_cells(faults: Mapping[str, Mask]) -> Mask | None:
    """The cells whose only fault is to lie exactly on an end of the support, where there are any."""
    masks = [mask for reason, mask in faults.items() if reason.startswith("exactly")]
    return np.logical_or.reduce(masks) if masks else None


def refuse(
    faults: Mapping[str, Mask],
    values: Values,
    target_type: TargetType,
    names: Sequence[str],
    rows: NDArray[np.int64] | None = None,
    fitting: Sequence[str] = (),
) -> None:
    """Raise a TargetError that names columns, count, first rows, support, families that would fit, and the way out.

    Does nothing where `faults` is empty.

    Args:
        rows: (n,), the row numbers to name, 0 for the first row after the header.
        fitting: the families that would fit.
    """
    if not faults:
        return
    faulty = np.logical_or.reduce(list(faults.values()))
    bad_rows = np.flatnonzero(faulty.any(axis=1))
    bad_names = list(dict.fromkeys(name for name, column in zip(names, faulty.T, strict=True) if column.any()))
    numbers = rows if rows is not None else np.arange(len(values))
    shown = "; ".join(f"row {numbers[row]}: {_show(values[row], faulty[row])}" for row in bad_rows[:SHOWN])
    more = ", …" if len(bad_rows) > SHOWN else ""
    counts = ", ".join(f"{int(mask.any(axis=1).sum())} {reason}" for reason, mask in faults.items())
    raise TargetError(
        f"{_columns(bad_names)}: {len(bad_rows)} of {len(values)} rows cannot be targets of {target_type.family} "
        f"({counts}; {shown}{more}); it takes {target_type.words}; {_advice(faults, target_type, fitting)}"
    )


def _columns(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    return f"target column{'s' if len(names) > 1 else ''} {shown}"


def _show(row: Values, faulty: Mask) -> str:
    cells = [f"{float(value):.8g}" for value in (row[faulty] if not faulty.all() else row)]
    return cells[0] if len(cells) == 1 else f"({', '.join(cells[:8])}{', …' if len(cells) > 8 else ''})"


def _advice(faults: Mapping[str, Mask], target_type: TargetType, fitting: Sequence[str]) -> str:
    if set(faults) <= {MISSING, INFINITE}:
        way_out = "no family takes them: fill them in or leave these rows out"
        return way_out + (" (data.missing_target=drop)" if set(faults) == {MISSING} else "")
    advice = []
    if all(reason.startswith("exactly") for reason in faults):
        advice.append("data.boundary=squeeze moves exact ends inside the support")
    advice += target_type.advice()
    if fitting:
        advice.append(f"families that would fit: {', '.join(fitting)}")
    return "; ".join(advice) if advice else "no shipped family fits these values: correct or leave out these rows"
