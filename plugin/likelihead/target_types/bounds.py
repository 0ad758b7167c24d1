"""Targets that are only known to lie between two bounds."""

from __future__ import annotations

import numpy as np

from likelihead.target_types.numbers import Number
from likelihead.target_types.target_type import Values


def representative(lower: Values, upper: Values, target_type: Number) -> Values:
    """A value of the support between two bounds: the middle if both are finite, else the finite one.

    Args:
        lower, upper: (...), -inf and inf where there is no bound; the support bounds them too.
        target_type: the target type of the family.

    Returns:
        (...); a value that is not in the support where no value between the bounds is.

    >>> from likelihead.target_types import target_type_of
    >>> lower, upper = np.array([2.0, 0.0, -np.inf]), np.array([np.inf, np.inf, 3.0])
    >>> representative(lower, upper, target_type_of("gamma"))
    array([2. , 1. , 1.5])
    """
    low, high = np.maximum(lower, target_type.lower), np.minimum(upper, target_type.upper)
    if target_type.is_count:
        low, high = np.ceil(low), np.floor(high)
    with np.errstate(invalid="ignore"):
        middle = low + (high - low) / 2.0
    middle = np.floor(middle) if target_type.is_count else middle
    above = low + (target_type.open_lower & (low == target_type.lower))
    below = high - (target_type.open_upper & (high == target_type.upper))
    one_sided = np.where(np.isfinite(low), above, np.where(np.isfinite(high), below, 0.0))
    value = np.where(np.isfinite(low) & np.isfinite(high), middle, one_sided)
    # Where nothing is left between the bounds the bound itself, which is refused as a target, says so best.
    return np.where(low > high, np.where(np.isfinite(upper), upper, lower), value)
