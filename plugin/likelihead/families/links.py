"""Links: smooth maps from raw outputs on the real line to a parameter's constraint, each with an inverse.

A link is anchored: raw output 0 gives the value at the anchor, and the anchor of a value is `link.inverse(value)`, so
that starting values are written in natural units. With anchor 0 a link is plain.
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

#: Outside ±EXP_RANGE, factors of three million, exp is extended so that value and gradient neither overflow nor vanish.
EXP_RANGE = 15.0


class Link(ABC):
    """Maps raw outputs (..., *raw_shape) to values (..., *shape) that satisfy a constraint."""

    are_factors = False

    def raw_shape(self, shape: torch.Size) -> torch.Size:
        """The shape of the raw outputs that give one value of `shape`."""
        return shape

    def factors(self, raw_shape: torch.Size) -> Tensor:
        """True for raw outputs that act as factors or log-odds, whose unit is 1; false for those with their own."""
        return torch.full(raw_shape, self.are_factors)

    @abstractmethod
    def __call__(self, raw: Tensor, anchor: Tensor) -> Tensor:
        """The values (..., *shape) of raw outputs (..., *raw_shape) at `anchor`, which broadcasts against them."""

    @abstractmethod
    def inverse(self, value: Tensor) -> Tensor:
        """The anchor (..., *raw_shape) at which raw output 0 gives `value` (..., *shape)."""


class Identity(Link):
    """Real parameters: value = anchor + raw."""

    def __call__(self, raw: Tensor, anchor: Tensor) -> Tensor:
        return anchor + raw

    def inverse(self, value: Tensor) -> Tensor:
        return value


def extended_exp(raw: Tensor, floor: float = 0.0) -> Tensor:
    """exp(raw) in the usual range, extended so that it is finite and smooth with a positive gradient everywhere.

    Above raw = 15 the extension is linear. Below raw = -15, or below the point where exp(raw) is twice the floor, it
    is a reciprocal that tends to the floor. Value and slope are continuous at both ends.

    >>> extended_exp(torch.tensor([-1000.0, 0.0, 1000.0])) > 0
    tensor([True, True, True])
    """
    low = max(-EXP_RANGE, math.log(2.0 * floor)) if floor > 0 else -EXP_RANGE
    start = math.exp(low)
    inside = raw.clamp(low, EXP_RANGE).exp() * (1.0 + (raw - EXP_RANGE).clamp(min=0.0))
    below = (low - raw).clamp(min=0.0)
    tail = floor + (start - floor) / (1.0 + below * (start / (start - floor)))
    return torch.where(raw < low, tail, inside)


class Exp(Link):
    """Parameters above `lower`: value = lower + exp(anchor) * exp(raw); raw outputs act as factors."""

    are_factors = True

    def __init__(self, lower: float = 0.0, floor: float = 0.0) -> None:
        self.lower, self.floor = lower, floor

    def __call__(self, raw: Tensor, anchor: Tensor) -> Tensor:
        value = anchor.exp() * extended_exp(raw, self.floor)
        return value + self.lower if self.lower else value

    def inverse(self, value: Tensor) -> Tensor:
        return (value - self.lower).log()


class Softplus(Link):
    """Parameters above `lower`: value = lower + floor + log(1 + exp(anchor + raw))."""

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

    are_factors = True

    def __init__(self, upper: float) -> None:
        self.upper, self.exp = upper, Exp()

    def __call__(self, raw: Tensor, anchor: Tensor) -> Tensor:
        return self.upper - self.exp(raw, anchor)

    def inverse(self, value: Tensor) -> Tensor:
        return self.exp.inverse(self.upper - value)


class Logistic(Link):
    """Parameters in an interval: the logistic sigmoid, kept 1e-6 of the width away from both ends."""

    are_factors = True
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

    The first d raw outputs are factors of the diagonal, the others are added to the entries below it, row by row.
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
        return entries[..., self._positions(size).to(raw.device)].unflatten(-1, (size, size))

    @staticmethod
    def _positions(size: int) -> Tensor:
        """The packed position of each entry of the flattened matrix; above the diagonal that of the zero at the end."""
        row, column = torch.tril_indices(size, size, offset=-1)
        positions = torch.full((size, size), size * (size + 1) // 2)
        positions[range(size), range(size)] = torch.arange(size)
        positions[row, column] = size + torch.arange(len(row))
        return positions.flatten()

    def inverse(self, value: Tensor) -> Tensor:
        row, column = torch.tril_indices(value.shape[-1], value.shape[-1], offset=-1)
        diagonal = self.exp.inverse(value.diagonal(dim1=-2, dim2=-1))
        return torch.cat([diagonal, value[..., row, column]], dim=-1)


class PositiveDefinite(Link):
    """Symmetric positive definite matrices, (d, d), by way of their Cholesky factor."""

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
    """Increasing vectors (K,): the first entry is real, and raw outputs are factors of the differences to the next."""

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
    """Any other constraint for which `torch.distributions.transform_to` has a transform."""

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
    """The constraint without what only declares the dimensions of an event or of a mixture's components."""
    while isinstance(constraint, constraints.independent | constraints.MixtureSameFamilyConstraint):
        constraint = constraint.base_constraint
    return constraint


def is_discrete(constraint: Constraint) -> bool:
    """Whether a constraint is discrete; dependent constraints that cannot tell count as continuous."""
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
    """The link to `constraint`: the default one, or the one called `name`.

    Args:
        constraint: the constraint of a parameter.
        name: `identity`, `exp` or `softplus`; None for the default.
        floor: the smallest value of a positive parameter, as a fraction of its value at the anchor.

    Raises:
        LikelihoodError: no link reaches the constraint (integers), `name` is unknown, or it does not fit the
            constraint.

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
                f"there is no link to the constraint {base}; give the parameter as a number"
            ) from error
    if name == "identity":
        return Identity()
    if name not in NAMED:
        raise LikelihoodError(f"unknown link {name!r}; the links are identity, {', '.join(sorted(NAMED))}")
    if not isinstance(base, constraints.greater_than | constraints.greater_than_eq):
        raise LikelihoodError(f"the link {name!r} reaches positive parameters, not {base}")
    return NAMED[name](float(base.lower_bound), floor)
