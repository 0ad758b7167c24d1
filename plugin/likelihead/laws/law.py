"""What inference knows of a distribution: a law, its functions on float64 arrays, and what it claims about each."""

from __future__ import annotations

from functools import singledispatch
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from likelihead.errors import LikelihoodError
from likelihead.laws import search

Array = npt.NDArray[Any]

#: The functions about which every law makes a claim, in the order of the table.
FUNCTIONS = ("mode", "mean", "median", "quantile", "interval", "cdf", "pit")


class Claim(NamedTuple):
    """How a function is computed: "exact" (a formula or special function), "inverted" (a numerical search, to the last
    digits of float64) or "undefined"; and the convention taken or the reason."""

    how: str
    note: str = ""


EXACT = Claim("exact")
INVERTED = Claim("inverted")


def claims(default: Claim = EXACT, **others: Claim) -> dict[str, Claim]:
    """A claim about every function: `default` but where another is given.

    >>> claims(mode=INVERTED)["mode"].how
    'inverted'
    """
    return {function: others.get(function, default) for function in FUNCTIONS}


def numbers(values: torch.Tensor | float) -> Array:
    """A parameter as a float64 array."""
    return np.asarray(torch.as_tensor(values).detach().cpu().double().numpy())


class Law:
    """A distribution of numbers on the line in float64, one for each element of `shape`.

    `shape` is batch_shape + event_shape of the distribution: a law of vectors holds the marginal law of each
    coordinate. Subclasses give `cdf`, `quantile`, `mode`, `mean`, `log_density` (of the mass, where discrete).
    """

    claims: dict[str, Claim] = claims()
    #: Values are integers (counts, classes, levels).
    discrete: ClassVar[bool] = False
    #: Values are indices of classes, levels or items: results are int64.
    labels: ClassVar[bool] = False
    #: The density rises to one peak and falls, so that the shortest interval has one solution.
    unimodal: bool = True
    #: The name of the family, for messages.
    name: str = ""

    def __init__(self, **parameters: Array | float) -> None:
        arrays = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in parameters.values()))
        self.shape: tuple[int, ...] = arrays[0].shape
        for name, array in zip(parameters, arrays, strict=True):
            setattr(self, name, array)

    def refusal(self, function: str) -> LikelihoodError:
        """The error of a function that is undefined, in the words of the claim."""
        name = self.name or type(self).__name__
        return LikelihoodError(f"the {function} of {name} is undefined: {self.claims[function].note}")

    def bounds(self) -> tuple[Array, Array]:
        """The ends of the support, each of shape `shape`."""
        return np.full(self.shape, -np.inf), np.full(self.shape, np.inf)

    def mode(self) -> Array:
        raise self.refusal("mode")

    def mean(self) -> Array:
        raise self.refusal("mean")

    def quantile(self, q: Array) -> Array:
        raise self.refusal("quantile")

    def cdf(self, y: Array) -> Array:
        """P(Y <= y), y of shape (..., *shape)."""
        raise self.refusal("cdf")

    def log_density(self, y: Array) -> Array:
        raise self.refusal("interval")

    def log_density_at_rank(self, q: Array) -> Array:
        """log_density(quantile(q)), for laws that know it where the quantile itself overflows."""
        return self.log_density(self.quantile(q))

    def landmarks(self) -> Array:
        """Ranks (n, *shape) near which the density may change much, beside an even grid of them."""
        return np.empty((0, *self.shape))

    def between(self, q: Array, lower: Array, upper: Array) -> Array:
        """quantile(q), known to lie between two values: an inverted law looks there only, for some ten digits."""
        return self.quantile(q)

    def roughly(self, q: Array) -> Array:
        """quantile(q) where a few digits do."""
        return self.quantile(q)

    def below(self, y: Array) -> Array:
        """P(Y < y)."""
        return self.cdf(np.ceil(y) - 1.0) if self.discrete else self.cdf(y)

    def median(self) -> Array:
        return self.quantile(np.full(self.shape, 0.5))

    def central(self, mass: float) -> tuple[Array, Array]:
        """The interval that leaves (1 - mass) / 2 on either side."""
        return tuple(self.quantile(np.full(self.shape, q)) for q in (0.5 - mass / 2, 0.5 + mass / 2))  # type: ignore[return-value]

    def highest(self, mass: float) -> tuple[Array, Array]:
        """The shortest interval that holds `mass`."""
        return search.shortest_integers(self, mass) if self.discrete else search.shortest(self, mass)


@singledispatch
def law_of(dist: Any) -> Law:
    """The law of a distribution, by its class: each file of this package registers its families.

    Raises:
        LikelihoodError: it is no distribution.
    """
    raise LikelihoodError(f"expected a Pyro or torch distribution, got {type(dist).__name__}")


def law(dist: Any) -> Law:
    """The law of a distribution whose parameters are all finite.

    Raises:
        LikelihoodError: a parameter is NaN or infinite.
    """
    found = law_of(dist)
    found.name = found.name or type(dist).__name__
    for name, value in vars(found).items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and not np.isfinite(value).all():
            bad = int((~np.isfinite(value)).sum())
            which = f"{bad} of {value.size} values of {found.name}'s {name}"
            raise LikelihoodError(f"{which} are NaN or infinite: look at the inputs of those rows")
    return found
