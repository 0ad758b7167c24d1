"""The continuous families at ordinary values: against scipy, their shapes, samples, mixtures, and the zero vector."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from scipy import stats
from torch import Tensor

import likelihead.distributions as own

SHAPE = (4,)


class Case(NamedTuple):
    """A family, parameters of batch shape (4,), the scipy twin of one row, and targets of batch shape (4,)."""

    cls: Callable[..., dist.Distribution]
    parameters: dict[str, Tensor]
    twin: Callable[..., Any]
    y: Tensor


def row(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


LOC, SCALE, SHARE = row(-2.0, 0.0, 0.3, 5.0), row(0.2, 1.0, 3.0, 0.7), row(0.05, 0.4, 0.77, 0.99)
VECTOR = torch.stack([row(1.0, -2.0, 0.0, 3.0), row(0.5, 1.0, -4.0, 0.0)], -1)
FACTOR = torch.tensor([[1.0, 0.0, 0.0], [0.5, 2.0, 0.0], [-1.0, 0.3, 0.4]], dtype=torch.float64)
WEIBULL = (own.Weibull, {"scale": SCALE, "concentration": row(0.5, 1.0, 2.0, 4.0)})
SIMPLEX = torch.tensor([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8], [0.6, 0.3, 0.1], [0.01, 0.98, 0.01]], dtype=torch.float64)


def _beta_of(logits: float, precision: float) -> Any:
    mean = 1.0 / (1.0 + math.exp(-logits))
    return stats.beta(mean * precision, (1.0 - mean) * precision)


CASES = {
    "normal": Case(own.Normal, {"loc": LOC, "scale": SCALE}, lambda m, s: stats.norm(m, s), LOC + 1.0),
    "log_normal": Case(
        own.LogNormal, {"loc": LOC, "scale": SCALE}, lambda m, s: stats.lognorm(s, scale=math.exp(m)), SCALE
    ),
    "student_t": Case(
        own.StudentT, {"df": 4.0 * SCALE, "loc": LOC, "scale": SCALE}, lambda v, m, s: stats.t(v, m, s), LOC - 2.0
    ),
    "gamma": Case(
        own.Gamma, {"concentration": 2.0 * SCALE, "rate": SHARE}, lambda a, b: stats.gamma(a, scale=1 / b), SCALE
    ),
    "beta": Case(own.Beta, {"concentration1": SCALE, "concentration0": SHARE + 0.5}, stats.beta, SHARE),
    "beta_proportion": Case(own.BetaProportion, {"logits": 0.5 * LOC, "precision": 9.0 * SCALE}, _beta_of, SHARE),
    "weibull": Case(*WEIBULL, lambda s, k: stats.weibull_min(k, scale=s), row(0.1, 0.5, 4.0, 0.8)),
    "von_mises": Case(
        own.VonMises, {"loc": row(-2.0, 0.0, 1.0, 3.1), "concentration": 5.0 * SCALE},
        lambda m, k: stats.vonmises(k, m), row(-3.0, 1.0, 2.0, -3.1),
    ),
    "von_mises_vector": Case(
        own.VonMisesVector, {"vector": VECTOR},
        lambda v: stats.vonmises(np.hypot(*v), np.arctan2(v[1], v[0])), row(-3.0, 1.0, 2.0, -3.1),
    ),
    "von_mises_vector_given": Case(
        own.VonMisesVector, {"vector": VECTOR, "concentration": SCALE},
        lambda v, k: stats.vonmises(k, np.arctan2(v[1], v[0])), row(-3.0, 1.0, 2.0, -3.1),
    ),
    "dirichlet": Case(own.Dirichlet, {"concentration": 5.0 * SIMPLEX.flip(-1)}, stats.dirichlet, SIMPLEX),
    "multivariate_normal": Case(
        own.MultivariateNormal, {"loc": SIMPLEX, "scale_tril": FACTOR.expand(4, 3, 3)},
        lambda m, f: stats.multivariate_normal(m, f @ f.T), SIMPLEX.flip(-1),
    ),
}  # fmt: skip


def build(case: Case, dtype: torch.dtype = torch.float64, validate_args: bool = True) -> dist.Distribution:
    return case.cls(**{name: value.to(dtype) for name, value in case.parameters.items()}, validate_args=validate_args)


def twins(case: Case) -> list[Any]:
    return [case.twin(*(value[index].numpy() for value in case.parameters.values())) for index in range(4)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_log_prob_is_scipys(case: Case) -> None:
    log_prob = build(case).log_prob(case.y)
    expected = [float(twin.logpdf(y.numpy())) for twin, y in zip(twins(case), case.y, strict=True)]
    np.testing.assert_allclose(log_prob, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_gradients_of_first_and_second_order(case: Case) -> None:
    """Against finite differences, by the parameters and by y."""
    leaves = [value.clone().requires_grad_() for value in (*case.parameters.values(), case.y)]

    def log_prob(*inputs: Tensor) -> Tensor:
        parameters = dict(zip(case.parameters, inputs, strict=False))
        if "scale_tril" in parameters:
            parameters["scale_tril"] = parameters["scale_tril"].tril()
        return case.cls(**parameters, validate_args=False).log_prob(inputs[-1])

    assert torch.autograd.gradcheck(log_prob, leaves, atol=1e-5, fast_mode=True)
    assert torch.autograd.gradgradcheck(log_prob, leaves, atol=1e-4, fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_expand_keeps_the_class_and_the_density(case: Case, dtype: torch.dtype) -> None:
    plain = build(case, dtype)
    expanded = plain.expand((3, 4))
    y = case.y.to(dtype)
    assert type(expanded) is case.cls and expanded.batch_shape == (3, 4) and expanded.event_shape == plain.event_shape
    torch.testing.assert_close(expanded.log_prob(y), plain.log_prob(y).expand(3, 4))
    assert plain.log_prob(y.expand(2, *y.shape)).shape == (2, 4)
    for name in case.parameters:
        assert getattr(expanded, name).shape == (3, *getattr(plain, name).shape)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_samples_lie_in_the_support_and_follow_scipys_cdf(case: Case, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    distribution = build(case, dtype)
    sample = distribution.expand((3, 4)).sample((2,))
    assert sample.dtype == dtype and sample.shape == (2, 3, 4, *distribution.event_shape)
    sample = distribution.sample((500,))
    assert bool(distribution.support.check(sample).all()) and bool(distribution.log_prob(sample).isfinite().all())
    if distribution.event_shape:
        np.testing.assert_allclose(sample.mean(0), distribution.mean, atol=0.4)
        return
    for index, twin in enumerate(twins(case)):
        drawn = sample[:, index].double().numpy()
        if "von_mises" in type(distribution).__module__:
            drawn, twin = np.cos(drawn), np.cos(twin.rvs(500, random_state=0))
            assert stats.ks_2samp(drawn, twin).pvalue > 1e-4
        else:
            assert stats.kstest(drawn, twin.cdf).pvalue > 1e-4


def test_tiny_concentrations_sample_both_ends() -> None:
    torch.manual_seed(0)
    sample = own.Beta(torch.tensor(1e-6), torch.tensor(1e-6)).sample((400,))
    assert 0.4 < float((sample > 0.5).double().mean()) < 0.6 and bool(((sample > 0) & (sample < 1)).all())
    corners = own.Dirichlet(torch.full((3,), 1e-6)).sample((300,)).argmax(-1)
    assert bool((corners.bincount(minlength=3) > 60).all())


@pytest.mark.parametrize("concentration", [None, 2.0])
def test_the_zero_vector_has_a_finite_gradient_towards_y(concentration: float | None) -> None:
    vector = torch.zeros(3, 2, requires_grad=True)
    given = None if concentration is None else torch.full((3,), concentration)
    y = torch.tensor([0.0, 1.0, -2.0])
    log_prob = own.VonMisesVector(vector, given, validate_args=False).log_prob(y)
    (gradient,) = torch.autograd.grad(log_prob.sum(), vector)
    towards = torch.stack([y.cos(), y.sin()], -1)
    torch.testing.assert_close(gradient, towards * (concentration or 1.0))


def mixture(logits: Tensor, loc: Tensor, scale: Tensor, cls: type = own.Normal) -> own.MixtureSameFamily:
    weights = dist.Categorical(logits=logits, validate_args=False)
    return own.MixtureSameFamily(weights, cls(loc, scale, validate_args=False), validate_args=False)


def test_a_mixture_is_right_with_a_component_far_away() -> None:
    parameters = [row(0.1, 0.2, 0.3), row(0.0, 1e20, -1e30), row(1.0, 1e-9, 1.0)]
    leaves = [value.float().requires_grad_() for value in parameters]
    log_prob = mixture(*leaves).log_prob(torch.tensor(0.5))
    weight = np.exp([0.1, 0.2, 0.3]) / np.exp([0.1, 0.2, 0.3]).sum()
    assert float(log_prob.detach()) == pytest.approx(stats.norm.logpdf(0.5) + math.log(weight[0]), rel=1e-6)
    gradients = torch.autograd.grad(log_prob, leaves)
    torch.testing.assert_close(gradients[1], torch.tensor([0.5, 0.0, 0.0]))
    torch.testing.assert_close(gradients[2], torch.tensor([0.25 - 1.0, 0.0, 0.0]))
    torch.testing.assert_close(gradients[0], torch.tensor([1.0, 0.0, 0.0]) - torch.from_numpy(weight).float())


def test_a_mixture_that_reaches_nothing_is_minus_infinity_without_nan() -> None:
    leaves = [value.float().requires_grad_() for value in (row(0.0, 1.0), row(0.0, 1.0), row(1.0, 1e-9))]
    log_prob = mixture(*leaves).log_prob(torch.tensor([1e30, 0.0]))
    assert log_prob[0] == -math.inf and bool(log_prob[1].isfinite())
    assert all(bool(part.isfinite().all()) for part in torch.autograd.grad(log_prob.sum(), leaves))


@pytest.mark.parametrize("cls", [own.Normal, dist.Laplace, own.LogNormal])
def test_a_mixture_of_any_family_expands_and_samples(cls: type) -> None:
    torch.manual_seed(0)
    plain = mixture(torch.randn(4, 5), torch.randn(4, 5), torch.rand(4, 5) + 0.5, cls)
    expanded = plain.expand((3, 4))
    y = plain.sample()
    assert type(expanded) is own.MixtureSameFamily and expanded.batch_shape == (3, 4)
    torch.testing.assert_close(expanded.log_prob(y), plain.log_prob(y).expand(3, 4))
    joint = plain.component_distribution.log_prob(y[:, None]).exp() * plain.mixture_distribution.probs
    torch.testing.assert_close(plain.log_prob(y), joint.sum(-1).log())
    assert expanded.sample((2,)).shape == (2, 3, 4) and plain.to_event(1).log_prob(y).shape == ()


def test_a_mixture_of_vectors() -> None:
    torch.manual_seed(0)
    weights = dist.Categorical(logits=torch.randn(4, 2))
    components = own.MultivariateNormal(torch.randn(4, 2, 3), scale_tril=FACTOR.float().expand(4, 2, 3, 3))
    plain = own.MixtureSameFamily(weights, components)
    y = plain.sample()
    joint = components.log_prob(y[:, None]).exp() * weights.probs
    torch.testing.assert_close(plain.log_prob(y), joint.sum(-1).log())
    assert plain.expand((3, 4)).log_prob(y).shape == (3, 4)


@pytest.mark.parametrize("size", [1, 8, 9, 12])
def test_multivariate_normal_of_any_size_with_one_factor_for_all_rows(size: int) -> None:
    torch.manual_seed(size)
    factor = (torch.randn(size, size, dtype=torch.float64).tril(-1) + 2.0 * torch.eye(size)).requires_grad_()
    loc, y = torch.randn(2, 5, size, dtype=torch.float64)
    distribution = own.MultivariateNormal(loc, scale_tril=factor)
    log_prob, expected = distribution.log_prob(y), dist.MultivariateNormal(loc, scale_tril=factor).log_prob(y)
    torch.testing.assert_close(log_prob, expected)
    found, wanted = (torch.autograd.grad(value.sum(), factor)[0].tril() for value in (log_prob, expected))
    torch.testing.assert_close(found, wanted)


def test_inherited_moments() -> None:
    for name, case in CASES.items():
        distribution = build(case)
        assert distribution.mean.shape == (4, *distribution.event_shape), name
    assert float(own.BetaProportion(row(0.0), row(3.0)).mean) == 0.5
    assert float(own.VonMises(row(0.0), row(1e8)).variance) == pytest.approx(5e-9, rel=1e-7)


def test_weibull_beyond_the_range_of_the_dtype_stays_finite() -> None:
    leaves = [torch.tensor([2e-8, 2e-8]).requires_grad_(), torch.tensor([148.0, 3e8]).requires_grad_()]
    log_prob = own.Weibull(*leaves, validate_args=False).log_prob(torch.tensor([2.0, 0.5]))
    assert bool((log_prob < -1e37).all()) and bool(log_prob.isfinite().all())
    for leaf, gradient in zip(leaves, torch.autograd.grad(log_prob.sum(), leaves), strict=True):
        assert bool(gradient.isfinite().all() & (gradient * leaf).isfinite().all())
