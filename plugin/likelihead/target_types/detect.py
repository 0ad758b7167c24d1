"""Which target type a family predicts: read from its support, once, before training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pyro.distributions as dist
import torch
from pyro.distributions import constraints as pyro_constraints
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.constraints import Constraint

from likelihead.distributions.plackett_luce import Permutation
from likelihead.errors import LikelihoodError
from likelihead.families.family import Family, read, shipped
from likelihead.families.links import base_constraint
from likelihead.families.signature import Signature, resolve
from likelihead.target_types.angle import Angle
from likelihead.target_types.classes import Binary, Class, Level
from likelihead.target_types.numbers import Count, Number, Positive, Proportion, Real
from likelihead.target_types.ranking import Ranking
from likelihead.target_types.target_type import TargetType, Values
from likelihead.target_types.vectors import OneHot, Shares, UnitVector

#: The target types by name; a distribution class may name its own as `target_type = "level"`.
TARGET_TYPES: dict[str, type[TargetType]] = {
    cls.name: cls
    for cls in (Real, Positive, Proportion, Count, Angle, Binary, Class, Level, Shares, OneHot, UnitVector, Ranking)
}
#: Raw outputs at which the density is evaluated to learn whether an end of the support has a finite one.
PROBES = (0.7, -0.7)
#: A log-density beyond this either way stands for an infinite one: some families return a large number there.
INFINITE = 1e4
#: The size at which a family with a dimension of its own is probed.
PROBE_SIZE = 3


def class_of(predicted: Any) -> type[TargetType]:
    """The target type of a distribution, from its class and support alone.

    >>> class_of(dist.Poisson(torch.ones(2))).name
    'count'
    """
    while isinstance(predicted, dist.Independent | torch.distributions.Independent):
        predicted = predicted.base_dist
    components = getattr(predicted, "component_distribution", None)
    if components is not None:
        return class_of(components)
    declared = getattr(type(predicted), "target_type", None)
    if declared is not None:
        return TARGET_TYPES[declared]
    by_class = (
        (dist.OrderedLogistic, Level),
        (torch.distributions.Categorical, Class),
        (torch.distributions.VonMises, Angle),
    )
    for cls, target_type in by_class:
        if isinstance(predicted, cls):
            return target_type
    return _class_of_support(base_constraint(predicted.support))


def _class_of_support(support: Constraint) -> type[TargetType]:
    by_support: tuple[tuple[Any, type[TargetType]], ...] = (
        (Permutation, Ranking),
        (type(constraints.simplex), Shares),
        (type(constraints.one_hot), OneHot),
        (type(pyro_constraints.sphere), UnitVector),
        (type(constraints.boolean), Binary),
    )
    for constraint, target_type in by_support:
        if isinstance(support, constraint):
            return target_type
    lower, upper = _ends(support)
    return _class_of_numbers(bool(support.is_discrete), lower, upper)


def _class_of_numbers(is_whole: bool, lower: float, upper: float) -> type[Number]:
    if is_whole:
        return Count
    if math.isinf(lower) and math.isinf(upper):
        return Real
    return Positive if math.isinf(lower) or math.isinf(upper) else Proportion


def target_type_of(spec: str | Mapping[str, Any] | type | Family) -> TargetType:
    """The target type of a shipped name, a mapping, a distribution class or a resolved family.

    >>> target_type_of("beta").words
    'numbers between 0 and 1 (both ends excluded)'
    """
    family = spec if isinstance(spec, Family) else probe_family(spec)
    low, high = (at_raw(family, raw) for raw in PROBES)
    support = base_constraint(low.support)
    is_vector = len(low.event_shape) > len(family.output_shape)
    cls = class_of(low)
    if issubclass(cls, Binary) and is_vector:
        cls = Count
    if issubclass(cls, Shares):
        return cls(family.name, is_vector, _has_no_density(low, high, _edge_of_simplex(low)))
    if not issubclass(cls, Number):
        return cls(family.name, is_vector)
    ends = _ends(support)
    if ends != _ends(base_constraint(high.support)):  # they follow the parameters, as those of a Pareto do
        ends = (-math.inf, math.inf)
    excluded = [_is_excluded(support, end, low, high) for end in ends]
    return _class_of_numbers(issubclass(cls, Count), *ends)(family.name, is_vector, *ends, *excluded)


def target_type_from(state: Mapping[str, Any]) -> TargetType:
    """The type that `TargetType.state` describes.

    Raises:
        LikelihoodError: it describes no target type.
    """
    values = dict(state)
    try:
        return TARGET_TYPES[values.pop("type")](**values)
    except (KeyError, TypeError) as error:
        raise LikelihoodError(f"{dict(state)} describes no target type; train the model again") from error


def probe_family(spec: str | Mapping[str, Any] | type, size: int | None = None) -> Family:
    """The family without data: of size `size`, or a small one where it needs a size."""
    mapping = read(spec) if isinstance(spec, str) else {"family": spec} if isinstance(spec, type) else dict(spec)
    target = mapping.get("family")
    if target is None:
        raise LikelihoodError("a distribution needs its family, such as family: pyro.distributions.Gumbel")
    signature = Signature.of(target if isinstance(target, type) else resolve(str(target)))
    return Family.of(mapping, event_size=(size or PROBE_SIZE) if signature.is_sized else None)


def at_raw(family: Family, raw: float | Mapping[str, Tensor]) -> Any:
    """The distribution at raw outputs: one number for all, or a tensor (N, *raw_shape) by name (float64)."""
    values = {}
    for name, shape in family.parameter_shapes.items():
        if not isinstance(family.roles[name], str):
            values[name] = family.number(name).double().expand(1, *shape)
            continue
        link = family.links[name]
        size = (1, *link.raw_shape(shape))
        given = torch.full(size, raw, dtype=torch.float64) if isinstance(raw, float) else raw[name]
        values[name] = link(given, torch.zeros(size, dtype=torch.float64))
    return family.build(values)


def fitting_families(values: Values) -> list[str]:
    """The shipped families whose support holds all finite rows of `values` (n, D), without directions.

    >>> "gamma" in fitting_families(np.array([[0.5], [2.0]]))
    True
    """
    values = values[np.isfinite(values).all(axis=1)]
    if not len(values):
        return []
    return [name for name, target_type in _shipped_types() if target_type.suits(values)]


@cache
def _shipped_types() -> tuple[tuple[str, TargetType], ...]:
    return tuple((name, target_type_of(name)) for name in shipped())


def _ends(support: Constraint) -> tuple[float, float]:
    ends = []
    for name, default in (("lower_bound", -math.inf), ("upper_bound", math.inf)):
        end = torch.as_tensor(getattr(support, name, default), dtype=torch.float64)
        ends.append(float(end.flatten()[0]))
    return ends[0], ends[1]


def _is_excluded(support: Constraint, end: float, low: Any, high: Any) -> bool:
    if math.isinf(end) or support.is_discrete:
        return False
    value = torch.full((1, *low.event_shape), end, dtype=torch.float64)
    return not bool(support.check(value).all()) or _has_no_density(low, high, value)


def _has_no_density(low: Any, high: Any, value: Tensor) -> bool:
    """Whether the density at `value` is 0 or infinite at one of the probes."""
    densities = torch.cat([low.log_prob(value).flatten(), high.log_prob(value).flatten()])
    return not bool((densities.abs() < INFINITE).all())


def _edge_of_simplex(low: Any) -> Tensor:
    size = low.event_shape[-1]
    value = torch.full((1, *low.event_shape), 1.0 / (size - 1), dtype=torch.float64)
    value[..., 0] = 0.0
    return value
