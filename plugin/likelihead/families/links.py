"""Links: smooth maps from raw outputs on the real line to a parameter's constraint, each with an inverse.

A link is anchored. Raw output 0 gives the value at the anchor, and the anchor is `link.inverse(value)`; so a start is
written in natural units. Anchor 0 is the plain link.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import constraints, transform_to
from torch.distributions.constraints import Constraint
from torch.nn import functional

from likelihead.errors import LikelihoodError

#: Beyond a factor of exp(±15), 3 million either way, exp is continued so that it stays finite and alive.
BEND = 15.0


class Link(ABC):
    """Maps raw outputs (..., *raw_shape) to values (..., *shape) that satisfy a constraint."""

    def raw_shape(self, shape: torch.Size) -> torch.Size:
        """The shape of the raw outputs behind one value of `shape`."""
        return shape

    def factors(self, raw_shape: torch.Size) -> Tensor:
        """True where a raw output acts as a factor (its unit is 1), false where it is measured in a unit of its own."""
        return torch.zeros(raw_shape, dtype=torch.bool)

    @abstractmethod
    def __call__(self, raw: Tensor, anchor: Tensor) -> Tensor:
        """The value, (..., *shape), of the raw outputs (..., *raw_shape) around `anchor`, which broadcasts."""

    @abstractmethod
    def inverse(self, value: Tensor) -> Tensor:
        """The anchor (..., *raw_shape) at which raw output 0 gives `value` (..., *shape)."""


class Identity(Link):
    """Real parameters: value = anchor + raw."""

    def __call__(self, raw: Tensor, anchor: Tensor) -> Tensor:
        return anchor + raw

    def inverse(self, value: Tensor) -> Tensor:
        return value


def bent_exp(raw: Tensor, floor: float = 0.0) -> Tensor:
    """exp(raw) where models live, finite, smooth and alive everywhere.

    Above raw = 15 it goes on linearly. Below, from raw = -15 or from where exp(raw) is twice the floor, it goes on as
    a reciprocal that tends to the floor. Value and slope are continuous at both ends.

    >>> bent_exp(torch.tensor([-1000.0, 0.0, 1000.0])) > 0
    tensor([True, True, True])
    """
    low = max(-BEND, math.log(2.0 * floor)) if floor > 0 else -BEND
    start = math.exp(low)
    inside = raw.clamp(low, BEND).exp() * (1.0 + (raw - BEND).clamp(min=0.0))
    below = (low - raw).clamp(min=0.0)
    tail = floor + (start - floor) / (1.0 + below * (start / (start - floor)))
    return torch.where(raw < low, tail, inside)


class Exp(Link):
    """Positive parameters, above `lower`: value = lower + exp(anchor) * exp(raw), raw outputs act as factors."""

    def __init__(self, lower: float = 0.0, floor: float = 0.0) -> None:
        self.lower, self.floor = lower, floor

    def factors(self, raw_shape: torch.Size) -> Tensor:
        return torch.ones(raw_shape, dtype=torch.bool)

    def __call__(self, raw: Tensor, anchor: Tensor) -> Tensor:
        value = anchor.exp() * bent_exp(raw, self.floor)
        return value + self.lower if self.lower else value

    def inverse(self, value: Tensor) -> Tensor:
        return (value - self.lower).log()


class Softplus(Link):
    """Positive parameters, above `lower`: value = lower + floor + log(1 + exp(anchor + raw))."""

    def __init__(self, lower: float = 0.0, floor: float = 0.0) -> None:
        self.offset = lower + floor

    def __call__(self, raw: Tensor, anchor: Tensor) -> Tensor:
        value = functional.softplus(anchor + raw)
        return value + self.offset if self.offset else value

    def inverse(self, value: Tensor) -> Tensor:
        value = value - self.offset
        return value + torch.log(-torch.expm1(-value))


class Upper(Link):
    """Parameters below `upper`: value = upper - exp(anchor) * exp(raw)."""

    def __init__(self, upper: float) -> None:
        self.upper, self.exp = upper, Exp()

    def factors(self, raw_shape: torch.Size) -> Tensor:
        return self.exp.factors(raw_shape)

    def __call__(self, raw: Tensor, anchor: Tensor) -> Tensor:
        return self.upper - self.exp(raw, anchor)

    def inverse(self, value: Tensor) -> Tensor:
        return self.exp.inverse(self.upper - value)


class Logistic(Link):
    """Parameters in an interval: the logistic sigmoid, kept 1e-6 of the width away from both ends."""

    margin = 1e-6

    def __init__(self, lower: float, upper: float) -> None:
        width = upper - lower
        self.start, self.width = lower + self.margin * width, width * (1.0 - 2.0 * self.margin)

    def __call__(self, raw: Tensor, anchor: Tensor) -> Tensor:
        return self.start + self.width * torch.sigmoid(anchor + raw)

    def inverse(self, value: Tensor) -> Tensor:
        return torch.logit((value - self.start) / self.width, eps=1e-12)


class LowerCholesky(Link):
    """Lower triangular matrices with a positive diagonal, (d, d), packed into d(d+1)/2 raw outputs.

    The first d raw outputs are factors of the diagonal, the others add to the entries below it, row by row.
    """

    def __init__(self, floor: float = 0.0) -> None:
        self.exp = Exp(floor=floor)

    def raw_shape(self, shape: torch.Size) -> torch.Size:
        size = shape[-1]
        return torch.Size((*shape[:-2], size * (size + 1) // 2))

    def factors(self, raw_shape: torch.Size) -> Tensor:
        return (torch.arange(raw_shape[-1]) < self._size(raw_shape[-1])).expand(raw_shape)

    @staticmethod
    def _size(packed: int) -> int:
        return (math.isqrt(8 * packed + 1) - 1) // 2

    def __call__(self, raw: Tensor, anchor: Tensor) -> Tensor:
        size = self._size(raw.shape[-1])
        diagonal = self.exp(raw[..., :size], anchor[..., :size])
        below = raw[..., size:] + anchor[..., size:]
        entries = torch.cat([diagonal, below, torch.zeros_like(diagonal[..., :1])], dim=-1)
        return entries[..., self._places(size).to(raw.device)].unflatten(-1, (size, size))

    @staticmethod
    def _places(size: int) -> Tensor:
        """Which packed entry stands where in the flattened matrix; the last one is the zero above the diagonal."""
        row, column = torch.tril_indices(size, size, offset=-1)
        places = torch.full((size, size), size * (size + 1) // 2)
        places[range(size), range(size)] = torch.arange(size)
        places[row, column] = size + torch.arange(len(row))
        return places.flatten()

    def inverse(self, value: Tensor) -> Tensor:
        row, column = torch.tril_indices(value.shape[-1], value.shape[-1], offset=-1)
        diagonal = self.exp.inverse(value.diagonal(dim1=-2, dim2=-1))
        return torch.cat([diagonal, value[..., row, column]], dim=-1)


class PositiveDefinite(Link):
    """Symmetric positive definite matrices, (d, d), through their Cholesky factor."""

    def __init__(self, floor: float = 0.0) -> None:
        self.factor = LowerCholesky(floor)

    def raw_shape(self, shape: torch.Size) -> torch.Size:
        return self.factor.raw_shape(shape)

    def factors(self, raw_shape: torch.Size) -> Tensor:
        return self.factor.factors(raw_shape)

    def __call__(self, raw: Tensor, anchor: Tensor) -> Tensor:
        lower = self.factor(raw, anchor)
        return lower @ lower.mT

    def inverse(self, value: Tensor) -> Tensor:
        return self.factor.inverse(torch.linalg.cholesky(value))


class Ordered(Link):
    """Increasing vectors (K,): the first entry is real, the others follow at distances that are factors."""

    def __init__(self, floor: float = 0.0) -> None:
        self.exp = Exp(floor=floor)

    def factors(self, raw_shape: torch.Size) -> Tensor:
        return (torch.arange(raw_shape[-1]) > 0).expand(raw_shape)

    def __call__(self, raw: Tensor, anchor: Tensor) -> Tensor:
        first = raw[..., :1] + anchor[..., :1]
        return torch.cat([first, first + self.exp(raw[..., 1:], anchor[..., 1:]).cumsum(-1)], dim=-1)

    def inverse(self, value: Tensor) -> Tensor:
        return torch.cat([value[..., :1], self.exp.inverse(value.diff(dim=-1))], dim=-1)


class Transformed(Link):
    """Any other constraint that torch knows how to reach, through `torch.distributions.transform_to`."""

    def __init__(self, constraint: Constraint) -> None:
        self.transform = transform_to(constraint)

    def raw_shape(self, shape: torch.Size) -> torch.Size:
        return torch.Size(self.transform.inverse_shape(shape))

    def __call__(self, raw: Tensor, anchor: Tensor) -> Tensor:
        return self.transform(anchor + raw)

    def inverse(self, value: Tensor) -> Tensor:
        return self.transform.inv(value)


#: Links by the name that `links: {scale: softplus}` takes.
NAMED: dict[str, Callable[..., Link]] = {"exp": Exp, "softplus": Softplus}


def base_constraint(constraint: Constraint) -> Constraint:
    """The constraint of one element: `independent` wrappers only say which dimensions belong together."""
    while isinstance(constraint, constraints.independent):
        constraint = constraint.base_constraint
    return constraint


def is_discrete(constraint: Constraint) -> bool:
    """Whether a constraint allows separate values only; dependent constraints that cannot tell do not."""
    try:
        return bool(base_constraint(constraint).is_discrete)
    except NotImplementedError:
        return False


def _link_of(constraint: Constraint, floor: float) -> Link:
    if isinstance(constraint, type(constraints.real)):
        return Identity()
    if isinstance(constraint, constraints.greater_than | constraints.greater_than_eq):
        return Exp(float(constraint.lower_bound), floor)
    if isinstance(constraint, constraints.less_than):
        return Upper(float(constraint.upper_bound))
    if isinstance(constraint, constraints.interval | constraints.half_open_interval):
        return Logistic(float(constraint.lower_bound), float(constraint.upper_bound))
    if isinstance(constraint, type(constraints.lower_cholesky) | type(constraints.lower_triangular)):
        return LowerCholesky(floor)
    if isinstance(constraint, type(constraints.positive_definite)):
        return PositiveDefinite(floor)
    if str(constraint) == "OrderedVector()":
        return Ordered(floor)
    return Transformed(constraint)


def link_for(constraint: Constraint, name: str | None = None, floor: float = 0.0) -> Link:
    """The link to `constraint`: the default one, or the one that `name` asks for.

    `floor` is the smallest value of a positive parameter, as a share of the anchor's value (of 1 for a plain link).

    Raises:
        LikelihoodError: the constraint cannot be reached from the real line (an integer), or `name` is unknown.

    >>> link_for(constraints.positive)(torch.tensor(0.5), torch.tensor(0.0)) == torch.tensor(0.5).exp()
    tensor(True)
    """
    base = base_constraint(constraint)
    if is_discrete(base):
        raise LikelihoodError(f"no gradient reaches a parameter that must satisfy {base}; give it as a number")
    if name is None:
        try:
            return _link_of(base, floor)
        except (NotImplementedError, AttributeError) as error:
            raise LikelihoodError(
                f"no link is known to the constraint {base}; give the parameter as a number"
            ) from error
    if name == "identity":
        return Identity()
    if name not in NAMED:
        raise LikelihoodError(f"unknown link {name!r}; the links are identity, {', '.join(sorted(NAMED))}")
    if not isinstance(base, constraints.greater_than | constraints.greater_than_eq):
        raise LikelihoodError(f"the link {name!r} reaches positive parameters, not {base}")
    return NAMED[name](float(base.lower_bound), floor)
