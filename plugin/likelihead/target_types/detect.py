"""The target type of a family, derived from its class and support."""

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

from likelihead.configs import shipped
from likelihead.distributions.plackett_luce import Permutation
from likelihead.errors import LikelihoodError
from likelihead.families.family import Family, probe_family
from likelihead.families.joint import joint_families
from likelihead.families.links import base_constraint
from likelihead.target_types.angle import Angle
from likelihead.target_types.classes import Binary, Class, Level
from likelihead.target_types.joint import JointType
from likelihead.target_types.numbers import Count, Number, Positive, Proportion, Real
from likelihead.target_types.partial_ranking import PartialRanking
from likelihead.target_types.ranking import Ranking
from likelihead.target_types.target_type import TargetType, Values
from likelihead.target_types.vectors import ClassCounts, OneHot, Shares, UnitVector

#: The target types by name; a distribution class may declare its own, as in `target_type = "level"`.
TARGET_TYPES: dict[str, type[TargetType]] = {
    cls.name: cls
    for cls in (
        Real,
        Positive,
        Proportion,
        Count,
        Angle,
        Binary,
        Class,
        Level,
        Shares,
        ClassCounts,
        OneHot,
        UnitVector,
        Ranking,
        PartialRanking,
    )
}
#: The families that an error suggests: those to start with, of which the other shipped ones are variants.
BASIC = (
    "bernoulli", "beta", "beta_proportion", "categorical", "dirichlet", "exponential", "gamma", "gaussian_mixture",
    "laplace", "log_normal", "multivariate_normal", "negative_binomial", "normal", "ordinal", "plackett_luce",
    "poisson", "student_t", "von_mises", "weibull", "zero_inflated_poisson",
)  # fmt: skip
#: Raw outputs at which the density on the boundary of the support is evaluated, to see whether it is finite.
PROBES = (0.7, -0.7)
#: Log-densities beyond ± this count as infinite: some families return a large finite number instead.
INFINITE_LOG_DENSITY = 1e4


def class_of(predicted: Any) -> type[TargetType]:
    """The target type of a distribution, derived from its class and support alone.

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
    lower, upper = _bounds(support)
    return _class_of_numbers(bool(support.is_discrete), lower, upper)


def _class_of_numbers(is_whole: bool, lower: float, upper: float) -> type[Number]:
    if is_whole:
        return Count
    if math.isinf(lower) and math.isinf(upper):
        return Real
    return Positive if math.isinf(lower) or math.isinf(upper) else Proportion


def target_type_of(spec: str | Mapping[str, Any] | type | Family) -> TargetType:
    """The target type of a family, which says what y may be and how to check, encode and score it.

    Args:
        spec: a shipped name, a mapping as in conf/distribution/*.yaml, a distribution class, or a resolved family.

    Raises:
        LikelihoodError: an unknown distribution, or a mapping that does not fit it.

    >>> target_type_of("beta").support_text
    'numbers between 0 and 1 (both ends excluded)'
    """
    families = joint_families(spec)
    if families is not None:
        return JointType.of({name: target_type_of(family) for name, family in families.items()})
    family = spec if isinstance(spec, Family) else probe_family(spec)
    low, high = (distribution_at(family, raw) for raw in PROBES)
    support = base_constraint(low.support)
    is_vector = len(low.event_shape) > len(family.output_shape)
    cls = class_of(low)
    if issubclass(cls, Binary) and is_vector:
        cls = Count
    if issubclass(cls, Shares):
        return cls(family.name, is_vector, _has_no_density(low, high, _point_on_boundary(low)))
    if not issubclass(cls, Number):
        return cls(family.name, is_vector)
    bounds = _bounds(support)
    if bounds != _bounds(base_constraint(high.support)):  # they depend on the parameters, as those of a Pareto do
        bounds = (-math.inf, math.inf)
    excluded = [_is_excluded(support, bound, low, high) for bound in bounds]
    return _class_of_numbers(issubclass(cls, Count), *bounds)(family.name, is_vector, *bounds, *excluded)


def target_type_from(state: Mapping[str, Any]) -> TargetType:
    """Rebuild a target type from its `TargetType.state()`.

    Raises:
        LikelihoodError: the state does not describe a target type.
    """
    values = dict(state)
    try:
        return TARGET_TYPES[values.pop("type")](**values)
    except (KeyError, TypeError) as error:
        raise LikelihoodError(f"{dict(state)} does not describe a target type: train the model again") from error


def distribution_at(family: Family, raw: float | Mapping[str, Tensor]) -> Any:
    """The distribution at raw outputs, in float64: one number for all, or a tensor (N, *raw_shape) per parameter."""
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
    """The families to start with, without those of directions, whose support contains all finite rows of values (n, D).

    >>> "gamma" in fitting_families(np.array([[0.5], [2.0]]))
    True
    """
    values = values[np.isfinite(values).all(axis=1)]
    if not len(values):
        return []
    return [name for name, target_type in _basic_types() if target_type.suits(values)]


@cache
def _basic_types() -> tuple[tuple[str, TargetType], ...]:
    return tuple((name, target_type_of(name)) for name in shipped() if name in BASIC)


def _bounds(support: Constraint) -> tuple[float, float]:
    bounds = []
    for name, default in (("lower_bound", -math.inf), ("upper_bound", math.inf)):
        bound = torch.as_tensor(getattr(support, name, default), dtype=torch.float64)
        bounds.append(float(bound.flatten()[0]))
    return bounds[0], bounds[1]


def _is_excluded(support: Constraint, bound: float, low: Any, high: Any) -> bool:
    if math.isinf(bound) or support.is_discrete:
        return False
    value = torch.full((1, *low.event_shape), bound, dtype=torch.float64)
    return not bool(support.check(value).all()) or _has_no_density(low, high, value)


def _has_no_density(low: Any, high: Any, value: Tensor) -> bool:
    """Whether the density at `value` is 0 or infinite at one of the probes."""
    log_densities = torch.cat([low.log_prob(value).flatten(), high.log_prob(value).flatten()])
    return not bool((log_densities.abs() < INFINITE_LOG_DENSITY).all())


def _point_on_boundary(low: Any) -> Tensor:
    """A point on the boundary of the simplex, (1, *event_shape)."""
    size = low.event_shape[-1]
    value = torch.full((1, *low.event_shape), 1.0 / (size - 1), dtype=torch.float64)
    value[..., 0] = 0.0
    return value
