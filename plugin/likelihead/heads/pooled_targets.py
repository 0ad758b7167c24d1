"""The targets of the marginal fit: checked, with sites pooled as rows and masked sites left out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from likelihead.errors import TargetError
from likelihead.families.family import Family
from likelihead.heads.exposure import check_trials
from likelihead.heads.sites import aligned
from likelihead.target_types.check import checked_values
from likelihead.target_types.detect import target_type_of


class PooledTargets(NamedTuple):
    """Targets y (M, *output_shape, *event_shape); weight (M,) or (M, *output_shape); exposure (M,) or None."""

    y: Tensor
    weight: Tensor | None
    exposure: Tensor | None


def pooled(
    family: Family, y: Tensor, weight: Tensor | None, exposure: Tensor | None, mask: Tensor | None
) -> PooledTargets:
    """Check targets (N, *sites, *event_shape) against the family, and turn sites into further rows.

    Sites that are outputs of the head (its `output_shape`) stay dimensions of a row.

    Args:
        family: the family of the head.
        y: targets (N, *sites, *event_shape).
        weight, exposure, mask: per row (N,) or per site, or None.

    Raises:
        TargetError: a wrong shape, a value outside the support, more successes than trials, or no target that counts.
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
    return PooledTargets(rows, _weights(weight, unmasked, lead, shape), exposed)


def _weights(weight: Tensor | None, unmasked: Tensor | None, lead: torch.Size, shape: torch.Size) -> Tensor | None:
    """Weights per pooled row (M,), or per output (M, *output_shape) if those of a row differ."""
    if unmasked is None and (weight is None or weight.dim() <= len(lead)):
        return None if weight is None else aligned(weight.double(), lead, "weight").expand(lead).reshape(-1)
    counts = torch.ones(shape) if weight is None else aligned(weight, shape, "weight")
    counts = counts.double() if unmasked is None else counts.double() * unmasked
    return counts.expand(shape).reshape(-1, *shape[len(lead) :])
