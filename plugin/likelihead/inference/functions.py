"""The public functions: each takes any distribution and returns float64 tensors on the CPU (int64 for labels).

Results have the shape batch_shape + event_shape; for vectors and independent outputs `quantile`, `median`, `interval`,
`cdf` and `pit` are those of the marginal distribution of each coordinate. No result is NaN; a parameter that is NaN is
an error.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

# Imported for its side effect: each module registers the laws of its families.
from likelihead import distributions as distributions
from likelihead.errors import LikelihoodError
from likelihead.laws.law import Array, Law, law

KINDS = ("central", "highest")


def _law_with(dist: Any, function: str) -> Law:
    """The law of a distribution; an error if the function is undefined for it."""
    its_law = law(dist)
    if its_law.claims[function].how == "undefined":
        raise its_law.refusal(function)
    return its_law


def _tensor(values: Array, labels: bool = False) -> Tensor:
    return torch.from_numpy(np.array(values, dtype=np.int64 if labels else np.float64))


@np.errstate(all="ignore")
def mode(dist: Any) -> Tensor:
    """The argmax of the density or mass over the support, batch_shape + event_shape.

    For a mixture it is the global maximum. Of equal maxima it is the smallest (for counts the larger of two). If the
    density is infinite or greatest on the boundary of the support, it is that point; if it is flat, it is the mean.

    Raises:
        LikelihoodError: no mode is known for the distribution, or a parameter is NaN.

    >>> from pyro.distributions import Gamma
    >>> mode(Gamma(torch.tensor([0.5, 3.0]), torch.tensor(1.0)))
    tensor([0., 2.], dtype=torch.float64)
    """
    its_law = _law_with(dist, "mode")
    return _tensor(its_law.mode(), its_law.labels)


@np.errstate(all="ignore")
def mean(dist: Any) -> Tensor:
    """The expectation, batch_shape + event_shape; for directions the circular mean, for rankings the expected ranks.

    Raises:
        LikelihoodError: the distribution has no mean (unordered classes, Cauchy), or a parameter is NaN.

    >>> from pyro.distributions import VonMises
    >>> mean(VonMises(torch.tensor(2 * torch.pi + 1.0), torch.tensor(2.0)))
    tensor(1.0000, dtype=torch.float64)
    """
    return _tensor(_law_with(dist, "mean").mean())


@np.errstate(all="ignore")
def median(dist: Any) -> Tensor:
    """The quantile at 1/2, batch_shape + event_shape.

    Raises:
        LikelihoodError: the distribution has no quantiles (classes, rankings), or a parameter is NaN.

    >>> from pyro.distributions import Poisson
    >>> median(Poisson(torch.tensor(3.5)))
    tensor(3., dtype=torch.float64)
    """
    its_law = _law_with(dist, "median")
    return _tensor(its_law.median(), its_law.labels)


@np.errstate(all="ignore")
def quantile(dist: Any, q: float | Tensor) -> Tensor:
    """The smallest y with cdf(y) >= q, of shape q.shape + batch_shape + event_shape.

    Level 0 gives the lower bound of the support, 1 the upper. For directions the order starts opposite the mean.

    Args:
        dist: any distribution.
        q: levels in [0, 1], of any shape.

    Raises:
        LikelihoodError: a level outside [0, 1], a distribution without quantiles, or a parameter that is NaN.

    >>> from pyro.distributions import Normal
    >>> quantile(Normal(torch.zeros(2), torch.tensor([1.0, 10.0])), torch.tensor([0.5, 0.975]))
    tensor([[ 0.0000,  0.0000],
            [ 1.9600, 19.5996]], dtype=torch.float64)
    """
    its_law = _law_with(dist, "quantile")
    levels = torch.as_tensor(q, dtype=torch.float64).detach().cpu().numpy()
    if not ((levels >= 0.0) & (levels <= 1.0)).all():
        raise LikelihoodError(f"q is {q}; the levels of quantiles must lie in [0, 1]")
    levels = levels.reshape((*levels.shape, *[1] * len(its_law.shape))) + np.zeros(its_law.shape)
    return _tensor(its_law.quantile(levels), its_law.labels)


@np.errstate(all="ignore")
def interval(dist: Any, mass: float, kind: str = "central") -> tuple[Tensor, Tensor]:
    """The ends (lower, upper) of an interval of probability `mass`, each of shape batch_shape + event_shape.

    For directions, an interval whose lower end is above its upper end passes through pi.

    Args:
        dist: any distribution.
        mass: the probability in (0, 1); that of a discrete distribution is at least `mass`.
        kind: "central" for equal mass on both sides; "highest" for the shortest interval, which is the highest-density
            interval of a unimodal distribution.

    Raises:
        LikelihoodError: a mass outside (0, 1), an unknown kind, a distribution without quantiles, or a parameter that
            is NaN.

    >>> from pyro.distributions import Exponential
    >>> interval(Exponential(torch.tensor(1.0)), 0.9, kind="highest")
    (tensor(0., dtype=torch.float64), tensor(2.3026, dtype=torch.float64))
    """
    if not 0.0 < mass < 1.0:
        raise LikelihoodError(f"mass is {mass}; the mass of an interval must lie in (0, 1)")
    if kind not in KINDS:
        raise LikelihoodError(f"unknown kind of interval {kind!r}: the kinds are {', '.join(KINDS)}")
    its_law = _law_with(dist, "interval")
    lower, upper = its_law.central_interval(mass) if kind == "central" else its_law.highest_interval(mass)
    return _tensor(lower, its_law.labels), _tensor(upper, its_law.labels)


def _targets(its_law: Law, y: Tensor | float) -> Array:
    values = torch.as_tensor(y).detach().cpu().double().numpy()
    if values.ndim and values.shape[values.ndim - len(its_law.shape) :] != its_law.shape:
        raise LikelihoodError(
            f"y has shape {values.shape}, but {its_law.name} takes {its_law.shape}, after any leading dimensions"
        )
    bad = int(np.isnan(values).sum())
    if bad:
        raise LikelihoodError(f"{bad} of {values.size} values of y are NaN: leave those rows out")
    return values + np.zeros(its_law.shape)


@np.errstate(all="ignore")
def cdf(dist: Any, y: Tensor | float) -> Tensor:
    """P(Y <= y), of the shape of y; in float64, whatever the dtype of the parameters.

    Args:
        dist: any distribution. For directions the cdf starts at -pi; ordered classes are ordered by index.
        y: (..., *batch_shape, *event_shape), or one number.

    Raises:
        LikelihoodError: y has another shape or contains NaN, the distribution has no cdf, or a parameter is NaN.

    >>> from pyro.distributions import Normal
    >>> cdf(Normal(torch.tensor(0.0), torch.tensor(1.0)), -10.0)
    tensor(7.6199e-24, dtype=torch.float64)
    """
    its_law = _law_with(dist, "cdf")
    return _tensor(its_law.cdf(_targets(its_law, y)))


@np.errstate(all="ignore")
def pit(dist: Any, y: Tensor, seed: int | np.random.Generator = 0) -> Tensor:
    """The probability integral transform, of the shape of y: uniform on (0, 1) if y follows the distribution.

    Where y has a probability of its own, as all values of a discrete distribution have, it is randomised:
    P(Y < y) + u P(Y = y) with u uniform (Brockwell, 2007).

    Args:
        dist: any distribution with a cdf.
        y: (..., *batch_shape, *event_shape).
        seed: the seed of u, or a generator that draws it.

    Raises:
        LikelihoodError: as `cdf`.

    >>> from pyro.distributions import Bernoulli
    >>> bool(pit(Bernoulli(logits=torch.tensor(0.0)), torch.tensor(0.0)) < 0.5)
    True
    """
    its_law = _law_with(dist, "pit")
    values = _targets(its_law, y)
    upper = its_law.cdf(values)
    if not (its_law.discrete or its_law.atom):
        return _tensor(upper)
    lower = its_law.below(values)
    uniform = np.random.default_rng(seed).random(upper.shape)
    return _tensor(lower + uniform * (upper - lower))


def sample(dist: Any, n: int, seed: int = 0) -> Tensor:
    """n samples, (n, *batch_shape, *event_shape), drawn in float64 without touching the global random state.

    >>> from pyro.distributions import Normal
    >>> sample(Normal(torch.tensor(0.0), torch.tensor(1.0)), 3, seed=1).shape
    torch.Size([3])
    """
    return law(dist).sample(n, seed)


@np.errstate(all="ignore")
def summary(dist: Any, mass: float = 0.9) -> dict[str, Tensor]:
    """Mode, mean, median, both intervals, and the probabilities of classes, as far as they are defined.

    Args:
        dist: any distribution.
        mass: the probability of the intervals.

    Returns:
        mode, mean, median, central_lower, central_upper, highest_lower, highest_upper (each batch_shape +
        event_shape) and probabilities (batch_shape + (K,)), without those that are undefined for the distribution.

    >>> from pyro.distributions import Bernoulli
    >>> summary(Bernoulli(logits=torch.tensor(0.0)))["mean"]
    tensor(0.5000, dtype=torch.float64)
    """
    its_law = law(dist)
    defined = {function for function, claim in its_law.claims.items() if claim.how != "undefined"}
    results = {f.__name__: f(dist) for f in (mode, mean, median) if f.__name__ in defined}
    for kind in KINDS if "interval" in defined else ():
        results[f"{kind}_lower"], results[f"{kind}_upper"] = interval(dist, mass, kind)
    if its_law.probabilities is not None:
        results["probabilities"] = _tensor(its_law.probabilities)
    return results
