"""Faulty targets: finding them, and the error that names the rows, the reason, the support and a remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from likelihead.errors import TargetError
from likelihead.target_types.target_type import Mask, TargetType, Values

#: The most faulty rows, and the most columns, that a message lists.
MAX_ROWS = 3
MISSING, INFINITE = "missing (NaN)", "infinite"


def find_faults(values: Values, target_type: TargetType, size: int | None = None) -> dict[str, Mask]:
    """The faulty cells of targets by reason.

    Args:
        values: the target columns, (n, D).
        target_type: the target type of the family.
        size: the number of classes, if known.

    Returns:
        Masks (n, D) by reason, without empty masks; a cell has at most one reason.
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
    """The cells whose fault is to lie exactly on the boundary of the support, (n, D); None if there are none."""
    masks = [mask for reason, mask in faults.items() if reason.startswith("exactly")]
    return np.logical_or.reduce(masks) if masks else None


def raise_for_faults(
    faults: Mapping[str, Mask],
    values: Values,
    target_type: TargetType,
    names: Sequence[str],
    rows: NDArray[np.int64] | None = None,
    fitting: Sequence[str] = (),
) -> None:
    """Raise a TargetError if there are faults; it names columns, rows, reasons, the support and a remedy.

    Args:
        faults: masks (n, D) of faulty cells by reason, from `find_faults`.
        values: the target columns, (n, D).
        target_type: the target type of the family.
        names: the D columns, for the message.
        rows: the row numbers (n,), for the message; by default 0 to n − 1.
        fitting: the families that would fit, for the message.

    Raises:
        TargetError: `faults` is not empty.
    """
    if not faults:
        return
    faulty = np.logical_or.reduce(list(faults.values()))
    bad_rows = np.flatnonzero(faulty.any(axis=1))
    bad_names = list(dict.fromkeys(name for name, column in zip(names, faulty.T, strict=True) if column.any()))
    numbers = rows if rows is not None else np.arange(len(values))
    first = "; ".join(f"row {numbers[row]}: {_row_text(values[row], faulty[row])}" for row in bad_rows[:MAX_ROWS])
    more = ", …" if len(bad_rows) > MAX_ROWS else ""
    counts = ", ".join(f"{int(mask.any(axis=1).sum())} {reason}" for reason, mask in faults.items())
    raise TargetError(
        f"{_columns_text(bad_names)}: {len(bad_rows)} of {len(values)} rows cannot be targets of {target_type.family} "
        f"({counts}; {first}{more}); it takes {target_type.support_text}; {_advice(faults, target_type, fitting)}"
    )


def _columns_text(names: Sequence[str]) -> str:
    text = ", ".join(repr(name) for name in names[:MAX_ROWS]) + (", …" if len(names) > MAX_ROWS else "")
    return f"target column{'s' if len(names) > 1 else ''} {text}"


def _row_text(row: Values, faulty: Mask) -> str:
    cells = [f"{float(value):.8g}" for value in (row[faulty] if not faulty.all() else row)]
    return cells[0] if len(cells) == 1 else f"({', '.join(cells[:8])}{', …' if len(cells) > 8 else ''})"


def _advice(faults: Mapping[str, Mask], target_type: TargetType, fitting: Sequence[str]) -> str:
    if set(faults) <= {MISSING, INFINITE}:
        remedy = "no family takes missing or infinite values: fill them in or leave these rows out"
        return remedy + (" (data.missing_target=drop)" if set(faults) == {MISSING} else "")
    advice = []
    if all(reason.startswith("exactly") for reason in faults):
        advice.append("data.boundary=squeeze moves values on the boundary inside the support")
    advice += target_type.advice()
    if fitting:
        advice.append(f"families that would fit: {', '.join(fitting)}")
    return "; ".join(advice) if advice else "no shipped family fits these values: correct or leave out these rows"
