"""Families of vectors against mpmath, scipy and the families that they are limits of."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import torch
from scipy import stats

from likelihead import DistributionHead, distributions
from likelihead.configs import read
from likelihead.inference import interval, mean, mode, quantile
from likelihead.laws.law import law

FACTOR = torch.tensor([[1.0, 0.0, 0.0], [-1.5, 2.0, 0.0], [0.3, 0.4, 0.9]], dtype=torch.float64)
LOC = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
Y = torch.tensor([4.0, 1.0, -3.0], dtype=torch.float64)


@pytest.mark.parametrize("df", [0.01, 0.7, 3.0, 50.0, 1e4, 1e8, 1e12])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_multivariate_t_is_its_formula_in_40_digits(df: float, dtype: torch.dtype) -> None:
    leaf = torch.tensor(df, dtype=dtype, requires_grad=True)
    log_prob = distributions.MultivariateStudentT(leaf, LOC.to(dtype), FACTOR.to(dtype)).log_prob(Y.to(dtype))
    (gradient,) = torch.autograd.grad(log_prob, leaf)
    square = float((torch.linalg.solve(FACTOR, Y - LOC) ** 2).sum())
    log_det = float(FACTOR.diagonal().log().sum())

    def exact(v: mp.mpf) -> mp.mpf:
        constant = mp.loggamma((v + 3) / 2) - mp.loggamma(v / 2) - mp.mpf(3) / 2 * mp.log(v * mp.pi)
        return constant - log_det - (v + 3) / 2 * mp.log1p(square / v)

    with mp.workdps(40):
        value, slope = float(exact(mp.mpf(leaf.item()))), float(mp.diff(exact, mp.mpf(leaf.item())))
    limit = 1e-12 if dtype == torch.float64 else 2e-6
    assert log_prob.item() == pytest.approx(value, rel=limit, abs=limit)
    assert gradient.item() * df == pytest.approx(slope * df, rel=1e-4, abs=1e-5)


def test_the_multivariate_t_has_the_marginals_of_scipy() -> None:
    built = distributions.MultivariateStudentT(torch.tensor(4.0).double(), LOC, FACTOR)
    marginals = stats.t(4.0, LOC, np.sqrt(np.diag(FACTOR @ FACTOR.T)))
    np.testing.assert_allclose(quantile(built, 0.1), marginals.ppf(0.1), rtol=1e-12)
    np.testing.assert_allclose(torch.stack(interval(built, 0.9)), np.stack(marginals.interval(0.9)), rtol=1e-12)
    assert mode(built).tolist() == mean(built).tolist() == LOC.tolist()


def test_a_diagonal_normal_is_a_multivariate_normal_with_a_diagonal_factor() -> None:
    scale = torch.tensor([0.3, 2.0, 5.0], dtype=torch.float64)
    ours = distributions.DiagonalNormal(LOC, scale)
    full = stats.multivariate_normal(LOC, np.diag(scale.numpy() ** 2))
    assert ours.log_prob(Y).item() == pytest.approx(float(full.logpdf(Y)), rel=1e-12)
    np.testing.assert_allclose(quantile(ours, 0.3), stats.norm.ppf(0.3, LOC, scale), rtol=1e-12)


def test_a_low_rank_normal_is_the_multivariate_normal_with_its_covariance() -> None:
    scale, factor = torch.tensor([0.3, 2.0, 5.0]).double(), FACTOR[:, :2] * 3.0
    ours = distributions.LowRankNormal(LOC, factor, scale)
    covariance = (factor @ factor.T + torch.diag(scale.square())).numpy()
    assert ours.log_prob(Y).item() == pytest.approx(float(stats.multivariate_normal(LOC, covariance).logpdf(Y)), 1e-10)
    np.testing.assert_allclose(quantile(ours, 0.3), stats.norm.ppf(0.3, LOC, np.sqrt(np.diag(covariance))), rtol=1e-10)
    factored = distributions.MultivariateNormal(LOC, scale_tril=torch.from_numpy(np.linalg.cholesky(covariance)))
    np.testing.assert_allclose(law(ours).energy(Y.numpy()), law(factored).energy(Y.numpy()), rtol=1e-10)


def test_the_rank_is_an_option() -> None:
    head = DistributionHead({**read("low_rank_normal"), "options": {"rank": 3}}, in_features=2, event_size=5)
    assert head(torch.zeros(4, 2)).factor.shape == (4, 5, 3)


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("length", [0.0, 0.5, 4.0, 30.0, 1e3])
def test_a_projected_normal_is_its_formula_in_30_digits(size: int, length: float) -> None:
    """Towards the mean direction, beside it and away from it."""
    concentration = length * torch.nn.functional.one_hot(torch.tensor(0), size).double()
    for angle in (0.0, 0.3, 1.6, 3.1):
        y = torch.zeros(size, dtype=torch.float64)
        y[0], y[1] = np.cos(angle), np.sin(angle)
        t = length * y[0].item()
        with mp.workdps(30):
            # The integral of r^(d - 1) exp(-(r - t)^2 / 2) over r > 0 is a parabolic cylinder function.
            radial = mp.factorial(size - 1) * mp.exp(-(mp.mpf(t) ** 2) / 4) * mp.pcfd(-size, -mp.mpf(t))
            exact = mp.log(radial) - (mp.mpf(length) ** 2 - mp.mpf(t) ** 2) / 2 - mp.mpf(size) / 2 * mp.log(2 * mp.pi)
        found = distributions.ProjectedNormal(concentration).log_prob(y).item()
        assert found == pytest.approx(float(exact), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("length", [0.3, 29.9, 30.1, 1e6])
def test_the_expected_vector_of_a_projected_normal(length: float) -> None:
    """In three dimensions the mean length is an integral over the cosine, of the density of cases.py."""
    concentration = torch.tensor([0.0, length, 0.0], dtype=torch.float64)
    with mp.workdps(30):
        bessel = mp.gamma(2) / (mp.sqrt(2) * mp.gamma(mp.mpf(5) / 2)) * length
        expected = bessel * mp.hyp1f1(mp.mpf(1) / 2, mp.mpf(5) / 2, -(mp.mpf(length) ** 2) / 2)
    assert mean(distributions.ProjectedNormal(concentration))[1].item() == pytest.approx(float(expected), rel=1e-7)
