"""What the distributions share that are made of another one: masses at 0 and 1, truncation, a spline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.types import _size


class Wrapped(TorchDistribution):
    """A univariate distribution made of a base_dist (...) and of parameters of its own.

    A subclass takes both, in `__init__(base_dist, **parameters, **settings, validate_args)`, and declares its
    parameters in `arg_constraints`.
    """

    #: Its targets can be censored if those of the base can.
    has_tails_of_base = True
    #: The arguments of the constructor that are plain numbers.
    settings: ClassVar[tuple[str, ...]] = ()

    base_dist: Any

    def own_parameters(self) -> dict[str, Tensor]:
        """The parameters that are not those of the base, (*batch_shape, *parameter_shape)."""
        return {name: getattr(self, name) for name in self.arg_constraints}

    def rebuilt(self, base_dist: Any, parameters: Mapping[str, Tensor]) -> Any:
        """The same of another base and other parameters."""
        made: Any = type(self)
        settings = {name: getattr(self, name) for name in self.settings}
        return made(base_dist, **parameters, **settings, validate_args=self._validate_args)

    def expand(self, batch_shape: _size, _instance: Any = None) -> Any:
        """The same distribution for a larger batch_shape."""
        shape, inner = torch.Size(batch_shape), len(self.batch_shape)
        parameters = {name: value.expand(*shape, *value.shape[inner:]) for name, value in self.own_parameters().items()}
        return self.rebuilt(self.base_dist.expand(shape), parameters)


def own_dtype(dist: Any) -> torch.dtype | None:
    """The dtype of the parameters of a distribution; None if it has none but those of its base."""
    values = (getattr(dist, name, None) for name in dist.arg_constraints)
    return next((value.dtype for value in values if isinstance(value, Tensor)), None)


def parameter_dtype(dist: Any) -> torch.dtype:
    """The dtype of the parameters of a distribution, or of what it is made of.

    >>> import pyro.distributions as dist
    >>> parameter_dtype(dist.Poisson(torch.tensor(1.0)))
    torch.float32
    """
    found = own_dtype(dist)
    if found is None and hasattr(dist, "base_dist"):
        return parameter_dtype(dist.base_dist)
    return torch.float32 if found is None else found
