"""The Tweedie distribution against its definition in 40 digits, its integrals, and statsmodels."""

from __future__ import annotations

import itertools

import mpmath as mp
import numpy as np
import pytest
import torch
from statsmodels.genmod.families import Tweedie as GLM

from likelihead import DistributionHead
from likelihead.distributions import Tweedie
from likelihead.distributions.tails import log_tails
from likelihead.laws.crps import crps_by_quadrature
from likelihead.laws.law import law

POINTS = [
    point
    for point in itertools.product((1e-6, 0.3, 1.0, 40.0), (0.1, 20.0), (0.01, 0.5, 30.0), (1.02, 1.5, 1.97))
    if point[0] ** (2.0 - point[3]) / point[2] < 500.0
]


def defined(y: float, mean: float, dispersion: float, power: float) -> float:
    """log p(y) as that of a Poisson number of gamma variates, summed over all numbers that count."""
    y, mean, dispersion, power = map(mp.mpf, (y, mean, dispersion, power))
    rate, shape = mean ** (2 - power) / (dispersion * (2 - power)), (2 - power) / (power - 1)
    scale = dispersion * (power - 1) * mean ** (power - 1)
    peak = int(y ** (2 - power) / (dispersion * (2 - power)))
    reach = int(12 * mp.sqrt(peak) + 60)

    def term(n: int) -> mp.mpf:
        poisson = n * mp.log(rate) - rate - mp.loggamma(n + 1)
        return mp.exp(poisson + (n * shape - 1) * mp.log(y / scale) - y / scale - mp.loggamma(n * shape)) / scale

    return mp.log(mp.fsum(term(n) for n in range(max(1, peak - reach), peak + reach)))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_density_is_its_definition(dtype: torch.dtype) -> None:
    limit = 1e-12 if dtype == torch.float64 else 2e-6
    for point in POINTS:
        y, *parameters = (torch.tensor(value, dtype=dtype) for value in point)
        with mp.workdps(40):
            expected = float(defined(*(float(value) for value in (y, *parameters))))
        assert Tweedie(*parameters).log_prob(y).item() == pytest.approx(expected, rel=limit, abs=limit), point


@pytest.mark.parametrize("which", ["mean", "dispersion", "power"])
def test_the_gradient_is_that_of_the_definition(which: str) -> None:
    point = {"y": 1.7, "mean": 0.9, "dispersion": 0.8, "power": 1.35}
    parameters = {name: torch.tensor(point[name], dtype=torch.float64, requires_grad=True) for name in list(point)[1:]}
    Tweedie(**parameters).log_prob(torch.tensor(point["y"], dtype=torch.float64)).backward()
    with mp.workdps(40):
        slope = mp.diff(lambda value: defined(**{**point, which: value}), point[which])
    assert parameters[which].grad.item() == pytest.approx(float(slope), rel=1e-9)


def test_the_density_is_right_where_it_has_a_million_terms() -> None:
    """There it is the saddlepoint approximation, whose error is about one over the number of terms."""
    y, mean, dispersion, power = torch.tensor(
        [[3.0, 1e4], [3.001, 1.0001e4], [1e-8, 1e-9], [1.5, 1.9]], dtype=torch.float64
    )
    deviance = torch.from_numpy(GLM(var_power=1.5)._resid_dev(y.numpy()[:1], mean.numpy()[:1]))
    expected = -0.5 * (torch.log(2.0 * torch.pi * dispersion * y**power)[:1] + deviance / dispersion[:1])
    assert Tweedie(mean, dispersion, power).log_prob(y)[0].item() == pytest.approx(expected.item(), rel=1e-7)


def test_statsmodels_agrees() -> None:
    """Its series has the precision of double lgamma differences."""
    rng = np.random.default_rng(0)
    y, mean = np.round(rng.gamma(2.0, 1.0, 50), 3) * rng.integers(0, 2, 50), rng.uniform(0.5, 4.0, 50)
    theirs = GLM(var_power=1.6, eql=False).loglike_obs(y, mean, scale=1.3)
    ours = Tweedie(torch.from_numpy(mean), *torch.tensor([1.3, 1.6], dtype=torch.float64))
    np.testing.assert_allclose(ours.log_prob(torch.from_numpy(y)), theirs, rtol=1e-6)


def some() -> Tweedie:
    rows = torch.tensor([[2.0, 1.0, 9.0, 40.0], [1.0, 0.2, 5.0, 0.05], [1.5, 1.2, 1.7, 1.4]], dtype=torch.float64)
    return Tweedie(*rows)


def test_the_crps_is_its_integral_and_the_cdf_that_of_samples() -> None:
    y = np.array([0.0, 1.3, 30.0, 41.0])
    with np.errstate(over="ignore", invalid="ignore"):
        np.testing.assert_allclose(law(some()).crps(y), crps_by_quadrature(law(some()), y), rtol=1e-6)
    torch.manual_seed(0)
    drawn = some().sample((50_000,)).numpy()
    np.testing.assert_allclose((drawn <= y).mean(0), law(some()).cdf(y), atol=0.01)
    np.testing.assert_allclose(drawn.mean(0), some().mean, rtol=0.02)
    np.testing.assert_allclose(drawn.var(0), some().variance, rtol=0.05)


@pytest.mark.parametrize("y", [1e-3, 5.0, 200.0])
def test_its_tails_are_integrals_of_the_density(y: float) -> None:
    mean, dispersion, power = 3.0, 1.2, 1.4
    parameters = torch.tensor([mean, dispersion, power], dtype=torch.float64)
    tails = log_tails(Tweedie(*parameters), torch.tensor(y, dtype=torch.float64))
    with mp.workdps(20):
        zero = mp.exp(-(mp.mpf(mean) ** (2 - power)) / (dispersion * (2 - power)))
        beyond = mp.quad(lambda x: mp.exp(defined(x, mean, dispersion, power)), [y, y + 5, y + 20, y + 60])
        assert tails.log_survival.item() == pytest.approx(float(mp.log(beyond)), rel=1e-8)
        assert tails.log_cdf.item() == pytest.approx(float(mp.log(1 - beyond)), rel=1e-6)
        assert float(mp.log(1 - beyond)) > float(mp.log(zero))


def test_an_exposure_multiplies_the_mean() -> None:
    head = DistributionHead("tweedie", in_features=1)
    once, twice = (head(torch.zeros(1, 1), exposure=torch.tensor([each])).mean for each in (1.0, 2.0))
    torch.testing.assert_close(twice, 2.0 * once)
