"""Exposure: the time or area in which events were counted."""

from __future__ import annotations

from torch import Tensor

from likelihead.errors import TargetError
from likelihead.families.family import Family
from likelihead.heads.sites import aligned


def expose(family: Family, values: dict[str, Tensor], exposure: Tensor | None) -> dict[str, Tensor]:
    """Multiply the expected count by the exposure, by row (N,) or by site (N, *sites), for families that have one.

    Raises:
        TargetError: the family counts nothing, so that an exposure has no meaning; or it has another shape.
    """
    if exposure is None:
        return values
    name = getattr(family.cls, "exposure_parameter", None)
    if name is None or family.components:
        raise TargetError(f"{family.name} takes no exposure; it scales the expected count of a count family")
    value = values[name]
    return values | {name: value * aligned(exposure, value.shape, "exposure")}
