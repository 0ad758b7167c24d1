"""What the keys of a distribution's mapping make of a univariate class: limits, a spline, masses at 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.distributions.constraints import Constraint

from likelihead.distributions.ones import HurdleOne
from likelihead.distributions.spline import Spline
from likelihead.distributions.truncated import Truncated
from likelihead.distributions.zeros import Hurdle, ZeroInflated
from likelihead.errors import LikelihoodError, suggest
from likelihead.families.signature import Signature

#: The most bins of a spline.
MOST_BINS = 50


@dataclass(frozen=True)
class Wrapping:
    """What one key makes of a distribution.

    Attributes:
        cls: the class of what it makes, which takes the distribution, the added parameters and the settings.
        name: the name of the family, with {} for that of what is wrapped.
        shapes: the shape of each added parameter in one row.
        settings: further arguments of the class.
    """

    cls: type
    name: str
    shapes: dict[str, tuple[int, ...]]
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def constraints(self) -> dict[str, Constraint]:
        """The constraint of each added parameter."""
        declared: Mapping[str, Constraint] = self.cls.arg_constraints  # type: ignore[attr-defined]
        return {name: declared[name] for name in self.shapes}

    def build(self, base: Any, values: Mapping[str, Tensor]) -> Any:
        """The wrapped distribution; `values` holds the added parameters, and may hold others."""
        own = {name: values[name] for name in self.shapes}
        return self.cls(base, **own, **self.settings, validate_args=False)


def _limits(value: Any) -> Wrapping:
    is_pair = isinstance(value, Sequence) and len(value) == 2
    if not is_pair or not all(end is None or isinstance(end, int | float) for end in value) or value == [None, None]:
        raise LikelihoodError(f"limits is {value!r}: give a lower and an upper limit, such as [0, null] or [0, 10]")
    low, high = (
        end if given is None else float(given) for given, end in zip(value, (-math.inf, math.inf), strict=True)
    )
    return Wrapping(Truncated, "truncated {}", {}, {"low": low, "high": high})


def _spline(value: Any) -> Wrapping:
    if not isinstance(value, int) or isinstance(value, bool) or not 2 <= value <= MOST_BINS:
        raise LikelihoodError(f"spline is {value!r}: give its number of bins, 2 to {MOST_BINS}, such as 8")
    return Wrapping(Spline, "spline {}", {"widths": (value,), "heights": (value,), "slopes": (value + 1,)})


def _zeros(value: Any) -> Wrapping:
    choices = {"inflated": ZeroInflated, "hurdle": Hurdle}
    if value not in choices:
        raise LikelihoodError(f"zeros is {value!r}: {suggest(str(value), choices)}, or leave it out")
    return Wrapping(choices[value], "zero-inflated {}" if value == "inflated" else "hurdle {}", {"gate_logits": ()})


def _ones(value: Any) -> Wrapping:
    if value != "hurdle":
        raise LikelihoodError(f"ones is {value!r}: {suggest(str(value), ['hurdle'])}, or leave it out")
    return Wrapping(HurdleOne, "{} with ones", {"one_logits": ()})


#: The keys, in the order in which they wrap.
WRAPPINGS: dict[str, Callable[[Any], Wrapping]] = {
    "limits": _limits,
    "spline": _spline,
    "ones": _ones,
    "zeros": _zeros,
}
#: What a class must be to be wrapped, for messages.
_WHAT = {
    "limits": "continuous families of numbers",
    "spline": "continuous families of numbers",
    "zeros": "families of counts or positive numbers without extra zeros of their own",
    "ones": "families of proportions",
}


def wrappings_of(signature: Signature, mapping: Mapping[str, Any]) -> list[Wrapping]:
    """What the keys of a mapping make of a class, the innermost first.

    Raises:
        LikelihoodError: an unknown value of a key, or a class that cannot be wrapped so.
    """
    found = []
    for key, choose in WRAPPINGS.items():
        value = mapping.get(key)
        if value is None:
            continue
        wrapping = choose(value)
        if signature.is_sized or set(wrapping.shapes) & set(signature.constraints):
            raise LikelihoodError(
                f"{key}={value} is for {_WHAT[key]}, and {signature.cls.__name__} is none: leave it out"
            )
        found.append(wrapping)
    return found


def added_constraints(wrappings: Sequence[Wrapping]) -> dict[str, Constraint]:
    """The constraint of each parameter that the wrappings add."""
    return {name: constraint for wrapping in wrappings for name, constraint in wrapping.constraints.items()}
