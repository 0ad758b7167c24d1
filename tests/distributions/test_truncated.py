"""Families cut off at limits, against scipy's truncated normal and mpmath, also where next to nothing is left."""

from __future__ import annotations

import itertools

import mpmath as mp
import numpy as np
import pyro.distributions as dist
import pytest
import torch
from scipy import integrate, stats

from likelihead import DistributionHead, LikelihoodError, distributions
from likelihead.families.family import Family
from likelihead.inference import cdf, mean, mode, quantile
from likelihead.laws.law import law
from likelihead.target_types import target_type_of

LOC, SCALE = np.array([-2.0, 0.5, 30.0, -35.0]), np.array([1.0, 3.0, 2.0, 1.5])
LIMITS = pytest.mark.parametrize(("low", "high"), [(0.0, np.inf), (-np.inf, 1.0), (-1.0, 2.5)])


def truncated(low: float, high: float) -> distributions.Truncated:
    base = distributions.Normal(torch.from_numpy(LOC), torch.from_numpy(SCALE))
    return distributions.Truncated(base, low, high)


def twin(low: float, high: float) -> stats.rv_continuous:
    return stats.truncnorm((low - LOC) / SCALE, (high - LOC) / SCALE, LOC, SCALE)


@LIMITS
def test_a_truncated_normal_is_that_of_scipy(low: float, high: float) -> None:
    built, expected = truncated(low, high), twin(low, high)
    y = np.clip(np.array([[0.3], [0.9], [-0.5]]), low, high) + np.zeros((3, 4))
    np.testing.assert_allclose(built.log_prob(torch.from_numpy(y)), expected.logpdf(y), 1e-9)
    np.testing.assert_allclose(cdf(built, torch.from_numpy(y)), expected.cdf(y), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(quantile(built, 0.3), expected.ppf(0.3), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(mean(built), expected.mean(), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(mode(built), np.clip(LOC, low, high))


def test_far_beyond_a_limit_the_density_and_its_gradient_keep_their_digits() -> None:
    """There it is nearly an exponential distribution whose rate is the distance in scales."""
    loc = torch.tensor([-40.0, -3e3, -1e5], dtype=torch.float64, requires_grad=True)
    found = distributions.Truncated(distributions.Normal(loc, torch.ones(3).double()), low=0.0)
    y = torch.tensor([0.01, 1e-4, 1e-5], dtype=torch.float64)
    log_prob = found.log_prob(y)
    (gradient,) = torch.autograd.grad(log_prob.sum(), loc)
    with mp.workdps(40):
        for place in range(3):

            def exact(m: mp.mpf, x: float = y[place].item()) -> mp.mpf:
                return -((x - m) ** 2) / 2 - mp.log(mp.sqrt(mp.pi / 2) * mp.erfc(-m / mp.sqrt(2)))

            m = mp.mpf(loc[place].item())
            assert log_prob[place].item() == pytest.approx(float(exact(m)), abs=1e-5)
            assert gradient[place].item() == pytest.approx(float(mp.diff(exact, m)), abs=1e-9)


@pytest.mark.parametrize("family", ["StudentT", "Gamma", "Weibull", "Laplace", "Gumbel", "SkewT", "Logistic"])
def test_any_continuous_family_takes_limits(family: str) -> None:
    module = "pyro.distributions" if family in ("Laplace", "Logistic") else "likelihead.distributions"
    made = Family.of({"family": f"{module}.{family}", "limits": [0.5, 3.0]})
    built = made.example(0.4)

    def density(x: float) -> float:
        return float(built.log_prob(torch.tensor([x], dtype=torch.float64)).exp())

    assert integrate.quad(density, 0.5, 3.0)[0] == pytest.approx(1.0, rel=1e-6)
    below = integrate.quad(density, 0.5, 1.2)[0]
    assert cdf(built, torch.tensor([1.2])).item() == pytest.approx(below, rel=1e-5)
    assert quantile(built, below).item() == pytest.approx(1.2, rel=1e-5)
    expected = integrate.quad(lambda x: x * density(x), 0.5, 3.0)[0]
    assert mean(built).item() == pytest.approx(expected, rel=1e-5)


def test_the_crps_is_its_integral() -> None:
    built, expected, y = truncated(0.0, np.inf), twin(0.0, np.inf), 0.4

    def score(place: int) -> float:
        def square(x: float) -> float:
            return float((expected.cdf(x)[place] - (x >= y)) ** 2)

        ends = [0.0, y, *sorted({float(expected.ppf(q)[place]) for q in (0.1, 0.5, 0.9, 1 - 1e-12)} - {y})]
        ends = sorted(ends)
        return sum(integrate.quad(square, *pair)[0] for pair in itertools.pairwise(ends))

    np.testing.assert_allclose(law(built).crps(np.full(4, y)), [score(place) for place in range(4)], rtol=1e-5)


def test_the_limits_are_the_support() -> None:
    assert target_type_of("truncated_normal").support_text == "numbers not below 0"
    between = {"family": "likelihead.distributions.Normal", "limits": [0, 10]}
    assert target_type_of(between).support_text == "numbers between 0 and 10"
    head = DistributionHead(between, in_features=2)
    assert head(torch.zeros(3, 2)).log_prob(torch.ones(3)).dtype == torch.float32
    assert Family.of(between).name == "truncated Normal"


@pytest.mark.parametrize(
    ("family", "limits", "message"),
    [
        ("likelihead.distributions.Poisson", [1, None], "limits are for continuous families of numbers, and Poisson"),
        ("likelihead.distributions.VonMisesVector", [0, 1], "limits.* for continuous families of numbers"),
        ("likelihead.distributions.Normal", [3, 1], r"limits \[3, 1\] leave nothing of Normal"),
        ("likelihead.distributions.Gamma", [None, -1], r"limits \[-inf, -1\] leave nothing of Gamma"),
        ("likelihead.distributions.Normal", [None, None], "give a lower and an upper limit"),
        ("likelihead.distributions.Normal", 3, "give a lower and an upper limit"),
        ("likelihead.distributions.Normal", ["a", None], "give a lower and an upper limit"),
    ],
)
def test_limits_that_cannot_be(family: str, limits: object, message: str) -> None:
    with pytest.raises(LikelihoodError, match=message):
        Family.of({"family": family, "limits": limits})


def test_a_mixture_of_truncated_normals_is_truncated() -> None:
    mixture = Family.of({"family": "likelihead.distributions.Normal", "limits": [0.0, None], "components": 2}).build(
        {
            "mixture_logits": torch.tensor([[0.0, 1.0]]).double(),
            "loc": torch.tensor([[-1.0, 3.0]]).double(),
            "scale": torch.ones(1, 2).double(),
        }
    )
    y = torch.tensor([0.7], dtype=torch.float64)
    shares = np.exp([0.0, 1.0]) / np.exp([0.0, 1.0]).sum()
    parts = stats.truncnorm([1.0, -3.0], np.inf, [-1.0, 3.0])
    assert mixture.log_prob(y).exp().item() == pytest.approx(float(shares @ parts.pdf(0.7)), rel=1e-9)
    assert cdf(mixture, y).item() == pytest.approx(float(shares @ parts.cdf(0.7)), rel=1e-9)
    assert isinstance(mixture, dist.MixtureSameFamily)
