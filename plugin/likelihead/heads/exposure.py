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
    and the exposure: a rate is divided, a location in logarithms is shifted. Of a mixture it is that of each component.

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
    if name is None:
        raise TargetError(
            f"{family.name} takes no exposure, which scales the mean of a family of counts or magnitudes: leave it out"
        )
    value = values[name]
    own = len(family.parameter_shapes[name]) - len(family.output_shape)
    factor = aligned(exposure, value.shape[: value.dim() - own], "exposure")
    factor = factor.reshape(*factor.shape, *(1,) * own)
    exposed = getattr(family.cls, "exposed", torch.mul)
    return values | {name: exposed(value, factor)}


def check_trials(family: Family, y: Tensor, exposure: Tensor | None) -> None:
    """Raise a TargetError if a number of trials is not whole, or does not go with the counts of its row.

    Args:
        family: any family; only those whose exposure is a number of trials are checked.
        y: (M, *output_shape), or (M, *output_shape, K) for the counts of K classes.
        exposure: (M,) or None.
    """
    if getattr(family.cls, "exposure_parameter", None) != "total_count":
        return
    given = family.number("total_count").double().expand(len(y), *family.parameter_shapes["total_count"])
    trials = expose(family, {"total_count": given}, None if exposure is None else exposure.double())["total_count"]
    if family.components:
        trials = trials.amax(-1)
    if bool((trials != trials.round()).any()):
        raise TargetError(f"the exposure of {family.name} is its number of trials, but some are no whole numbers")
    if len(family.event_shape) > len(family.output_shape):
        wrong = y.sum(-1) != trials
        fault = "have counts that do not sum to the number of trials: name the counts of all classes as the target, or"
    else:
        wrong, fault = y > trials, "count more successes than trials:"
    if bool(wrong.any()):
        raise TargetError(
            f"{int(wrong.sum())} of {wrong.numel()} targets of {family.name} {fault} name the column of each row's "
            "trials, data.exposure=COLUMN, or distribution.parameters.total_count=NUMBER; in Python, give exposure="
        )
