"""The check of targets: one call before training, never in the loop."""

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
from likelihead.target_types.refusal import boundary_cells, find_faults, refuse
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
    """Targets as the family takes them, or an error that says which rows it cannot take.

    Conversions: bool, whole-number and float64 targets become float32; whole float class labels and rankings become
    int64; angles up to one turn from 0 are wrapped into (−π, π]; rows of shares that sum to 1 within 1e-4 are divided
    by their sum. Wrapping, dividing and squeezing are logged with the number of rows.

    Args:
        y: targets of any dtype, (N, *event_shape).
        family: what the head predicts.
        event_shape: the shape of y in one row; the family's own where left out.
        names: names of the target columns for messages.
        rows: N, where it is known from the inputs.
        boundary: `error`, or `squeeze` to move values on an excluded end of the support inside.

    Returns:
        float32 targets, int64 for class labels and rankings; (N, *event_shape).

    Raises:
        TargetError: a wrong shape, or a value outside the support.

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
    """Targets y (…, *event_shape) as float64 in the same order, checked against the family's support and converted.

    Cells where `mask` (the shape of y) is false are not checked; they come back as a value inside the support.

    Returns:
        (n, K) for vectors of K, else (n, D) for D independent outputs.
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
    return settle(values, target_type, _names(names, values), boundary=boundary, size=size)


def _filled(values: Values, skip: Mask, target_type: TargetType) -> Values:
    """The values with masked cells replaced by a value that is not masked."""
    if target_type.is_vector:
        known = np.flatnonzero(~skip.any(axis=1))
        return np.where(skip, values[known[0]], values) if len(known) else values[:0]
    flat = values[~skip]
    return np.where(skip, flat[0], values) if len(flat) else values[:0]


def _names(names: Sequence[str], values: Values) -> list[str]:
    if len(names) == values.shape[1]:
        return list(names)
    name = names[0] if len(names) == 1 else "y"
    return [name] if values.shape[1] == 1 else [f"{name}[{index}]" for index in range(values.shape[1])]


def _check_shape(y: Tensor, event_shape: torch.Size, rows: int | None, target_type: TargetType) -> None:
    family = target_type.family
    if y.is_complex():
        raise TargetError(f"y is complex, but {family} takes {target_type.words}: pass real numbers")
    one = f"y of shape {_shape_text(event_shape)}, {'a vector' if len(event_shape) else 'one number'} in each row"
    if y.dim() == 0:
        raise TargetError(f"y is a scalar, but {family} takes {one}: pass one target for each row of x")
    if tuple(y.shape[1:]) != tuple(event_shape):
        raise TargetError(f"y has shape {tuple(y.shape)}, but {family} takes {one}: {_remedy(y, event_shape)}")
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


def settle(
    values: Values,
    target_type: TargetType,
    names: Sequence[str],
    rows: NDArray[np.int64] | None = None,
    boundary: str = "error",
    size: int | None = None,
    distances: Sequence[float] | None = None,
) -> Values:
    """Values (n, D) checked against the support and converted to what the family takes.

    Args:
        names: the columns, for messages.
        rows: the row numbers (n,) for messages.
        boundary: `error`, or `squeeze` to move values on an excluded end inside.
        size: the number of classes, where it is known.
        distances: by how much to squeeze each column; taken from these values where left out.

    Raises:
        TargetError: a value outside the support.
    """
    faults = find_faults(values, target_type, size)
    on_edge = boundary_cells(faults)
    if boundary == "squeeze" and on_edge is not None and all(reason.startswith("exactly") for reason in faults):
        by = np.asarray(target_type.squeeze_distances(values) if distances is None else distances, dtype=np.float64)
        values = target_type.squeezed(values, on_edge, by)
        text = "%s: %d of %d rows lay on an end of the support of %s and were moved inside it (boundary=squeeze)"
        log.warning(text, ", ".join(names), int(on_edge.any(axis=1).sum()), len(values), target_type.family)
        faults = find_faults(values, target_type, size)
    refuse(faults, values, target_type, names, rows, fitting_families(values) if faults else ())
    return target_type.converted(values, names)


def to_tensor(values: Values, target_type: TargetType) -> Tensor:
    """Checked values (n, D) as the dtype of the target type: float32, or int64 for class labels and rankings."""
    return torch.from_numpy(np.ascontiguousarray(values)).to(target_type.dtype)
