"""Families beside their scipy twins, and one distribution of every kind with extreme parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyro.distributions as dist
import torch
from scipy import stats

from likelihead import distributions as ours


def t(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


class Twin(NamedTuple):
    dist: Any
    scipy: Any


_PROPORTION = np.array([0.5, 4.0, 300.0]) / (1.0 + np.exp([2.0, 0.0, -1.0])), np.array([0.5, 4.0, 300.0])
_LOC, _SCALE, _SHAPE = [-3.0, 0.0, 1e3, 5.0], [1e-3, 1.0, 20.0, 1e4], [0.3, 1.0, 2.5, 800.0]
_DF = [0.7, 2.0, 5.5, 1e5]


def _nbinom(mean: list[float], dispersion: list[float]) -> Any:
    r = 1.0 / np.array(dispersion)
    return stats.nbinom(r, r / (r + np.array(mean)))


def _fisk(shape: list[float], scale: list[float]) -> Any:
    """Fisk's distribution, with the quantiles of the logistic: its own lose seven digits near rank 1."""
    frozen = stats.fisk(shape, scale=scale)
    frozen.ppf = lambda q: np.array(scale) * np.exp(stats.logistic.ppf(q) / np.array(shape))
    return frozen


_LEVELS = [0.02, 0.3, 0.5, 0.9]
_ODDS = np.array(_LEVELS) / (1.0 - np.array(_LEVELS))

CONTINUOUS: dict[str, Twin] = {
    "normal": Twin(ours.Normal(t(*_LOC), t(*_SCALE)), stats.norm(_LOC, _SCALE)),
    "laplace": Twin(dist.Laplace(t(*_LOC), t(*_SCALE)), stats.laplace(_LOC, _SCALE)),
    "student_t": Twin(ours.StudentT(t(*_DF), t(*_LOC), t(*_SCALE)), stats.t(_DF, _LOC, _SCALE)),
    "exponential": Twin(dist.Exponential(t(*_SCALE)), stats.expon(scale=1 / np.array(_SCALE))),
    "gamma": Twin(ours.Gamma(t(*_SHAPE), t(*_SCALE)), stats.gamma(_SHAPE, scale=1 / np.array(_SCALE))),
    "beta": Twin(ours.Beta(t(*_SHAPE), t(2.0, 0.4, 3.0, 500.0)), stats.beta(_SHAPE, [2.0, 0.4, 3.0, 500.0])),
    "beta_proportion": Twin(
        ours.BetaProportion(t(-2.0, 0.0, 1.0), t(0.5, 4.0, 300.0)),
        stats.beta(_PROPORTION[0], _PROPORTION[1] - _PROPORTION[0]),
    ),
    "log_normal": Twin(
        ours.LogNormal(t(-3.0, 0.0, 2.0), t(0.01, 1.0, 2.0)),
        stats.lognorm([0.01, 1.0, 2.0], scale=np.exp([-3.0, 0.0, 2.0])),
    ),
    "weibull": Twin(ours.Weibull(t(*_SCALE), t(*_SHAPE)), stats.weibull_min(_SHAPE, scale=_SCALE)),
    "gamma_mean": Twin(
        ours.GammaMean(t(*_SCALE), t(*_SHAPE)), stats.gamma(_SHAPE, scale=np.array(_SCALE) / np.array(_SHAPE))
    ),
    "gumbel": Twin(ours.Gumbel(t(*_LOC), t(*_SCALE)), stats.gumbel_r(_LOC, _SCALE)),
    "logistic": Twin(dist.Logistic(t(*_LOC), t(*_SCALE)), stats.logistic(_LOC, _SCALE)),
    "log_logistic": Twin(ours.LogLogistic(t(*_SCALE), t(1.6, 2.0, 5.0, 80.0)), _fisk([1.6, 2.0, 5.0, 80.0], _SCALE)),
    "half_normal": Twin(dist.HalfNormal(t(*_SCALE)), stats.chi(1, scale=_SCALE)),
    "generalized_pareto": Twin(
        ours.GeneralizedPareto(t(*_SCALE), t(1e-3, 0.1, 0.3, 0.6)), stats.genpareto([1e-3, 0.1, 0.3, 0.6], scale=_SCALE)
    ),
    "asymmetric_laplace": Twin(
        ours.AsymmetricLaplace(t(*_LOC), t(*_SCALE), t(*_LEVELS)),
        stats.laplace_asymmetric(np.sqrt(_ODDS), _LOC, 2.0 * np.array(_SCALE) * np.sqrt(_ODDS) / (1.0 + _ODDS)),
    ),
}

