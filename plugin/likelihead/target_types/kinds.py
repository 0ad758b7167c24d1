"""What a family asks of its targets, as plain data: read from its support, once, before training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.constraints import Constraint

from likelihead.errors import LikelihoodError
from likelihead.families.family import Family, read
from likelihead.families.signature import Signature, resolve

#: Raw outputs at which the density is looked at to learn whether an edge of the support can be reached.
PROBES = (0.7, -0.7)
#: A log density beyond this either way is infinite in truth: some families return a large number there.
INFINITE = 1e4
#: The size at which a family with a dimension of its own is looked at.
PROBE_SIZE = 3


@dataclass(frozen=True)
class Kind:
    """Where the targets of a family may lie.

    Attributes:
        name: the family's name, for messages.
        value: `number`, `angle`, `binary`, `label` (classes), `level` (ordered classes), `shares`, `order` (rankings),
            `one_hot` or `sphere`.
        vector: whether one row is a vector, whatever the number of independent outputs.
        whole: whether values are whole numbers.
        lower, upper: the ends of the support.
        open_lower, open_upper: whether the end itself is shut out, or has density 0 or infinity.

    >>> kind = Kind.of("poisson")
    >>> kind.value, kind.whole, kind.lower
    ('number', True, 0.0)
    >>> kind.words
    'whole numbers 0, 1, 2, …'
    """

    name: str
    value: str = "number"
    vector: bool = False
    whole: bool = False
    lower: float = -math.inf
    upper: float = math.inf
    open_lower: bool = False
    open_upper: bool = False

    @classmethod
    def of(cls, spec: str | Mapping[str, Any] | type | Family) -> Kind:
        """The kind of target of a shipped name, a mapping, a distribution class or a resolved family."""
        family = spec if isinstance(spec, Family) else probe_family(spec)
        name = family.name
        low, high = (_probe(family, raw) for raw in PROBES)
        support = _bare(low.support)
        vector = len(low.event_shape) > len(family.output_shape)
        value = _value_of(family, support, vector)
        if value not in ("number", "shares"):
            return cls(name, value, vector, whole=value not in ("angle", "sphere"))
        whole = bool(support.is_discrete)
        if value == "shares":
            shut = _is_shut(low, high, _edge_of_simplex(low))
            return cls(name, value, vector, False, 0.0, 1.0, shut, shut)
        ends, other = _ends(support), _ends(_bare(high.support))
        if ends != other:  # the ends follow the parameters, as those of a Pareto or uniform distribution do
            ends = (-math.inf, math.inf)
        open_ends = [_is_open(support, end, low, high) for end in ends]
        return cls(name, value, vector, whole, *ends, *open_ends)

    @property
    def words(self) -> str:
        """The support, for a reader."""
        if self.value in WORDS:
            return WORDS[self.value]
        noun = "whole numbers" if self.whole else "numbers"
        if math.isinf(self.lower) and math.isinf(self.upper):
            return "any whole number" if self.whole else "any real number"
        if self.whole and math.isinf(self.upper):
            start = int(self.lower)
            return f"whole numbers {start}, {start + 1}, {start + 2}, …"
        if math.isinf(self.upper):
            return f"{noun} {'above' if self.open_lower else 'not below'} {self.lower:g}"
        if math.isinf(self.lower):
            return f"{noun} {'below' if self.open_upper else 'not above'} {self.upper:g}"
        ends = " (both ends excluded)" if self.open_lower and self.open_upper else ""
        return f"{noun} between {self.lower:g} and {self.upper:g}{ends}"

    def state(self) -> dict[str, Any]:
        """The kind as a plain dict."""
        return asdict(self)


WORDS = {
    "angle": "angles in (−π, π]",
    "binary": "0 or 1, true or false, or two labels",
    "label": "class labels (text, or whole numbers not below 0)",
    "level": "ordered class labels (text with data.levels, or whole numbers not below 0)",
    "shares": "shares above 0 that sum to 1 in each row",
    "order": "rankings: every item exactly once in each row",
    "one_hot": "vectors of zeros with a single 1",
    "sphere": "vectors of length 1",
}


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


def _probe(family: Family, raw: float) -> Any:
    return at_raw(family, raw)


def _bare(support: Constraint) -> Constraint:
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    return support


def _value_of(family: Family, support: Constraint, vector: bool) -> str:
    if issubclass(family.cls, torch.distributions.VonMises):
        return "angle"
    if "ermutation" in type(support).__name__:
        return "order"
    if isinstance(support, type(constraints.simplex)):
        return "shares"
    if isinstance(support, type(constraints.one_hot)):
        return "one_hot"
    if type(support).__name__ == "_Sphere":
        return "sphere"
    if isinstance(support, type(constraints.boolean)) and not vector:
        return "binary"
    if family.event_size is not None and not vector and support.is_discrete:
        return "level" if issubclass(family.cls, dist.OrderedLogistic) else "label"
    return "number"


def _ends(support: Constraint) -> tuple[float, float]:
    ends = []
    for name, default in (("lower_bound", -math.inf), ("upper_bound", math.inf)):
        end = torch.as_tensor(getattr(support, name, default), dtype=torch.float64)
        ends.append(float(end.flatten()[0]))
    return ends[0], ends[1]


def _is_open(support: Constraint, end: float, low: Any, high: Any) -> bool:
    if math.isinf(end) or support.is_discrete:
        return False
    value = torch.full((1, *low.event_shape), end, dtype=torch.float64)
    return not bool(support.check(value).all()) or _is_shut(low, high, value)


def _is_shut(low: Any, high: Any, value: Tensor) -> bool:
    """Whether the density at `value` is 0 or infinite at one of the probes."""
    densities = torch.cat([low.log_prob(value).flatten(), high.log_prob(value).flatten()])
    return not bool((densities.abs() < INFINITE).all())


def _edge_of_simplex(low: Any) -> Tensor:
    size = low.event_shape[-1]
    value = torch.full((1, *low.event_shape), 1.0 / (size - 1), dtype=torch.float64)
    value[..., 0] = 0.0
    return value
