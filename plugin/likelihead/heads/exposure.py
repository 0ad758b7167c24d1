"""Exposure: the time or area over which events were counted, or the number of trials."""

from __future__ import annotations

import torch
from torch import Tensor

from likelihead.errors import TargetError
from likelihead.families.family import Family
from likelihead.heads.sites import aligned


def expose(family: Family, values: dict[str, Tensor], exposure: Tensor | None) -> dict[str, Tensor]:
    """Multiply the mean by the exposure, per row (N,) or per site (N, *sites), or the number of trials.

    The class names the parameter, and where the mean is not proportional to it a function `exposed` of the parameter
    and the exposure: a rate is divided, a location in logarithms is shifted.

    Args:
        family: the family of the parameters.
        values: the parameters by name, (N, *parameter_shape).
        exposure: None to return `values` unchanged.

    Raises:
        TargetError: an exposure of the wrong shape, or for a family that has no such parameter.
    """
    if exposure is None:
        return values
    name = getattr(family.cls, "exposure_parameter", None)
    if name is None or family.components:
        raise TargetError(
            f"{family.name} takes no exposure, which scales the mean of a family of counts or magnitudes: leave it out"
        )
    value = values[name]
    factor = aligned(exposure, value.shape, "exposure")
    exposed = getattr(family.cls, "exposed", torch.mul)
    return values | {name: exposed(value, factor)}


def check_trials(family: Family, y: Tensor, exposure: Tensor | None) -> None:
    """Raise a TargetError if a row counts more successes than trials, or if its number of trials is not whole.

    Args:
        family: any family; only those whose exposure is a number of trials are checked.
        y: (M, *output_shape).
        exposure: (M,) or None.
    """
    if getattr(family.cls, "exposure_parameter", None) != "total_count":
        return
    trials = family.number("total_count").double() * (1.0 if exposure is None else exposure.double())
    if bool((trials != trials.round()).any()):
        raise TargetError(f"the exposure of {family.name} is its number of trials, but some are no whole numbers")
    above = y > trials.reshape(-1, *(1,) * (y.dim() - 1))
    if bool(above.any()):
        raise TargetError(
            f"{int(above.sum())} of {above.numel()} targets of {family.name} count more successes than trials: name "
            "the column of each row's trials, data.exposure=COLUMN, or distribution.parameters.total_count=NUMBER"
        )