DISCRETE: dict[str, Twin] = {
    "bernoulli": Twin(dist.Bernoulli(logits=t(-2.0, 0.0, 3.0)), stats.bernoulli(1 / (1 + np.exp([2.0, 0.0, -3.0])))),
    "poisson": Twin(ours.Poisson(t(0.01, 1.0, 7.3, 1e3, 1e6)), stats.poisson([0.01, 1.0, 7.3, 1e3, 1e6])),
    "negative_binomial": Twin(
        ours.NegativeBinomial(t(0.1, 3.0, 50.0, 1e3), t(2.0, 0.5, 5.0, 1.3e-3)),
        _nbinom([0.1, 3.0, 50.0, 1e3], [2.0, 0.5, 5.0, 1.3e-3]),
    ),
    "pyro_negative_binomial": Twin(
        dist.NegativeBinomial(t(3.0, 0.5), logits=t(0.0, 2.0)), stats.nbinom([3.0, 0.5], [0.5, 1 / (1 + np.exp(2.0))])
    ),
    "geometric": Twin(dist.Geometric(logits=t(-1.0, 1.0)), stats.geom(1 / (1 + np.exp([1.0, -1.0])), loc=-1)),
    "trials": Twin(
        ours.Binomial(t(12.0, 5.0, 1e4), t(-1.0, 0.5, -2.0)),
        stats.binom([12, 5, 10_000], 1 / (1 + np.exp([1.0, -0.5, 2.0]))),
    ),
    "beta_binomial": Twin(
        ours.BetaBinomial(t(12.0, 6.0, 300.0), t(0.0, 0.0, 0.0), t(2.4, 20.0, 1e4)),
        stats.betabinom([12, 6, 300], [1.2, 10.0, 5e3], [1.2, 10.0, 5e3]),
    ),
    "binomial": Twin(dist.Binomial(12, logits=t(-1.0, 0.5)), stats.binom(12, 1 / (1 + np.exp([1.0, -0.5])))),
}


def mixture(logits: torch.Tensor, components: Any) -> Any:
    return ours.MixtureSameFamily(dist.Categorical(logits=logits), components)


_SMALL, _LARGE = 1e-6, 1e6
_AXES = t(_SMALL, 0.5, 1.0, 3.0, _LARGE), t(_SMALL, 0.7, 1.0, 40.0, _LARGE)
_X, _Y = (axis.flatten() for axis in torch.meshgrid(*_AXES, indexing="ij"))
_Z = torch.stack([_X.log(), _Y.log(), -_Y.log()], -1)
_XY, _YX, _YY = torch.stack([_X, _Y], -1), torch.stack([_Y, _X], -1), torch.stack([_Y, _Y], -1)
_AWAY = torch.stack([_X, -_Y], -1)
_FACTOR = torch.diag_embed(_Z.exp()) + 0.1 * torch.ones(3, 3).tril(-1)

#: Every kind of distribution, with parameters from 1e-6 to 1e6 against one another.
EXTREME: dict[str, Callable[[], Any]] = {
    "normal": lambda: ours.Normal(_X, _Y),
    "laplace": lambda: dist.Laplace(-_X, _Y),
    "student_t": lambda: ours.StudentT(_X, _Y, _Y),
    "cauchy": lambda: dist.Cauchy(_X, _Y),
    "exponential": lambda: dist.Exponential(_X),
    "gamma": lambda: ours.Gamma(_X, _Y),
    "beta": lambda: ours.Beta(_X, _Y),
    "beta_proportion": lambda: ours.BetaProportion(_X.log(), _Y),
    "log_normal": lambda: ours.LogNormal(_X.log(), _Y),
    "weibull": lambda: ours.Weibull(_X, _Y),
    "poisson": lambda: ours.Poisson(_X),
    "negative_binomial": lambda: ours.NegativeBinomial(_X, _Y),
    "zero_inflated_poisson": lambda: ours.ZeroInflatedPoisson(_X, gate_logits=7.0 * _Y.log()),
    "bernoulli": lambda: dist.Bernoulli(logits=_X - _Y),
    "categorical": lambda: dist.Categorical(logits=7.0 * _Z),
    "ordinal": lambda: ours.OrderedLogistic(_X - _Y, t(-3.0, 0.0, 1e3)),
    "von_mises": lambda: ours.VonMises(_X, _Y),
    "von_mises_vector": lambda: ours.VonMisesVector(_AWAY),
    "multivariate_normal": lambda: ours.MultivariateNormal(_Z, scale_tril=_FACTOR),
    "dirichlet": lambda: ours.Dirichlet(_Z.exp()),
    "plackett_luce": lambda: ours.PlackettLuce(7.0 * _Z),
    "gaussian_mixture": lambda: mixture(_Z[:, :2], ours.Normal(_AWAY, _YX)),
    "gamma_mixture": lambda: mixture(_Z[:, :2], ours.Gamma(_XY, _YY)),
    "t_mixture": lambda: mixture(_Z[:, :2], ours.StudentT(_XY, _AWAY, _YX)),
    "poisson_mixture": lambda: mixture(_Z[:, :2], ours.Poisson(_XY)),
    "von_mises_mixture": lambda: mixture(_Z[:, :2], ours.VonMises(_XY, _YX)),
}
