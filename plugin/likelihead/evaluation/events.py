"""Events such as `y>10`, `10<y<=20` and `species=setosa`, and their predicted probabilities."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likelihead.errors import LikelihoodError, suggest
from likelihead.laws.law import Law, law
from likelihead.target_types.detect import class_of
from likelihead.target_types.target_type import TargetColumns

_COMPARISON = re.compile(r"(<=|>=|==|!=|<|>|=)")
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
_FORM = "write it as y>10, y<=3, 10<y<=20 or y=setosa"


@dataclass(frozen=True)
class Event:
    """Conditions on one target, all of which must hold.

    Attributes:
        text: the event as it was written, without spaces.
        target: the name of the target.
        conditions: a comparison (`<`, `<=`, `>`, `>=`, `=` or `!=`) and a value for each condition.
    """

    text: str
    target: str
    conditions: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str, names: Sequence[str]) -> Event:
        """Read an event.

        Args:
            text: one comparison with a value, or a range such as `10<y<=20`.
            names: the target columns; a single one may also be called `y`.

        Raises:
            LikelihoodError: another form, or an unknown target.

        >>> Event.parse("10 < y <= 20", ["amount"]).conditions
        (('>', '10'), ('<=', '20'))
        """
        parts = [part.strip() for part in _COMPARISON.split(str(text))]
        parts[1::2] = ["=" if sign == "==" else sign for sign in parts[1::2]]
        if (len(parts) == 5 and {*parts[1::2]} <= {"<", "<="}) or (len(parts) == 5 and {*parts[1::2]} <= {">", ">="}):
            target, conditions = parts[2], [(_FLIPPED[parts[1]], parts[0]), (parts[3], parts[4])]
        elif len(parts) == 3 and parts[2] in _names(names) and parts[0] not in _names(names):
            target, conditions = parts[2], [(_FLIPPED[parts[1]], parts[0])]
        elif len(parts) == 3:
            target, conditions = parts[0], [(parts[1], parts[2])]
        else:
            raise LikelihoodError(f"probability={text!r} is not an event: {_FORM}")
        if not all(value for _, value in conditions):
            raise LikelihoodError(f"probability={text!r} compares with nothing: {_FORM}")
        if target not in _names(names):
            hint = suggest(target, _names(names))
            raise LikelihoodError(f"probability={text!r} names {target!r}, which is not a target: {hint}")
        return cls("".join(parts), names[0] if len(names) == 1 else target, tuple(conditions))

    def probability(self, predicted: Any, columns: TargetColumns) -> NDArray[np.float64]:
        """The probability of the event for each row, (n,).

        Args:
            predicted: a distribution of batch_shape (n,).
            columns: the target columns, with the names of classes and the unit of angles.

        Raises:
            LikelihoodError: a value that the target cannot have, an order of classes that have none, a single value of
                a continuous target, or a distribution without a cdf.

        >>> import torch
        >>> from pyro.distributions import Poisson
        >>> Event.parse("y>=1", ["y"]).probability(Poisson(torch.ones(1)), TargetColumns(["y"])).round(4)
        array([0.6321])
        """
        target_type = class_of(predicted)(type(predicted).__name__)
        its_law = law(predicted)
        for sign, _ in self.conditions:
            self._check(sign, its_law, target_type.has_order)
        values = [(sign, target_type.threshold(text, columns)) for sign, text in self.conditions]
        with np.errstate(all="ignore"):
            total = sum((_measure(its_law, sign, value) for sign, value in values), start=1.0 - len(values))
        probability = np.clip(np.asarray(total, dtype=np.float64), 0.0, 1.0)
        return probability if probability.ndim == 1 else probability[:, columns.names.index(self.target)]

    def _check(self, sign: str, its_law: Law, is_ordered: bool) -> None:
        what = f"probability={self.text}"
        if its_law.claims["cdf"].how == "undefined":
            raise LikelihoodError(f"{what}: the probability of an event is undefined for {its_law.name}")
        if sign not in ("=", "!=") and not is_ordered:
            raise LikelihoodError(f"{what}: the classes of {its_law.name} have no order: ask for one of them, y=CLASS")
        if sign in ("=", "!=") and not (its_law.discrete or its_law.atom):
            raise LikelihoodError(
                f"{what}: {its_law.name} is continuous, so that any single value has probability 0: ask for a range, "
                "such as 9<y<11"
            )


def _names(names: Sequence[str]) -> list[str]:
    return [*names, "y"] if len(names) == 1 else list(names)


def _measure(its_law: Law, sign: str, value: float) -> NDArray[np.float64]:
    """P(Y sign value), of the law's shape."""
    at = np.full(its_law.shape, value)
    if sign in ("=", "!="):
        equal = _equal(its_law, value, at)
        return equal if sign == "=" else 1.0 - equal
    lower = its_law.cdf(at) if sign in ("<=", ">") else its_law.below(at)
    return lower if sign in ("<=", "<") else 1.0 - lower


def _equal(its_law: Law, value: float, at: NDArray[np.float64]) -> NDArray[np.float64]:
    if not its_law.discrete:
        return its_law.cdf(at) - its_law.below(at)
    if its_law.probabilities is None:
        return np.exp(its_law.log_density(at)) if value == np.floor(value) else np.zeros(its_law.shape)
    is_value = value == np.floor(value) and 0 <= value < its_law.probabilities.shape[-1]
    found: NDArray[np.float64] = its_law.probabilities[..., int(value)] if is_value else np.zeros(its_law.shape)
    return found
