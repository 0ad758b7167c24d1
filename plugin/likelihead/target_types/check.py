"""Checks of targets, made once before training and never in the training loop."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from likelihead.errors import LikelihoodError, TargetError
from likelihead.families.family import Family
from likelihead.target_types.detect import fitting_families, target_type_of
from likelihead.target_types.faults import boundary_cells, find_faults, raise_for_faults
from likelihead.target_types.target_type import Mask, TargetType, Values

log = logging.getLogger("likelihead.data")

BOUNDARIES = ("error", "squeeze")


def check_targets(
    y: Tensor,
    family: Family,
    event_shape: Sequence[int] | None = None,
    names: Sequence[str] = (),
    rows: int | None = None,
    boundary: str = "error",
) -> Tensor:
    """Check targets against the support and shape of a family, and convert them to what it takes.

    Bool, integer and float64 targets become float32; class labels and rankings become int64, floats included if they
    are whole numbers. Angles up to one turn from 0 are wrapped into (−π, π], and rows of shares that sum to 1 within
    1e-4 are divided by their sum. Wrapping, dividing and squeezing are logged with the number of rows.

    Args:
        y: targets of any real dtype, (N, *event_shape).
        family: the family that the targets should follow.
        event_shape: the shape of y in one row; by default that of the family.
        names: the names of the target columns, for messages.
        rows: the expected N; None to accept any.
        boundary: `error`, or `squeeze` to move values on an excluded boundary of the support inside it.

    Returns:
        float32 targets, or int64 for class labels and rankings, (N, *event_shape).

    Raises:
        TargetError: a wrong shape, or a missing value or one outside the support, with the first such rows.
        LikelihoodError: an unknown `boundary`.

    >>> check_targets(torch.tensor([0, 3]), Family.of("poisson"))
    tensor([0., 3.])
    """
    if boundary not in BOUNDARIES:
        raise LikelihoodError(f"boundary is {boundary!r}; the choices are {', '.join(BOUNDARIES)}")
    y = torch.as_tensor(y)
    target_type = target_type_of(family)
    _check_shape(y, torch.Size(family.event_shape if event_shape is None else event_shape), rows, target_type)
    return to_tensor(checked_values(y, family, names, boundary=boundary), target_type).reshape(y.shape).to(y.device)


def checked_values(
    y: Tensor,
    family: Family,
    names: Sequence[str] = (),
    mask: Tensor | None = None,
    boundary: str = "error",
) -> Values:
    """Check targets y (…, *event_shape) against the family's support, and convert them in float64.

    Cells where `mask` (of the shape of y) is false are not checked; a value inside the support replaces them.

    Returns:
        The targets in the same order, (n, K) for vectors of length K, else (n, D) for D independent outputs.
    """
    target_type = target_type_of(family)
    width = y.shape[-1] if target_type.is_vector else max(1, family.output_shape.numel())
    values = y.detach().to("cpu", torch.float64).reshape(-1, width).numpy()
    skip = None if mask is None else ~mask.detach().cpu().reshape(-1, width).numpy()
    if skip is not None:
        values = _filled(values, skip, target_type)
    if not len(values):
        return values
    size = target_type.class_count(family.event_size)
    return check_and_convert(values, target_type, _column_names(names, values), boundary=boundary, size=size)


def _filled(values: Values, skip: Mask, target_type: TargetType) -> Values:
    """The values with masked cells replaced by one that is not masked."""
    if target_type.is_vector:
        known = np.flatnonzero(~skip.any(axis=1))
        return np.where(skip, values[known[0]], values) if len(known) else values[:0]
    flat = values[~skip]
    return np.where(skip, flat[0], values) if len(flat) else values[:0]


def _column_names(names: Sequence[str], values: Values) -> list[str]:
    if len(names) == values.shape[1]:
        return list(names)
    name = names[0] if len(names) == 1 else "y"
    return [name] if values.shape[1] == 1 else [f"{name}[{index}]" for index in range(values.shape[1])]


def _check_shape(y: Tensor, event_shape: torch.Size, rows: int | None, target_type: TargetType) -> None:
    family = target_type.family
    if y.is_complex():
        raise TargetError(f"y is complex, but {family} takes {target_type.support_text}: pass real numbers")
    expected = f"y of shape {_shape_text(event_shape)}, {'a vector' if len(event_shape) else 'one number'} in each row"
    if y.dim() == 0:
        raise TargetError(f"y is a scalar, but {family} takes {expected}: pass one target for each row of x")
    if tuple(y.shape[1:]) != tuple(event_shape):
        raise TargetError(f"y has shape {tuple(y.shape)}, but {family} takes {expected}: {_remedy(y, event_shape)}")
    if rows is not None and len(y) != rows:
        raise TargetError(f"y has {len(y)} rows and x has {rows}: pass one target for each row of x")
    if len(y) == 0:
        raise TargetError(f"y has no rows: {family} needs at least one target")


def _remedy(y: Tensor, event_shape: torch.Size) -> str:
    if not event_shape and y.dim() == 2 and y.shape[1] == 1:
        return "pass y.squeeze(1)"
    if tuple(event_shape) == (1,) and y.dim() == 1:
        return "pass y.unsqueeze(1)"
    if not event_shape and y.dim() == 2:
        return f"for {y.shape[1]} independent outputs make the head with output_shape=({y.shape[1]},)"
    if not event_shape:
        return "pass one number for each row of x"
    return f"pass y of shape {_shape_text(event_shape)}, or make the head for {tuple(y.shape[1:])}"


def _shape_text(event_shape: Sequence[int]) -> str:
    return f"({', '.join(['N', *map(str, event_shape)])}{'' if event_shape else ','})"


def check_and_convert(
    values: Values,
    target_type: TargetType,
    names: Sequence[str],
    rows: NDArray[np.int64] | None = None,
    boundary: str = "error",
    size: int | None = None,
    distances: Sequence[float] | None = None,
) -> Values:
    """Check values (n, D) against the support, and convert them to what the family takes.

    Args:
        values: the target columns in float64, (n, D).
        target_type: the target type of the family.
        names: the columns, for messages.
        rows: the row numbers (n,), for messages.
        boundary: `error`, or `squeeze` to move values on an excluded boundary of the support inside it.
        size: the number of classes, if known.
        distances: how far to move values in each column; by default derived from `values`.

    Raises:
        TargetError: a value outside the support.
    """
    faults = find_faults(values, target_type, size)
    on_boundary = boundary_cells(faults)
    if boundary == "squeeze" and on_boundary is not None and all(reason.startswith("exactly") for reason in faults):
        moves = np.asarray(target_type.squeeze_distances(values) if distances is None else distances, dtype=np.float64)
        values = target_type.squeezed(values, on_boundary, moves)
        text = "%s: %d of %d rows were on the boundary of the support of %s and were moved inside it (boundary=squeeze)"
        log.warning(text, ", ".join(names), int(on_boundary.any(axis=1).sum()), len(values), target_type.family)
        faults = find_faults(values, target_type, size)
    raise_for_faults(faults, values, target_type, names, rows, fitting_families(values) if faults else ())
    return target_type.converted(values, names)


def to_tensor(values: Values, target_type: TargetType) -> Tensor:
    """Checked values (n, D) in the dtype of the target type: float32, or int64 for class labels and rankings."""
    return torch.from_numpy(np.ascontiguousarray(values)).to(target_type.dtype)
