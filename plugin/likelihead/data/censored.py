"""Censored targets as tensors: y and its bounds, for batches, data sets and heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from likelihead.errors import TargetError
from likelihead.families.censoring import check_censorable
from likelihead.families.family import Family, probe_family
from likelihead.target_types.bounds import representative
from likelihead.target_types.check import check_and_convert, to_tensor
from likelihead.target_types.detect import target_type_of
from likelihead.target_types.numbers import Number


def censored(lower: Tensor, upper: Tensor, distribution: str | Mapping[str, Any] | type) -> tuple[Tensor, Tensor]:
    """The targets y and `bounds` of rows that are known to lie between two bounds, both included.

    Args:
        lower, upper: (N,) or (N, D): equal where the target is observed; lower is -inf for a left-censored row, upper
            is inf for a right-censored one.
        distribution: a shipped name ("weibull"), a mapping as in conf/distribution/*.yaml, or a distribution class.

    Returns:
        y of the shape of `lower`, where the target is not observed some value between the bounds; and bounds
        (N, 2) or (N, D, 2).

    Raises:
        TargetError: a lower bound above the upper one, bounds between which the distribution has no value, or a
            distribution whose targets cannot be censored.

    >>> y, bounds = censored(torch.tensor([2.0, 5.0]), torch.tensor([2.0, torch.inf]), "weibull")
    >>> y, bounds
    (tensor([2., 5.]), tensor([[2., 2.],
            [5., inf]]))
    """
    family = distribution if isinstance(distribution, Family) else probe_family(distribution)
    check_censorable(family)
    ends = [np.asarray(end.detach().cpu(), dtype=np.float64) for end in (lower, upper)]
    for reason, bad in (
        ("NaN as a bound", np.isnan(ends[0] + ends[1])),
        ("a lower bound above the upper", ends[0] > ends[1]),
    ):
        if bad.any():
            raise TargetError(f"{int(bad.sum())} targets have {reason}: use -inf and inf where there is no bound")
    target_type = target_type_of(family)
    y = np.where(np.isfinite(ends[0]), ends[0], ends[1])
    if isinstance(target_type, Number):
        y = np.where(ends[0] == ends[1], ends[0], representative(ends[0], ends[1], target_type))
    columns = y.reshape(len(y), -1)
    names = [f"y[{index}]" for index in range(columns.shape[1])] if columns.shape[1] > 1 else ["y"]
    checked = to_tensor(check_and_convert(columns, target_type, names), target_type).reshape(y.shape)
    return checked, torch.stack([lower, upper], dim=-1).float()
