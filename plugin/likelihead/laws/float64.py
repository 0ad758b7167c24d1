"""A distribution again, in float64 on the CPU."""

from __future__ import annotations

import copy
import weakref
from typing import Any

import torch
from torch.distributions import Distribution, Transform


def in_float64(dist: Any) -> Any:
    """A copy of the distribution whose tensors are float64 on the CPU, without gradients or validation.

    Bases, components and transforms are copied along; the distribution itself is left as it is.

    >>> from pyro.distributions import Normal
    >>> in_float64(Normal(torch.zeros(2), torch.ones(2))).log_prob(torch.zeros(2)).dtype
    torch.float64
    """
    return _converted(dist, {})


def _converted(value: Any, seen: dict[int, Any]) -> Any:
    if id(value) in seen:
        return seen[id(value)]
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        return value.double() if value.is_floating_point() else value
    if isinstance(value, (Distribution, Transform)):
        twin = seen[id(value)] = copy.copy(value)
        for name, part in vars(value).items():
            object.__setattr__(twin, name, None if isinstance(part, weakref.ref) else _converted(part, seen))
        if isinstance(twin, Distribution):
            twin._validate_args = False
        return twin
    if isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
        return type(value)(_converted(part, seen) for part in value)
    return value
