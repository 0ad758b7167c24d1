"""Log tails against 40-digit mpmath, values and gradients, out to where probabilities themselves underflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np
import pyro.distributions as dist
import pytest
import torch
from cases import CASES, Case
from contract import build, family, single
from torch import Tensor

from likelihead import distributions
from likelihead.distributions.tails import has_log_tails, log_likelihood, log_mass, log_tails
from likelihead.inference import cdf, quantile
from likelihead.laws.law import law


class Reference(NamedTuple):
    """A class, what mpmath says of P(Y <= y) and P(Y > y), and points (y, *parameters)."""

    cls: Callable[..., Any]
    tails: Callable[..., tuple[Any, Any]]
    points: list[tuple[float, ...]]


def _gamma(y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    return mp.gammainc(a, 0, b * y, regularized=True), mp.gammainc(a, b * y, mp.inf, regularized=True)


def _beta(y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    return mp.betainc(a, b, 0, y, regularized=True), mp.betainc(b, a, 0, 1 - y, regularized=True)


def _beta_proportion(y: Any, logits: Any, precision: Any) -> tuple[Any, Any]:
    return _beta(y, precision / (1 + mp.exp(-logits)), precision / (1 + mp.exp(logits)))


def _t(y: Any, df: Any, loc: Any, scale: Any) -> tuple[Any, Any]:
    z = (y - loc) / scale
    tail = mp.betainc(df / 2, mp.mpf(1) / 2, 0, df / (df + z * z), regularized=True) / 2
    return (1 - tail, tail) if z > 0 else (tail, 1 - tail)


def _normal(y: Any, loc: Any, scale: Any) -> tuple[Any, Any]:
    z = (y - loc) / scale / mp.sqrt(2)
    return mp.erfc(-z) / 2, mp.erfc(z) / 2


def _laplace(y: Any, loc: Any, scale: Any) -> tuple[Any, Any]:
    tail = mp.exp(-abs(y - loc) / scale) / 2
    return (1 - tail, tail) if y > loc else (tail, 1 - tail)


def _weibull(y: Any, scale: Any, k: Any) -> tuple[Any, Any]:
    hazard = (y / scale) ** k
    return -mp.expm1(-hazard), mp.exp(-hazard)


def _poisson(y: Any, rate: Any) -> tuple[Any, Any]:
    return _gamma(rate, y + 1, mp.mpf(1))[::-1]


def _negative_binomial(y: Any, mean: Any, dispersion: Any) -> tuple[Any, Any]:
    return _beta(1 / (1 + dispersion * mean), 1 / dispersion, y + 1)


def _zero_inflated(y: Any, rate: Any, gate: Any) -> tuple[Any, Any]:
    below, above = _poisson(y, rate)
    return (1 + mp.exp(-gate) * below) / (1 + mp.exp(-gate)), above / (1 + mp.exp(gate))


def _cauchy(y: Any, loc: Any, scale: Any) -> tuple[Any, Any]:
    return mp.acot((loc - y) / scale) / mp.pi % 1, mp.acot((y - loc) / scale) / mp.pi % 1


REFERENCES = {
    "normal": Reference(
        distributions.Normal, _normal,
        [(0.3, 0.0, 1.0), (40.0, 0.0, 1.0), (-3e3, 1.0, 2.0), (1e-30, 3e-31, 1e-30), (5.0, 5.0, 1e9)],
    ),
    "log_normal": Reference(
        distributions.LogNormal, lambda y, loc, scale: _normal(mp.log(y), loc, scale),
        [(0.3, 0.0, 1.0), (1e-20, 3.0, 0.7), (1e30, 0.0, 2.0), (1.000001, 0.0, 1e-6)],
    ),
    "laplace": Reference(dist.Laplace, _laplace, [(0.3, 0.0, 1.0), (-900.0, 1.0, 0.5), (1e4, 0.0, 3.0)]),
    "cauchy": Reference(dist.Cauchy, _cauchy, [(0.3, 0.0, 1.0), (-1e20, 1.0, 0.5), (1e4, 0.0, 3.0)]),
    "logistic": Reference(
        dist.Logistic, lambda y, loc, s: (1 / (1 + mp.exp((loc - y) / s)), 1 / (1 + mp.exp((y - loc) / s))),
        [(0.3, 0.0, 1.0), (-900.0, 1.0, 0.5)],
    ),
    "gumbel": Reference(
        dist.Gumbel, lambda y, loc, s: (mp.exp(-mp.exp((loc - y) / s)), -mp.expm1(-mp.exp((loc - y) / s))),
        [(0.3, 0.0, 1.0), (-6.0, 1.0, 1.0), (900.0, 0.0, 1.0)],
    ),
    "half_normal": Reference(
        dist.HalfNormal, lambda y, s: (mp.erf(y / s / mp.sqrt(2)), mp.erfc(y / s / mp.sqrt(2))),
        [(0.3, 1.0), (1e3, 2.0)],
    ),
    "half_cauchy": Reference(
        dist.HalfCauchy, lambda y, s: (2 * mp.atan(y / s) / mp.pi, 2 * mp.atan(s / y) / mp.pi),
        [(0.3, 1.0), (1e9, 2.0)],
    ),
    "pareto": Reference(
        dist.Pareto, lambda y, s, a: (1 - (s / y) ** a, (s / y) ** a), [(2.0, 1.0, 3.0), (1e20, 2.0, 50.0)],
    ),
    "exponential": Reference(
        dist.Exponential, lambda y, rate: (-mp.expm1(-rate * y), mp.exp(-rate * y)),
        [(0.3, 2.0), (1e-30, 1.0), (1e6, 3.0)],
    ),
    "weibull": Reference(
        distributions.Weibull, _weibull, [(0.3, 1.0, 2.0), (1e-30, 1e-6, 3.2), (50.0, 1.0, 1.7), (0.1, 2.0, 0.3)],
    ),
    "gamma": Reference(
        distributions.Gamma, _gamma,
        [(0.3, 2.0, 1.0), (2e3, 0.5, 3.0), (1e-8, 4.0, 2.0), (1e-4, 0.01, 1.0), (2.0, 0.01, 1.0), (950.0, 1e3, 1.0),
         (1500.0, 1e3, 1.0), (100.2, 1e4, 100.0)],
    ),
    "beta": Reference(
        distributions.Beta, _beta,
        [(0.3, 2.0, 5.0), (1e-6, 3.0, 2.0), (0.999, 2.0, 80.0), (0.5, 0.02, 0.05), (0.98, 0.3, 0.1), (0.52, 1e3, 1e3),
         (0.2, 900.0, 100.0)],
    ),
    "beta_proportion": Reference(
        distributions.BetaProportion, _beta_proportion, [(0.3, -1.0, 9.0), (0.99, -4.0, 50.0), (1e-5, 1.0, 3.0)],
    ),
    "student_t": Reference(
        distributions.StudentT, _t,
        [(0.3, 4.0, 0.0, 1.0), (1e10, 2.5, 0.0, 1.0), (-60.0, 30.0, 1.0, 2.0), (9.0, 1e4, 0.0, 1.0),
         (3.0, 0.3, 0.0, 1.0)],
    ),
    "poisson": Reference(
        distributions.Poisson, _poisson,
        [(3.0, 2.5), (0.0, 800.0), (700.0, 3.0), (0.0, 1e-6), (1040.0, 1e3), (5.0, 6.0)],
    ),
    "negative_binomial": Reference(
        distributions.NegativeBinomial, _negative_binomial,
        [(3.0, 2.5, 0.4), (0.0, 800.0, 0.01), (700.0, 3.0, 0.1), (4.0, 50.0, 20.0), (12.0, 3.0, 1e-7),
         (2.0, 9.0, 1e-7)],
    ),
    "zero_inflated_poisson": Reference(
        distributions.ZeroInflatedPoisson, _zero_inflated, [(3.0, 2.5, -1.0), (0.0, 9.0, -30.0), (60.0, 2.0, 1.0)],
    ),
}  # fmt: skip

POINTS = [(name, point) for name, reference in REFERENCES.items() for point in reference.points]


def _exact(name: str, point: tuple[float, ...]) -> tuple[list[float], list[list[float]]]:
    """Both log tails, and their gradients by central differences in 60 digits."""
    tails = REFERENCES[name].tails
    y, *parameters = (mp.mpf(value) for value in point)

    def logs(values: list[Any]) -> list[Any]:
        return [mp.log(tail) for tail in tails(y, *values)]

    gradients = []
    for index, value in enumerate(parameters):
        step = (abs(value) if value else mp.mpf(1)) * mp.mpf(10) ** -15
        up, down = (logs([*parameters[:index], value + s * step, *parameters[index + 1 :]]) for s in (1, -1))
        gradients.append([float((a - b) / (2 * step)) for a, b in zip(up, down, strict=True)])
    return [float(tail) for tail in logs(parameters)], gradients


@pytest.mark.parametrize(("name", "point"), POINTS, ids=lambda value: str(value))
def test_tails_and_their_gradients_are_those_of_mpmath(name: str, point: tuple[float, ...]) -> None:
    y, *values = (torch.tensor(value, dtype=torch.float64) for value in point)
    parameters = [value.requires_grad_() for value in values]
    tails = log_tails(REFERENCES[name].cls(*parameters, validate_args=False), y)
    with mp.workdps(60):
        exact, gradients = _exact(name, point)
    for index, tail in enumerate(tails):
        np.testing.assert_allclose(tail.item(), exact[index], rtol=1e-9, atol=1e-9)
        computed = torch.autograd.grad(tail, parameters, retain_graph=True)
        for parameter, ours, theirs in zip(parameters, computed, gradients, strict=True):
            unit = abs(parameter.item()) or 1.0
            np.testing.assert_allclose(ours.item() * unit, theirs[index] * unit, rtol=1e-7, atol=1e-7)


#: The shipped families whose targets can be censored; all that have quantiles can, except directions and vectors.
CENSORABLE = {name: case for name, case in CASES.items() if has_log_tails(build(case))}
INFINITE = torch.full((4,), torch.inf, dtype=torch.float64)
every_family = pytest.mark.parametrize("case", CENSORABLE.values(), ids=CENSORABLE)


def _narrow(case: Case) -> Any:
    return family(case).build({name: value.float() for name, value in case.parameters.items()})


def _ends(case: Case, *ranks: float) -> list[Tensor]:
    """Quantiles of each row, in float64."""
    return [quantile(build(case), rank).double() for rank in ranks]


def _less(built: Any, y: Tensor) -> Tensor:
    """P(Y < y)."""
    with np.errstate(all="ignore"):
        return torch.from_numpy(np.asarray(law(built).below(y.numpy())))


#: Families without quantiles on the line.
NOT_ON_THE_LINE = {
    "categorical", "diagonal_normal", "dirichlet", "low_rank_normal", "multinomial", "multivariate_normal",
    "multivariate_student_t", "plackett_luce", "plackett_luce_partial", "plackett_luce_top", "projected_normal",
    "von_mises",
}  # fmt: skip


def test_all_univariate_families_on_the_line_can_be_censored() -> None:
    assert set(CASES) - set(CENSORABLE) == NOT_ON_THE_LINE


@every_family
@pytest.mark.parametrize("rank", [0.003, 0.2, 0.5, 0.9, 0.9999])
def test_the_mass_on_either_side_is_that_of_the_cdf(case: Case, rank: float) -> None:
    """The cdf is that of scipy; a bound is included, with its mass if it has any."""
    built, (y,) = build(case), _ends(case, rank)
    at_most, less = cdf(built, y), _less(built, y)
    np.testing.assert_allclose(log_mass(built, -INFINITE, y, case.inside).exp(), at_most, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(log_mass(built, y, INFINITE, case.inside).exp(), 1.0 - less, rtol=1e-7, atol=1e-14)


@every_family
def test_a_closed_interval_holds_the_difference_of_two_cdfs(case: Case) -> None:
    built, (lower, upper) = build(case), _ends(case, 0.3, 0.8)
    mass = log_mass(built, lower, upper, case.inside)
    np.testing.assert_allclose(mass.exp(), cdf(built, upper) - _less(built, lower), rtol=1e-9)
    torch.testing.assert_close(log_mass(built, -INFINITE, INFINITE, case.inside), torch.zeros(4, dtype=torch.float64))


@every_family
def test_an_interval_of_one_value_or_no_width_has_the_density(case: Case) -> None:
    built, y = build(case), case.inside.double()
    width = torch.zeros(()) if built.support.is_discrete else 1e-7 * y.abs()
    mass = log_mass(built, y - width / 2, y + width / 2, case.inside)
    # A mass at the upper end of the support is in an interval of any width around it.
    is_mass = (cdf(built, y) > _less(built, y)) & (y > 0.0) | built.support.is_discrete
    expected = built.log_prob(case.inside) + torch.where(is_mass, 0.0, width.log())
    np.testing.assert_allclose(mass, expected, rtol=1e-5, atol=1e-6)


@every_family
def test_float32_is_right_to_its_last_digits_and_has_the_gradients_of_finite_differences(case: Case) -> None:
    (lower, upper) = _ends(case, 0.2, 0.97)
    pairs = [(-INFINITE, upper), (lower, INFINITE), (lower, upper)]
    for low, high in pairs:
        exact = log_mass(build(case), low, high, case.inside)
        rounded = log_mass(_narrow(case), low.float(), high.float(), single(case.inside))
        assert rounded.dtype == torch.float32
        np.testing.assert_allclose(rounded, exact, rtol=1e-4, atol=1e-5)

        trained = list(family(case).links)

        def mass(*values: Tensor, low: Tensor = low, high: Tensor = high, names: list[str] = trained) -> Tensor:
            parameters = {**case.parameters, **dict(zip(names, values, strict=True))}
            return log_mass(family(case).build(parameters), low, high, case.inside)

        leaves = [case.parameters[name].clone().requires_grad_() for name in trained]
        assert torch.autograd.gradcheck(mass, leaves, eps=1e-6, atol=1e-5, rtol=1e-4)


@every_family
def test_truncation_divides_by_the_mass_between_its_limits(case: Case) -> None:
    built, (lower, upper) = build(case), _ends(case, 0.05, 0.95)
    limits = torch.stack([lower, upper], -1)
    y = quantile(built, 0.5).to(case.inside.dtype)
    expected = built.log_prob(y) - log_mass(built, lower, upper, y)
    torch.testing.assert_close(log_likelihood(built, y, truncation=limits), expected)
    # A target that is known to lie between the limits, as all do, has probability 1.
    everything = torch.stack([-INFINITE, INFINITE], -1)
    certain = log_likelihood(built, y, everything, limits)
    torch.testing.assert_close(certain, torch.zeros(4, dtype=torch.float64), atol=1e-12, rtol=0)


def test_the_gap_between_two_peaks_of_a_mixture_keeps_its_digits() -> None:
    weights = dist.Categorical(logits=torch.zeros(2, dtype=torch.float64))
    peaks = dist.Normal(torch.tensor([-20.0, 20.0]).double(), torch.ones(2, dtype=torch.float64))
    mixture = distributions.MixtureSameFamily(weights, peaks)
    low, high = torch.tensor(-1.0).double(), torch.tensor(1.0).double()
    with mp.workdps(40):
        exact = mp.log(_normal(mp.mpf(-1), -20, 1)[1] - _normal(mp.mpf(1), -20, 1)[1])
    np.testing.assert_allclose(log_mass(mixture, low, high, low), float(exact), rtol=1e-12)
