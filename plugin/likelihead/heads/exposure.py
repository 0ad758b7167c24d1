"""Exposure: the time or area over which events were counted."""

from __future__ import annotations

from torch import Tensor

from likelihead.errors import TargetError
from likelihead.families.family import Family
from likelihead.heads.sites import aligned


def expose(family: Family, values: dict[str, Tensor], exposure: Tensor | None) -> dict[str, Tensor]:
    """Multiply the expected count by the exposure, per row (N,) or per site (N, *sites).

    Args:
        family: the family of the parameters.
        values: the parameters by name, (N, *parameter_shape).
        exposure: None to return `values` unchanged.

    Raises:
        TargetError: an exposure of the wrong shape, or for a family that is not one of counts.
    """
    if exposure is None:
        return values
    name = getattr(family.cls, "exposure_parameter", None)
    if name is None or family.components:
        raise TargetError(
            f"{family.name} takes no exposure, which scales the expected count of a count family: leave it out"
        )
    value = values[name]
    return values | {name: value * aligned(exposure, value.shape, "exposure")}
