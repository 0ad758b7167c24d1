"""Predicted distributions joined, sliced and moved, as their parameters are."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from likelihead.distributions.wrapped import Wrapped
from likelihead.errors import LikelihoodError

#: What makes one tensor of the same parameter of several distributions.
Combine = Callable[[Sequence[Tensor]], Tensor]


def concatenate(dists: Sequence[Any]) -> Any:
    """The distributions of several batches as one, along the first batch dimension.

    Args:
        dists: of one family and event_shape, as a Trainer's `predict` gives them, batch by batch.

    Raises:
        LikelihoodError: there are none, or they are of different families.

    >>> from pyro.distributions import Normal
    >>> concatenate([Normal(torch.zeros(2), 1.0), Normal(torch.ones(3), 2.0)]).scale
    tensor([1., 1., 2., 2., 2.])
    """
    if not dists:
        raise LikelihoodError("there are no distributions to concatenate")
    names = {type(dist).__name__ for dist in dists}
    if len(names) > 1:
        raise LikelihoodError(f"distributions of different families cannot be joined: {', '.join(sorted(names))}")
    return combined(dists, lambda parts: torch.cat(list(parts)))


def select(dist: Any, index: Any) -> Any:
    """The distributions of some rows: what `index` selects of the first batch dimension.

    Args:
        dist: batch_shape (n, …).
        index: a slice, whole numbers (m,), or a mask (n,).

    >>> from pyro.distributions import Poisson
    >>> select(Poisson(torch.tensor([1.0, 2.0, 3.0])), slice(1, None)).rate
    tensor([2., 3.])
    """
    return combined([dist], lambda parts: parts[0][index])


def move(dist: Any, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Any:
    """The distribution with its parameters on another device, or in another floating-point dtype.

    >>> from pyro.distributions import Normal
    >>> move(Normal(torch.zeros(1), 1.0), dtype=torch.float64).loc.dtype
    torch.float64
    """
    return combined([dist], lambda parts: parts[0].to(device, dtype if parts[0].is_floating_point() else None))


def combined(dists: Sequence[Any], combine: Combine) -> Any:
    """The distribution whose parameters are those of `dists`, combined; all of one family."""
    first = dists[0]
    if isinstance(first, torch.distributions.Independent):
        base = combined([dist.base_dist for dist in dists], combine)
        return base.to_event(first.reinterpreted_batch_ndims)
    if isinstance(first, torch.distributions.MixtureSameFamily):
        weights, components = (
            combined([getattr(dist, name) for dist in dists], combine)
            for name in ("mixture_distribution", "component_distribution")
        )
        return type(first)(weights, components, validate_args=False)
    if isinstance(first, Wrapped):
        base = combined([dist.base_dist for dist in dists], combine)
        each = [dist.own_parameters() for dist in dists]
        return first.rebuilt(base, {name: combine([values[name] for values in each]) for name in each[0]})
    parameters = {name: combine([_expanded(dist, name) for dist in dists]) for name in given_parameters(first)}
    try:
        return type(first)(**parameters, validate_args=False)
    except TypeError as error:
        raise LikelihoodError(f"{type(first).__name__} cannot be built from its parameters alone: {error}") from error


def _expanded(dist: Any, name: str) -> Tensor:
    """A parameter with all dimensions of the batch: (*batch_shape, *parameter_shape)."""
    value: Tensor = getattr(dist, name)
    own = max(0, type(dist).arg_constraints[name].event_dim)
    return value.expand(*dist.batch_shape, *value.shape[value.dim() - own :])


def given_parameters(dist: Any) -> list[str]:
    """The parameters that a distribution was built from, in the order in which its class declares them."""
    return [name for name in type(dist).arg_constraints if _is_given(dist, name)]


def _is_given(dist: Any, name: str) -> bool:
    """Whether a parameter was given, or is a plain property; not an alternative parametrisation, computed lazily."""
    return name in vars(dist) or isinstance(inspect.getattr_static(type(dist), name, None), property)
