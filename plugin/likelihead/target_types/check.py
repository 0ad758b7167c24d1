"""The check of targets that are already tensors: one call before training, never in the loop."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from likelihead.errors import LikelihoodError, TargetError
from likelihead.families.family import Family
from likelihead.target_types.faults import Values, boundary_cells, find_faults, refuse
from likelihead.target_types.kinds import Kind

log = logging.getLogger("likelihead.data")

BOUNDARIES = ("error", "squeeze")
#: Counts above this are rounded by float32.
LARGEST_COUNT = 2**24


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
        boundary: `error`, or `squeeze` to move values on a forbidden end of the support inside, see `squeeze_edges`.

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
    kind = Kind.of(family)
    _check_shape(y, torch.Size(family.event_shape if event_shape is None else event_shape), rows, kind)
    values = y.detach().to("cpu", torch.float64).reshape(len(y), -1).numpy()
    size = family.event_size if kind.value in ("label", "level") else None
    values = settle(values, kind, _names(names, values), boundary=boundary, size=size)
    return to_tensor(values, kind).reshape(y.shape).to(y.device)


def _names(names: Sequence[str], values: Values) -> list[str]:
    if len(names) == values.shape[1]:
        return list(names)
    name = names[0] if len(names) == 1 else "y"
    return [name] if values.shape[1] == 1 else [f"{name}[{index}]" for index in range(values.shape[1])]


def _check_shape(y: Tensor, event_shape: torch.Size, rows: int | None, kind: Kind) -> None:
    if y.is_complex():
        raise TargetError(f"y is complex, but {kind.name} takes {kind.words}: pass real numbers")
    one = f"y of shape {_shape_text(event_shape)}, {'a vector' if len(event_shape) else 'one number'} in each row"
    if y.dim() == 0:
        raise TargetError(f"y is a scalar, but {kind.name} takes {one}: pass one target for each row of x")
    if tuple(y.shape[1:]) != tuple(event_shape):
        raise TargetError(f"y has shape {tuple(y.shape)}, but {kind.name} takes {one}: {_remedy(y, event_shape)}")
    if rows is not None and len(y) != rows:
        raise TargetError(f"y has {len(y)} rows and x has {rows}: pass one target for each row of x")
    if len(y) == 0:
        raise TargetError(f"y has no rows: {kind.name} needs at least one target")


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
    kind: Kind,
    names: Sequence[str],
    rows: np.ndarray | None = None,
    boundary: str = "error",
    size: int | None = None,
    edges: Sequence[float] | None = None,
) -> Values:
    """Values (n, D) checked, and where that is documented, converted: see `check_targets`.

    `edges` hold the distance (one for each column) by which `squeeze` moves an end inside; `squeeze_edges` by default.
    """
    found = find_faults(values, kind, size)
    on_edge = boundary_cells(found)
    if boundary == "squeeze" and on_edge is not None and all(reason.startswith("exactly") for reason in found):
        distance = squeeze_edges(values, kind) if edges is None else edges
        values = _squeeze(values, kind, on_edge, np.asarray(distance, dtype=np.float64))
        text = "%s: %d of %d rows lay on an end of the support of %s and were moved inside it (boundary=squeeze)"
        log.warning(text, ", ".join(names), int(on_edge.any(axis=1).sum()), len(values), kind.name)
        found = find_faults(values, kind, size)
    refuse(found, values, kind, names, rows)
    if kind.value == "angle":
        return _wrap(values, names)
    if kind.value == "shares":
        return _normalise(values, names)
    _check_resolution(values, kind, names)
    return values


def squeeze_edges(values: Values, kind: Kind) -> list[float]:
    """By how much `squeeze` moves a value on an end of the support, for each column of `values` (n, D).

    1/(2n) for proportions, which is (y(n − 1) + 1/2)/n at 0 and 1 (Smithson & Verkuilen, 2006); 1/n for shares, whose
    rows become (y(n − 1) + 1/K)/n; half the smallest positive value for magnitudes.
    """
    if kind.value == "shares":
        return [1.0 / len(values)] * values.shape[1]
    width = kind.upper - kind.lower
    if np.isfinite(width):
        return [width / (2.0 * len(values))] * values.shape[1]
    end, sign = (kind.lower, 1.0) if np.isfinite(kind.lower) else (kind.upper, -1.0)
    distances = [sign * (column - end) for column in values.T]
    return [float(inside[inside > 0].min()) / 2.0 if (inside > 0).any() else 1.0 for inside in distances]


def _squeeze(values: Values, kind: Kind, on_edge: np.ndarray, distance: Values) -> Values:
    if kind.value == "shares":
        moved = values * (1.0 - distance) + distance / values.shape[1]
        return np.where(on_edge.any(axis=1, keepdims=True), moved, values)
    single = values.astype(np.float32)
    values = np.where(on_edge & (single == kind.lower), kind.lower + distance, values)
    return np.where(on_edge & (single == kind.upper), kind.upper - distance, values)


def _wrap(values: Values, names: Sequence[str]) -> Values:
    outside = (values <= -np.pi) | (values > np.pi)
    if outside.any():
        text = "%s: %d of %d rows were angles outside (-pi, pi] and were wrapped into it"
        log.info(text, ", ".join(names), int(outside.any(axis=1).sum()), len(values))
    wrapped = values - 2.0 * np.pi * np.ceil((values - np.pi) / (2.0 * np.pi))
    return np.where(outside, wrapped, values)


def _normalise(values: Values, names: Sequence[str]) -> Values:
    total = values.sum(axis=1, keepdims=True)
    off = np.abs(total - 1.0) > 1e-6
    if off.any():
        text = "%s: %d of %d rows of shares were divided by their sum, which was not exactly 1"
        log.info(text, ", ".join(names), int(off.sum()), len(values))
    return values / total


def _check_resolution(values: Values, kind: Kind, names: Sequence[str]) -> None:
    """Numbers that float32 cannot tell apart are an error; counts that it rounds are logged."""
    if kind.value != "number":
        return
    if kind.whole:
        rounded = int((np.abs(values) > LARGEST_COUNT).any(axis=1).sum())
        if rounded:
            log.info("%s: %d counts above 2**24 are rounded to float32", ", ".join(names), rounded)
        return
    error = np.abs(values - values.astype(np.float32)).max(axis=0)
    for name, lost, spread, centre in zip(names, error, values.std(axis=0), values.mean(axis=0), strict=True):
        if lost > 1e-2 * spread > 0:
            raise TargetError(
                f"target column {name!r} varies by {spread:.3g} around {centre:.6g}, which float32 cannot resolve; "
                "subtract a constant from it"
            )


def to_tensor(values: Values, kind: Kind) -> Tensor:
    """Checked values (n, D) as float32, or int64 for class labels and rankings."""
    dtype = torch.int64 if kind.value in ("label", "level", "order") else torch.float32
    return torch.from_numpy(np.ascontiguousarray(values)).to(dtype)
