"""What is known of a distribution: a law, its functions on float64 arrays, and what it claims about each."""

from __future__ import annotations

from functools import singledispatch
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from likelihead.errors import LikelihoodError
from likelihead.laws.crps import RANKS, crps_by_quadrature, crps_by_summation
from likelihead.laws.energy import sampled_energy
from likelihead.laws.float64 import in_float64
from likelihead.laws.shortest import shortest, shortest_integers

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
#: How many points tell a law with several peaks apart.
_NODES = 97
#: The note on a law of vectors.
MARGINAL = "of each coordinate's marginal"


def claims(default: Claim = EXACT, **others: Claim) -> dict[str, Claim]:
    """A claim about every function: `default` but where another is given.

    >>> claims(mode=INVERTED)["mode"].how
    'inverted'
    """
    return {function: others.get(function, default) for function in FUNCTIONS}


def numbers(values: Any) -> Array:
    """A tensor or a number as a float64 array."""
    return np.asarray(torch.as_tensor(values).detach().cpu().double().numpy())


class Law:
    """A distribution of numbers on the line in float64, one for each element of `shape`.

    `shape` is batch_shape + event_shape of the distribution: a law of vectors holds the marginal law of each
    coordinate. A subclass defines `cdf`, `quantile`, `mode` and `mean`, and `crps` if there is a closed form;
    the density is that of the distribution. The whole law of a family with one parameter:

    >>> import pyro.distributions as dist
    >>> class RayleighLaw(Law):
    ...     scale: Array
    ...
    ...     def cdf(self, y):
    ...         return -np.expm1(-0.5 * (np.maximum(y, 0.0) / self.scale) ** 2)
    ...
    ...     def quantile(self, q):
    ...         return self.scale * np.sqrt(-2.0 * np.log1p(-q))
    ...
    ...     def mode(self):
    ...         return self.scale
    ...
    ...     def mean(self):
    ...         return self.scale * np.sqrt(np.pi / 2.0)
    >>> twin = dist.Weibull(2.0**0.5 * torch.tensor(3.0), torch.tensor(2.0))
    >>> float(RayleighLaw(twin, scale=3.0).mode())
    3.0
    """

    claims: dict[str, Claim] = claims()
    #: Values are integers (counts, classes, levels).
    discrete: ClassVar[bool] = False
    #: Some single value of a continuous law has a probability above 0.
    atom: ClassVar[bool] = False
    #: Values are indices of classes, levels or items: results are int64.
    labels: ClassVar[bool] = False
    #: Values are directions, whose quantiles depend on where the circle is cut open.
    on_circle: ClassVar[bool] = False
    #: The density rises to one peak and falls, so that the shortest interval has one solution.
    unimodal: bool = True
    #: The probability of each value, (*shape, K), of laws on 0, ..., K - 1.
    probabilities: Array | None = None
    #: The name of the family, for messages.
    name: str = ""

    def __init__(self, dist: Any, marginal: Any = None, **parameters: Any) -> None:
        """A law with its parameters as attributes.

        Args:
            dist: the distribution, in float64.
            marginal: where `dist` is one of vectors, the distribution of their coordinates, of batch shape `shape`.
            parameters: tensors, arrays or numbers that can be broadcast to `shape`.
        """
        self.dist = dist
        self.marginal = dist if marginal is None else marginal
        self.shape: tuple[int, ...] = tuple(self.marginal.batch_shape + self.marginal.event_shape)
        for name, value in parameters.items():
            setattr(self, name, np.broadcast_to(numbers(value), self.shape))

    def refusal(self, function: str) -> LikelihoodError:
        """The error of a function that is undefined, with the note of its claim."""
        name = self.name or type(self).__name__
        return LikelihoodError(f"the {function} of {name} is undefined: {self.claims[function].note}")

    def bounds(self) -> tuple[Array, Array]:
        """The ends of the support, each of shape `shape`."""
        support: Any = self.marginal.support
        ends = (getattr(support, "lower_bound", -np.inf), getattr(support, "upper_bound", np.inf))
        lower, upper = (np.broadcast_to(numbers(end), self.shape) for end in ends)
        return lower, upper

    def mode(self) -> Array:
        raise self.refusal("mode")

    def mean(self) -> Array:
        raise self.refusal("mean")

    def quantile(self, q: Array) -> Array:
        """The smallest y with cdf(y) >= q, q of shape (..., *shape)."""
        raise self.refusal("quantile")

    def cdf(self, y: Array) -> Array:
        """P(Y <= y), y of shape (..., *shape)."""
        raise self.refusal("cdf")

    def log_density(self, y: Array) -> Array:
        """The logarithm of the density, or of the mass where discrete; y of shape (..., *shape)."""
        lower, upper = self.bounds()
        inside = np.clip(y, lower, upper)
        log_prob = numbers(self.marginal.log_prob(torch.from_numpy(np.array(inside, dtype=np.float64))))
        return np.where((inside != y) | np.isnan(log_prob), -np.inf, log_prob)

    def log_density_at_rank(self, q: Array) -> Array:
        """log_density(quantile(q)), for laws that know it where the quantile itself overflows."""
        return self.log_density(self.quantile(q))

    def nodes(self, mass: float, limit: float) -> Array:
        """Finite points (n, *shape) between which the cdf is almost linear, to look for intervals of a mass."""
        ranks = limit * np.sin(np.linspace(0.0, np.pi / 2.0, _NODES)) ** 2
        points = self.quantile(ranks.reshape(-1, *[1] * len(self.shape)) + np.zeros(self.shape))
        return np.where(np.isfinite(points), points, self.quantile(np.full(self.shape, 0.5 * limit)))

    def pieces(self) -> Array:
        """Points (n, *shape) in order, between which the cdf is smooth enough for a quadrature of eight nodes."""
        return self.quantile(RANKS.reshape(-1, *[1] * len(self.shape)) + np.zeros(self.shape))

    def below(self, y: Array) -> Array:
        """P(Y < y)."""
        return self.cdf(np.ceil(y) - 1.0) if self.discrete else self.cdf(y)

    def median(self) -> Array:
        return self.quantile(np.full(self.shape, 0.5))

    def central_interval(self, mass: float) -> tuple[Array, Array]:
        """The interval that leaves (1 - mass) / 2 on either side."""
        lower, upper = (self.quantile(np.full(self.shape, q)) for q in (0.5 - mass / 2, 0.5 + mass / 2))
        return lower, upper

    def highest_interval(self, mass: float) -> tuple[Array, Array]:
        """The shortest interval that holds `mass`."""
        return shortest_integers(self, mass) if self.discrete else shortest(self, mass)

    def first_probability(self) -> Array:
        """Of rankings, the probability of each item to be ranked first."""
        raise self.no_ranking()

    def expected_ranks(self) -> Array:
        """Of rankings, the expected rank of each item, from 1."""
        raise self.no_ranking()

    def no_ranking(self) -> LikelihoodError:
        """The error of what only rankings have."""
        return LikelihoodError(f"only rankings have ranks, and {self.name} is not one: use PlackettLuce")

    def crps(self, y: Array) -> Array:
        """The continuous ranked probability score of each y, (..., *shape).

        CRPS = E|Y - y| - E|Y - Y'| / 2 (Gneiting & Raftery, 2007), Y and Y' independent.
        """
        return crps_by_summation(self, y) if self.discrete else crps_by_quadrature(self, y)

    def energy(self, y: Array) -> Array:
        """The energy score of vectors y (*shape), (*batch_shape): E|Y - y| - E|Y - Y'| / 2, by samples (seed 0)."""
        return sampled_energy(lambda n, seed: numbers(self.sample(n, seed)), y)

    def hits(self, y: Array) -> Array:
        """Where the mode is y, booleans of the shape of y."""
        hits: Array = self.mode() == y
        return hits

    def sample(self, n: int, seed: int = 0) -> torch.Tensor:
        """n samples, (n, *shape), drawn without touching the global random state."""
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            drawn: torch.Tensor = self.dist.sample(torch.Size([n]))
        return drawn.long() if self.labels else drawn.double()


@singledispatch
def law_of(dist: Any) -> Law:
    """The law of a distribution in float64, by its class; each family registers one.

    Raises:
        LikelihoodError: it is no distribution.
    """
    raise LikelihoodError(f"expected a Pyro or torch distribution, got {type(dist).__name__}")


def law(dist: Any) -> Law:
    """The law of a distribution whose parameters are all finite.

    Raises:
        LikelihoodError: it is no distribution, or a parameter is NaN or infinite.
    """
    result = law_of(in_float64(dist))
    result.name = result.name or type(dist).__name__
    for name, value in vars(result).items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and not np.isfinite(value).all():
            bad = int((~np.isfinite(value)).sum())
            which = f"{bad} of {value.size} values of {result.name}'s {name}"
            raise LikelihoodError(f"{which} are NaN or infinite: look at the inputs of those rows")
    return result
