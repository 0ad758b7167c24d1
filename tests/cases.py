"""The table of shipped families: tests that hold for every family run over its rows, one for each shipped name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import integrate, special, stats
from torch import Tensor

from likelihead.configs import read

Array = NDArray[np.float64]
INFINITY = float("inf")
NAN = float("nan")


class Case(NamedTuple):
    """A family, its parameters for 4 rows, and targets.

    Attributes:
        name: the shipped name, or that of an added family.
        event_size: K where the family has a dimension of its own.
        parameters: natural values (4, *shape), float64.
        log_prob: (4,) from y and the parameters by name, as numpy arrays; from scipy or the textbook, not our code.
        inside: targets in the support, (4, *event_shape).
        outside: targets that must be refused, each with its label.
        mapping: what its YAML holds, where it is not shipped or the case fixes another number.
    """

    name: str
    event_size: int | None
    parameters: dict[str, Tensor]
    log_prob: Callable[..., Array]
    inside: Tensor
    outside: list[tuple[str, Tensor]]
    mapping: Mapping[str, Any] | None = None

    @property
    def spec(self) -> str | Mapping[str, Any]:
        """What `DistributionHead` takes: the shipped name, or the mapping of the YAML."""
        return self.name if self.mapping is None else self.mapping

    def reference(self) -> Array:
        """The true log-probability of `inside`, (4,)."""
        values = {name: value.numpy() for name, value in self.parameters.items()}
        return self.log_prob(self.inside.numpy(), **values)


def row(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def rows(*values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def spoiled(inside: Tensor, **values: float) -> list[tuple[str, Tensor]]:
    """`inside` with its first entry replaced by each of `values`, and by NaN and both infinities."""
    found = []
    for label, value in {**values, "nan": NAN, "infinity": INFINITY, "minus_infinity": -INFINITY}.items():
        bad = inside.double().clone()
        bad.view(-1)[0] = value
        found.append((label, bad))
    return found


LOC, SCALE = row(-2.0, 0.0, 0.3, 5.0), row(0.2, 1.0, 3.0, 0.7)
REAL, POSITIVE, SHARE = row(-1.0, 0.5, 2.0, 5.5), row(0.1, 1.0, 2.5, 7.0), row(0.05, 0.4, 0.77, 0.99)
COUNTS, LABELS, ANGLES = row(0.0, 1.0, 3.0, 12.0), torch.tensor([0, 2, 1, 2]), row(-3.0, 1.0, 2.0, -0.5)
SIMPLEX = rows([0.2, 0.3, 0.5], [0.1, 0.1, 0.8], [0.6, 0.3, 0.1], [0.01, 0.98, 0.01])
VECTORS = rows([1.0, -0.5], [0.0, 0.0], [0.3, 4.0], [2.0, -1.0])
DIRECTIONS = rows([1.0, 0.0, 0.0], [0.6, 0.0, 0.8], [-0.48, 0.6, 0.64], [0.0, -0.6, 0.8])
ORDERS = torch.tensor([[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]])
PARTIAL_ORDERS = torch.tensor([[0, 1, -1], [2, 0, 1], [1, -1, -1], [2, 1, -1]])
LOGITS = rows([0.0, 0.0, 0.0], [1.0, -2.0, 0.5], [3.0, 3.5, -4.0], [-1.0, 0.2, 0.1])
MEANS, DISPERSION = row(0.5, 1.0, 4.0, 10.0), row(0.1, 2.0, 0.5, 1.0)
GATES, LEVELS = row(-2.0, 0.0, 1.0, -5.0), row(0.2, 0.5, 0.7, 0.9)
TRIALS = row(15.0, 15.0, 15.0, 15.0)
CLASS_COUNTS = rows([5.0, 4.0, 6.0], [0.0, 0.0, 15.0], [4.0, 10.0, 1.0], [2.0, 13.0, 0.0])
WITH_ZEROS = row(0.0, 1.0, 2.5, 7.0)
NOT_COUNTS = spoiled(COUNTS, negative=-1.0, fraction=0.5)
NOT_POSITIVE = spoiled(POSITIVE, negative=-1.0)
NOT_PARTIAL_ORDERS = spoiled(PARTIAL_ORDERS, twice=1.0, gap=-1.0, too_large=3.0, fraction=0.5)
NOT_SHARES = spoiled(SHARE, zero=0.0, one=1.0, below=-0.1, above=1.1)
NOT_LABELS = spoiled(LABELS, negative=-1.0, too_large=3.0, fraction=0.5)


def _tweedie(y: Array, mean: Array, dispersion: Array, power: Array) -> Array:
    """By the definition: a Poisson number of gamma variates, summed over the number."""
    rate, shape = mean ** (2.0 - power) / (dispersion * (2.0 - power)), (2.0 - power) / (power - 1.0)
    number = np.arange(1.0, 400.0)[:, None]
    scale = dispersion * (power - 1.0) * mean ** (power - 1.0)
    terms = stats.poisson.logpmf(number, rate) + stats.gamma.logpdf(np.maximum(y, 1e-9), number * shape, scale=scale)
    return np.where(y == 0.0, -rate, special.logsumexp(terms, 0))


def _beta_proportion(y: Array, logits: Array, precision: Array) -> Array:
    mean = special.expit(logits)
    return stats.beta.logpdf(y, mean * precision, (1.0 - mean) * precision)


def _asymmetric_laplace(y: Array, loc: Array, scale: Array, level: Array) -> Array:
    # By the ratio of its two scales, kappa^2 = left / right, and their geometric mean.
    return stats.laplace_asymmetric.logpdf(
        y, np.sqrt(level / (1.0 - level)), loc, 2.0 * scale * np.sqrt(level * (1.0 - level))
    )


def _two_piece(y: Array, twin: Any, loc: Array, scale: Array, level: Array) -> Array:
    """From the truncated halves of the symmetric density, P(Y < loc) = level."""
    below, above = y < loc, y >= loc
    left, right = twin(loc, 2.0 * scale * level), twin(loc, 2.0 * scale * (1.0 - level))
    return np.log(2.0 * level * below * left.pdf(y) + 2.0 * (1.0 - level) * above * right.pdf(y))


def _hurdle(y: Array, gate_logits: Array, log_base: Array, base_zero: Array | float = 0.0) -> Array:
    gate = special.expit(gate_logits)
    return np.where(y == 0, np.log(gate), np.log1p(-gate) + log_base - np.log1p(-np.asarray(base_zero)))


def _inflated_negative_binomial(y: Array, gate_logits: Array, mean: Array, dispersion: Array) -> Array:
    gate = special.expit(gate_logits)
    return np.log(gate * (y == 0) + (1.0 - gate) * np.exp(_negative_binomial(y, mean, dispersion)))


def _hurdle_negative_binomial(y: Array, gate_logits: Array, mean: Array, dispersion: Array) -> Array:
    zero = np.exp(_negative_binomial(0.0 * y, mean, dispersion))
    return _hurdle(y, gate_logits, _negative_binomial(y, mean, dispersion), zero)


def _gamma_mean(y: Array, mean: Array, concentration: Array) -> Array:
    return stats.gamma.logpdf(y, concentration, scale=mean / concentration)


def _hurdle_gamma(y: Array, gate_logits: Array, mean: Array, concentration: Array) -> Array:
    return _hurdle(y, gate_logits, _gamma_mean(np.where(y == 0, 1.0, y), mean, concentration))


def _inflated_beta(y: Array, gate_logits: Array, one_logits: Array, logits: Array, precision: Array) -> Array:
    zero, one = special.expit(gate_logits), special.expit(one_logits)
    inside = np.log1p(-zero) + np.log1p(-one) + _beta_proportion(np.clip(y, 0.01, 0.99), logits, precision)
    return np.select([y == 0, y == 1], [np.log(zero), np.log1p(-zero) + np.log(one)], inside)


def _binomial(y: Array, total_count: Array, logits: Array) -> Array:
    return stats.binom.logpmf(y, total_count, special.expit(logits))


def _beta_binomial(y: Array, total_count: Array, logits: Array, precision: Array) -> Array:
    mean = special.expit(logits)
    return stats.betabinom.logpmf(y, total_count, mean * precision, (1.0 - mean) * precision)


def _categorical(y: Array, logits: Array) -> Array:
    return np.take_along_axis(special.log_softmax(logits, -1), y[:, None], -1)[:, 0]


def _dirichlet(y: Array, concentration: Array) -> Array:
    return np.array([stats.dirichlet.logpdf(z, a) for z, a in zip(y, concentration, strict=True)])


def _gaussian_mixture(y: Array, mixture_logits: Array, loc: Array, scale: Array) -> Array:
    return special.logsumexp(special.log_softmax(mixture_logits, -1) + stats.norm.logpdf(y[:, None], loc, scale), -1)


def _multinomial(y: Array, total_count: Array, logits: Array) -> Array:
    return stats.multinomial.logpmf(y, total_count, special.softmax(logits, -1))


def _multivariate_normal(y: Array, loc: Array, scale_tril: Array) -> Array:
    densities = (stats.multivariate_normal(m, factor @ factor.T) for m, factor in zip(loc, scale_tril, strict=True))
    return np.array([density.logpdf(z) for z, density in zip(y, densities, strict=True)])


def _multivariate_student_t(y: Array, df: Array, loc: Array, scale_tril: Array) -> Array:
    rows = zip(loc, scale_tril, df, strict=True)
    densities = (stats.multivariate_t(m, factor @ factor.T, each) for m, factor, each in rows)
    return np.array([density.logpdf(z) for z, density in zip(y, densities, strict=True)])


def _projected_normal(y: Array, concentration: Array) -> Array:
    """By the definition: the density of the normal vector, integrated along the ray."""
    return np.array([
        np.log(integrate.quad(lambda r, z=z, c=c: r**2 * stats.norm.pdf(r * z, c).prod(), 0.0, 20.0, epsabs=0)[0])
        for z, c in zip(y, concentration, strict=True)
    ])  # fmt: skip


def _negative_binomial(y: Array, mean: Array, dispersion: Array) -> Array:
    return stats.nbinom.logpmf(y, 1.0 / dispersion, 1.0 / (1.0 + dispersion * mean))


def _ordinal(y: Array, predictor: Array, cutpoints: Array) -> Array:
    cumulative = special.expit(cutpoints - predictor[:, None])
    masses = np.diff(cumulative, prepend=0.0, append=1.0)
    return np.log(np.take_along_axis(masses, y[:, None], -1)[:, 0])


def _plackett_luce(y: Array, logits: Array) -> Array:
    scores = np.take_along_axis(logits, y, -1)
    return sum(scores[:, place] - special.logsumexp(scores[:, place:], -1) for place in range(y.shape[1]))


def _plackett_luce_partial(y: Array, logits: Array, last: bool = False) -> Array:
    """By the definition, place by place: a choice among those still there."""
    log_prob = np.zeros(len(y))
    for number, (row, scores) in enumerate(zip(y, np.exp(logits), strict=True)):
        listed = [item for item in row if item >= 0]
        left = set(range(len(row))) if last else set(listed)
        for item in listed:
            log_prob[number] += np.log(scores[item] / scores[list(left)].sum())
            left.remove(item)
    return log_prob


def _spline_normal(y: Array, widths: Array, heights: Array, slopes: Array, loc: Array, scale: Array) -> Array:
    """By the derivative of the spline in 30 digits, the spline as Gregory & Delbourgo (1982) write it."""
    normal, x, z = stats.norm(loc, scale), _knots(widths, 1e-2), _knots(heights, 1e-3)
    slopes = np.exp(np.log(100.0) * np.tanh(np.log(slopes) / np.log(100.0)))
    found = [_spline_slope(u, *row) for u, row in zip(normal.cdf(y), zip(x, z, slopes, strict=True), strict=True)]
    return normal.logpdf(y) + np.log(found)


def _knots(weights: Array, least: float) -> Array:
    shares = least + (1.0 - least * weights.shape[1]) * weights / weights.sum(1, keepdims=True)
    return np.insert(np.cumsum(shares, 1), 0, 0.0, 1)


def _spline_slope(u: float, x: Array, z: Array, slopes: Array) -> float:
    k = int(np.searchsorted(x, u)) - 1
    with mp.workdps(30):
        (x0, x1), (z0, z1), (d0, d1) = ([mp.mpf(values[k]), mp.mpf(values[k + 1])] for values in (x, z, slopes))
        chord = (z1 - z0) / (x1 - x0)

        def value(point: mp.mpf) -> mp.mpf:
            t = (point - x0) / (x1 - x0)
            return z0 + (z1 - z0) * (chord * t**2 + d0 * t * (1 - t)) / (chord + (d0 + d1 - 2 * chord) * t * (1 - t))

        return float(mp.diff(value, mp.mpf(u)))


def _von_mises(y: Array, vector: Array) -> Array:
    return stats.vonmises.logpdf(y, np.hypot(*vector.T), np.arctan2(vector[:, 1], vector[:, 0]))


def _zero_inflated_poisson(y: Array, rate: Array, gate_logits: Array) -> Array:
    gate = special.expit(gate_logits)
    return np.log(gate * (y == 0) + (1.0 - gate) * stats.poisson.pmf(y, rate))


_TABLE = (
    Case(
        "asymmetric_laplace", None, {"loc": LOC, "scale": SCALE, "level": LEVELS},
        _asymmetric_laplace, REAL, spoiled(REAL),
    ),
    Case(
        "bernoulli", None, {"logits": row(-3.0, 0.0, 0.4, 2.0)},
        lambda y, logits: stats.bernoulli.logpmf(y, special.expit(logits)), row(0.0, 1.0, 1.0, 0.0),
        spoiled(row(0.0, 1.0, 1.0, 0.0), negative=-1.0, two=2.0, fraction=0.5),
    ),
    Case(
        "beta", None, {"concentration1": SCALE, "concentration0": SHARE + 0.5},
        lambda y, concentration1, concentration0: stats.beta.logpdf(y, concentration1, concentration0),
        SHARE, NOT_SHARES,
    ),
    Case(
        "beta_binomial", None, {"total_count": TRIALS, "logits": GATES.flip(0), "precision": 9.0 * SCALE},
        _beta_binomial, COUNTS, NOT_COUNTS, {**read("beta_binomial"), "parameters": {"total_count": 15}},
    ),
    Case(
        "binomial", None, {"total_count": TRIALS, "logits": GATES.flip(0)}, _binomial, COUNTS, NOT_COUNTS,
        {**read("binomial"), "parameters": {"total_count": 15}},
    ),
    Case("beta_proportion", None, {"logits": LOC, "precision": 9.0 * SCALE}, _beta_proportion, SHARE, NOT_SHARES),
    Case(
        "inflated_beta", None,
        {"gate_logits": GATES, "one_logits": GATES.flip(0), "logits": LOC / 2.0, "precision": 9.0 * SCALE},
        _inflated_beta, row(0.0, 0.4, 1.0, 0.77), spoiled(row(0.0, 0.4, 1.0, 0.77), below=-0.1, above=1.1),
    ),
    Case(
        "tweedie", None, {"mean": MEANS, "dispersion": 2.0 * DISPERSION + 0.3, "power": row(1.2, 1.5, 1.6, 1.85)},
        _tweedie, WITH_ZEROS, spoiled(WITH_ZEROS, negative=-1.0),
    ),
    Case(
        "truncated_normal", None, {"loc": LOC, "scale": SCALE + 0.8},
        lambda y, loc, scale: stats.truncnorm.logpdf(y, -loc / scale, np.inf, loc, scale), WITH_ZEROS,
        spoiled(WITH_ZEROS, negative=-1.0),
    ),
    Case("categorical", 3, {"logits": LOGITS}, _categorical, LABELS, NOT_LABELS),
    Case(
        "dirichlet", 3, {"concentration": 5.0 * SIMPLEX.flip(-1)}, _dirichlet, SIMPLEX,
        spoiled(SIMPLEX, negative=-0.2, too_large=0.4, zero=0.0),
    ),
    Case(
        "exponential", None, {"rate": SCALE},
        lambda y, rate: stats.expon.logpdf(y, scale=1.0 / rate), POSITIVE, NOT_POSITIVE,
    ),
    Case(
        "gamma", None, {"concentration": 2.0 * SCALE, "rate": SHARE},
        lambda y, concentration, rate: stats.gamma.logpdf(y, concentration, scale=1.0 / rate),
        POSITIVE, [*NOT_POSITIVE, ("zero", row(0.0, 1.0, 2.5, 7.0))],
    ),
    Case(
        "gaussian_mixture", None,
        {
            "mixture_logits": torch.linspace(-1.0, 2.0, 20, dtype=torch.float64).reshape(4, 5),
            "loc": torch.linspace(-3.0, 6.0, 20, dtype=torch.float64).reshape(4, 5),
            "scale": torch.linspace(0.3, 2.0, 20, dtype=torch.float64).reshape(4, 5),
        },
        _gaussian_mixture, REAL, spoiled(REAL),
    ),
    Case(
        "laplace", None, {"loc": LOC, "scale": SCALE},
        lambda y, loc, scale: stats.laplace.logpdf(y, loc, scale), REAL, spoiled(REAL),
    ),
    Case(
        "log_normal", None, {"loc": LOC, "scale": SCALE / 3.0},
        lambda y, loc, scale: stats.lognorm.logpdf(y, scale, scale=np.exp(loc)),
        POSITIVE, [*NOT_POSITIVE, ("zero", row(0.0, 1.0, 2.5, 7.0))],
    ),
    Case(
        "multinomial", 3, {"total_count": TRIALS, "logits": LOGITS}, _multinomial, CLASS_COUNTS,
        spoiled(CLASS_COUNTS, negative=-1.0, fraction=0.5),
        {**read("multinomial"), "parameters": {"total_count": 15}},
    ),
    Case(
        "multivariate_normal", 2,
        {"loc": VECTORS.flip(-1), "scale_tril": torch.tensor([[1.0, 0.0], [0.5, 2.0]]).double().expand(4, 2, 2)},
        _multivariate_normal, VECTORS, spoiled(VECTORS),
    ),
    Case(
        "multivariate_student_t", 2,
        {
            "df": row(2.5, 4.0, 9.0, 40.0), "loc": VECTORS.flip(-1),
            "scale_tril": torch.tensor([[1.0, 0.0], [0.5, 2.0]]).double().expand(4, 2, 2),
        },
        _multivariate_student_t, VECTORS, spoiled(VECTORS),
    ),
    Case(
        "diagonal_normal", 2, {"loc": VECTORS.flip(-1), "scale": VECTORS.abs() + 0.3},
        lambda y, loc, scale: stats.norm.logpdf(y, loc, scale).sum(-1), VECTORS, spoiled(VECTORS),
    ),
    Case(
        "low_rank_normal", 2,
        {
            "loc": VECTORS.flip(-1), "scale": VECTORS.abs() + 0.3,
            "factor": torch.tensor([[1.0, 0.2], [-0.5, 2.0]]).double().expand(4, 2, 2),
        },
        lambda y, loc, factor, scale: _multivariate_normal(
            y, loc, np.linalg.cholesky(factor @ factor.swapaxes(1, 2) + scale[:, None] ** 2 * np.eye(2))
        ),
        VECTORS, spoiled(VECTORS),
    ),
    Case(
        "projected_normal", 3, {"concentration": LOGITS / 1.5 + 0.2}, _projected_normal, DIRECTIONS,
        spoiled(DIRECTIONS, too_long=1.5, too_short=0.1),
    ),
    Case("negative_binomial", None, {"mean": MEANS, "dispersion": DISPERSION}, _negative_binomial, COUNTS, NOT_COUNTS),
    Case(
        "normal", None, {"loc": LOC, "scale": SCALE},
        lambda y, loc, scale: stats.norm.logpdf(y, loc, scale), REAL, spoiled(REAL),
    ),
    Case(
        "ordinal", 3,
        {"predictor": LOC, "cutpoints": rows([-1.0, 1.0], [0.0, 0.5], [-3.0, 2.0], [4.0, 7.0])},
        _ordinal, LABELS, NOT_LABELS,
    ),
    Case(
        "plackett_luce", 3, {"logits": LOGITS}, _plackett_luce, ORDERS,
        spoiled(ORDERS, twice=1.0, negative=-1.0, too_large=3.0, fraction=0.5),
    ),
    Case(
        "plackett_luce_partial", 3, {"logits": LOGITS}, _plackett_luce_partial, PARTIAL_ORDERS, NOT_PARTIAL_ORDERS,
    ),
    Case(
        "plackett_luce_top", 3, {"logits": LOGITS}, partial(_plackett_luce_partial, last=True),
        PARTIAL_ORDERS, NOT_PARTIAL_ORDERS,
    ),
    Case("poisson", None, {"rate": MEANS}, lambda y, rate: stats.poisson.logpmf(y, rate), COUNTS, NOT_COUNTS),
    Case(
        "spline_normal", None,
        {
            "widths": torch.linspace(-1.5, 1.0, 32, dtype=torch.float64).sin().exp().reshape(8, 4).T,
            "heights": torch.linspace(0.0, 9.0, 32, dtype=torch.float64).cos().exp().reshape(4, 8),
            "slopes": torch.linspace(2.0, -1.0, 36, dtype=torch.float64).exp().reshape(9, 4).T,
            "loc": LOC, "scale": SCALE,
        },
        _spline_normal, row(-1.9, 0.5, 2.0, 5.5), spoiled(REAL),
    ),
    Case(
        "student_t", None, {"df": row(2.5, 4.0, 9.0, 40.0), "loc": LOC, "scale": SCALE},
        lambda y, df, loc, scale: stats.t.logpdf(y, df, loc, scale), REAL, spoiled(REAL),
    ),
    Case(
        "von_mises", None, {"vector": rows([1.0, 0.5], [-2.0, 1.0], [0.3, -4.0], [3.0, 0.0])},
        _von_mises, ANGLES, spoiled(ANGLES),
    ),
    Case("gamma_mean", None, {"mean": MEANS, "concentration": 2.0 * SCALE}, _gamma_mean,
        POSITIVE, [*NOT_POSITIVE, ("zero", WITH_ZEROS)],
    ),
    Case(
        "generalized_pareto", None, {"scale": SCALE, "concentration": row(0.05, 0.1, 0.2, 0.15)},
        lambda y, scale, concentration: stats.genpareto.logpdf(y, concentration, scale=scale), WITH_ZEROS,
        spoiled(WITH_ZEROS, negative=-1.0),
    ),
    Case(
        "gumbel", None, {"loc": LOC, "scale": SCALE},
        lambda y, loc, scale: stats.gumbel_r.logpdf(y, loc, scale), REAL, spoiled(REAL),
    ),
    Case(
        "half_normal", None, {"scale": SCALE}, lambda y, scale: stats.halfnorm.logpdf(y, scale=scale), WITH_ZEROS,
        spoiled(WITH_ZEROS, negative=-1.0),
    ),
    Case(
        "hurdle_gamma", None, {"gate_logits": GATES, "mean": MEANS, "concentration": 2.0 * SCALE}, _hurdle_gamma,
        WITH_ZEROS, spoiled(WITH_ZEROS, negative=-1.0),
    ),
    Case(
        "hurdle_negative_binomial", None, {"gate_logits": GATES, "mean": MEANS, "dispersion": DISPERSION},
        _hurdle_negative_binomial, COUNTS, NOT_COUNTS,
    ),
    Case(
        "hurdle_poisson", None, {"gate_logits": GATES, "rate": MEANS},
        lambda y, gate_logits, rate: _hurdle(y, gate_logits, stats.poisson.logpmf(y, rate), np.exp(-rate)),
        COUNTS, NOT_COUNTS,
    ),
    Case(
        "logistic", None, {"loc": LOC, "scale": SCALE},
        lambda y, loc, scale: stats.logistic.logpdf(y, loc, scale), REAL, spoiled(REAL),
    ),
    Case(
        "log_logistic", None, {"scale": SCALE, "concentration": row(3.5, 4.0, 6.0, 9.0)},
        lambda y, scale, concentration: stats.fisk.logpdf(y, concentration, scale=scale),
        POSITIVE, [*NOT_POSITIVE, ("zero", WITH_ZEROS)],
    ),
    Case(
        "skew_normal", None, {"loc": LOC, "scale": SCALE, "level": LEVELS},
        lambda y, loc, scale, level: _two_piece(y, stats.norm, loc, scale, level), REAL, spoiled(REAL),
    ),
    Case(
        "skew_t", None, {"df": row(2.5, 4.0, 9.0, 40.0), "loc": LOC, "scale": SCALE, "level": LEVELS},
        lambda y, df, loc, scale, level: _two_piece(y, lambda m, s: stats.t(df, m, s), loc, scale, level),
        REAL, spoiled(REAL),
    ),
    Case(
        "zero_inflated_negative_binomial", None, {"gate_logits": GATES, "mean": MEANS, "dispersion": DISPERSION},
        _inflated_negative_binomial, COUNTS, NOT_COUNTS,
    ),
    Case(
        "weibull", None, {"scale": SCALE, "concentration": row(0.8, 1.0, 2.0, 4.0)},
        lambda y, scale, concentration: stats.weibull_min.logpdf(y, concentration, scale=scale),
        row(0.1, 0.5, 4.0, 0.8), spoiled(row(0.1, 0.5, 4.0, 0.8), negative=-1.0, zero=0.0),
    ),
    Case(
        "zero_inflated_poisson", None, {"rate": MEANS, "gate_logits": row(-2.0, 0.0, 1.0, -5.0)},
        _zero_inflated_poisson, COUNTS, NOT_COUNTS,
    ),
)  # fmt: skip

CASES = {case.name: case for case in _TABLE}
