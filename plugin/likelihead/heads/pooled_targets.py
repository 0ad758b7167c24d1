"""The targets of the marginal fit: checked, with sites pooled as rows and masked sites left out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from likelihead.errors import TargetError
from likelihead.families.censoring import check_censorable
from likelihead.families.family import Family
from likelihead.heads.exposure import check_trials
from likelihead.heads.sites import aligned, require_pairs
from likelihead.target_types.check import checked_values
from likelihead.target_types.detect import target_type_of


class PooledTargets(NamedTuple):
    """Targets y (M, *output_shape, *event_shape); weight (M,) or (M, *output_shape); exposure (M,) or None; bounds and
    truncation (M, *output_shape, 2) or None."""

    y: Tensor
    weight: Tensor | None
    exposure: Tensor | None = None
    bounds: Tensor | None = None
    truncation: Tensor | None = None

    def weights(self) -> Tensor:
        """The weights in float64, 1 where there are none."""
        return torch.ones(len(self.y), dtype=torch.float64) if self.weight is None else self.weight.double()


def pooled(
    family: Family,
    y: Tensor,
    weight: Tensor | None,
    exposure: Tensor | None,
    mask: Tensor | None,
    bounds: Tensor | None = None,
    truncation: Tensor | None = None,
) -> PooledTargets:
    """Check targets (N, *sites, *event_shape) against the family, and turn sites into further rows.

    Sites that are outputs of the head (its `output_shape`) stay dimensions of a row.

    Args:
        family: the family of the head.
        y: targets (N, *sites, *event_shape).
        weight, exposure, mask: per row (N,) or per site, or None.
        bounds, truncation: (N, *sites, 2), or None.

    Raises:
        TargetError: a wrong shape, a value outside the support, more successes than trials, no target that counts, or
            bounds for a family whose targets cannot be censored.
    """
    y = torch.as_tensor(y)
    event = family.event_shape
    if y.dim() <= len(event) or y.shape[y.dim() - len(event) :] != event:
        expected = ", ".join(["N", *map(str, event)])
        raise TargetError(
            f"y has shape {tuple(y.shape)}, but {family.name} takes y of shape ({expected}{'' if event else ','}): "
            "make the head for these targets, with event_size or output_shape"
        )
    lead = y.shape[: y.dim() - len(event)]
    shape = lead + family.output_shape
    unmasked = None if mask is None else aligned(torch.as_tensor(mask).bool(), shape, "mask").expand(shape)
    inner = y.dim() - len(shape)
    by_cell = None if unmasked is None else unmasked.reshape(*shape, *(1,) * inner).expand(y.shape)
    values = torch.from_numpy(checked_values(y, family, mask=by_cell))
    if not len(values):
        raise TargetError(f"no target of {family.name} counts: y has no rows, or all of them are masked")
    dtype = target_type_of(family).dtype
    rows = values.to(y.dtype if y.is_floating_point() and dtype.is_floating_point else dtype).reshape(-1, *event)
    exposed = None if exposure is None else aligned(exposure, lead, "exposure").expand(lead).reshape(-1)
    check_trials(family, rows, exposed)
    if bounds is not None or truncation is not None:
        check_censorable(family)
    require_pairs(bounds, "bounds", y)
    require_pairs(truncation, "truncation", y)
    pairs = (None if each is None else each.double().reshape(*rows.shape, 2) for each in (bounds, truncation))
    return PooledTargets(rows, _weights(weight, unmasked, lead, shape), exposed, *pairs)


def _weights(weight: Tensor | None, unmasked: Tensor | None, lead: torch.Size, shape: torch.Size) -> Tensor | None:
    """Weights per pooled row (M,), or per output (M, *output_shape) if those of a row differ."""
    if unmasked is None and (weight is None or weight.dim() <= len(lead)):
        return None if weight is None else aligned(weight.double(), lead, "weight").expand(lead).reshape(-1)
    counts = torch.ones(shape) if weight is None else aligned(weight, shape, "weight")
    counts = counts.double() if unmasked is None else counts.double() * unmasked
    return counts.expand(shape).reshape(-1, *shape[len(lead) :])


def merged(rows: PooledTargets) -> PooledTargets:
    """Merge rows with equal targets, adding their weights: counts and classes have few distinct values.

    If weights are per output, rows stay as they are.
    """
    weight = rows.weights()
    if weight.dim() > 1:
        return rows
    parts = {name: part for name, part in rows._asdict().items() if name != "weight" and part is not None}
    table = torch.cat([part.reshape(len(part), -1).double() for part in parts.values()], dim=1)
    distinct, index = torch.unique(table, dim=0, return_inverse=True)
    total = torch.zeros(len(distinct), dtype=torch.float64).index_add_(0, index, weight)
    columns = distinct.split([part[0].numel() for part in parts.values()], dim=1)
    each = {
        name: column.reshape(-1, *part.shape[1:]) for (name, part), column in zip(parts.items(), columns, strict=True)
    }
    return PooledTargets(
        **{**each, "y": each["y"].to(rows.y.dtype if rows.y.dtype == torch.int64 else torch.float64)}, weight=total
    )


def check_bounds(family: Family, bounds: Tensor | None) -> None:
    """Raise a TargetError if all targets are censored on the same side: the likelihood has no maximum."""
    if bounds is None or not len(bounds):
        return
    for end, side in enumerate(("a lower", "an upper")):
        if bool(bounds[..., end].isinf().all()):
            raise TargetError(
                f"no target is observed or has {side} bound, so that {family.name} has no most likely parameters: name "
                "the column of the observed targets too"
            )


def subsampled(rows: PooledTargets, count: int) -> PooledTargets:
    """Every k-th of the sorted distinct rows, about `count`: enough to come near the maximum."""
    step = max(1, len(rows.y) // count)
    return PooledTargets(rows.y[::step], *(None if part is None else part[::step] for part in rows[1:]))
