"""Pyro models: the joint density that they declare, and posteriors and predictions that are known in closed form."""

from __future__ import annotations

from collections.abc import Iterator

import pyro
import pytest
import torch
from cases import CASES, Case
from pyro.distributions import Laplace, MultivariateNormal, Normal
from pyro.infer import MCMC, NUTS, SVI, Predictive, Trace_ELBO
from pyro.infer.autoguide import AutoLaplaceApproximation, AutoNormal
from pyro.nn import PyroSample
from scipy import stats
from torch import Tensor, nn

from likelihead import DistributionHead, Ensemble, LikelihoodError, LikelihoodModule, to_pyro
from likelihead.architectures import build
from likelihead.inference import cdf, interval, mean, quantile
from likelihead.pyro_models import PyroModel, predictive

SCALE = 0.5
KNOWN_SCALE = {"family": "pyro.distributions.Normal", "parameters": {"loc": "predicted", "scale": SCALE}}


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    pyro.clear_param_store()
    torch.manual_seed(0)
    yield
    pyro.clear_param_store()


def linear(rows: int = 40) -> tuple[LikelihoodModule, Tensor, Tensor]:
    x = torch.randn(rows, 2)
    y = x @ torch.tensor([1.0, -0.5]) + 0.3 + SCALE * torch.randn(rows)
    return LikelihoodModule(build("linear", 2), DistributionHead(KNOWN_SCALE, in_features=2)), x, y


def design(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones(len(x), 1)], 1).double()


def posterior(x: Tensor, y: Tensor) -> MultivariateNormal:
    """Of (weights, bias) with standard normal priors: Bishop (2006), equations 3.50 and 3.51."""
    covariance = torch.linalg.inv(design(x).T @ design(x) / SCALE**2 + torch.eye(3).double())
    return MultivariateNormal(covariance @ design(x).T @ y.double() / SCALE**2, covariance)


def chain(model: PyroModel, samples: int, warmup: int, *data: Tensor) -> dict[str, Tensor]:
    mcmc = MCMC(NUTS(model), num_samples=samples, warmup_steps=warmup, disable_progbar=True)
    mcmc.run(*data)
    return mcmc.get_samples()


def check_chain(samples: int, warmup: int) -> None:
    """Means within four, deviations within five standard errors, for an effective sample size of half the draws."""
    module, x, y = linear()
    drawn = chain(to_pyro(module), samples, warmup, x, y)
    weights = torch.cat([drawn["head.linear.weight"].reshape(samples, 2), drawn["head.linear.bias"]], 1).double()
    exact, error = posterior(x, y), (2.0 / samples) ** 0.5
    assert bool(((weights.mean(0) - exact.mean).abs() < 4.0 * error * exact.stddev).all())
    assert bool(((weights.std(0) / exact.stddev - 1.0).abs() < 5.0 * error / 2**0.5).all())


def test_a_short_chain_finds_the_posterior_of_linear_regression() -> None:
    check_chain(samples=100, warmup=50)


@pytest.mark.slow
def test_a_long_chain_finds_the_posterior_of_linear_regression() -> None:
    check_chain(samples=2000, warmup=300)


def test_the_laplace_approximation_is_the_posterior_of_linear_regression() -> None:
    """The log joint density is quadratic, so the approximation is exact."""
    module, x, y = linear()
    model = to_pyro(module)
    guide = AutoLaplaceApproximation(model)
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.05}), Trace_ELBO())
    for _ in range(400):
        svi.step(x, y)
    found, exact = guide.laplace_approximation(x, y).get_posterior(), posterior(x, y)
    torch.testing.assert_close(found.mean.double(), exact.mean, atol=2e-4, rtol=0)
    torch.testing.assert_close(found.covariance_matrix.double(), exact.covariance_matrix, atol=1e-6, rtol=1e-4)


def test_the_predictive_distribution_is_that_of_linear_regression() -> None:
    """From 3000 exact posterior samples; the mixture's error is that of a mean over them."""
    module, x, y = linear(rows=8)
    exact = posterior(x, y)
    weights = exact.sample((3000,)).float()
    samples = {"head.linear.weight": weights[:, None, :2], "head.linear.bias": weights[:, 2:]}
    new = torch.tensor([[0.0, 0.0], [3.0, -2.0]])
    predicted = predictive(to_pyro(module), samples, new)
    centre = design(new) @ exact.mean
    spread = ((design(new) @ exact.covariance_matrix * design(new)).sum(1) + SCALE**2).sqrt()
    torch.testing.assert_close(mean(predicted), centre, atol=0.1, rtol=0)
    levels = torch.tensor([0.05, 0.5, 0.95])
    expected = centre + spread * torch.tensor(stats.norm.ppf(levels))[:, None]
    torch.testing.assert_close(quantile(predicted, levels), expected, atol=0.15, rtol=0)
    lower, upper = interval(predicted, 0.9)
    torch.testing.assert_close(cdf(predicted, upper) - cdf(predicted, lower), torch.tensor([0.9, 0.9]).double())


@pytest.mark.parametrize("name", CASES)
def test_the_joint_density_is_prior_times_likelihood(name: str) -> None:
    case: Case = CASES[name]
    head = DistributionHead(case.spec, in_features=3, event_size=case.event_size)
    module = LikelihoodModule(nn.Identity(), head)
    model, x = to_pyro(module, prior=Laplace(0.0, 0.3)), torch.randn(4, 3)
    y = case.inside.float() if case.inside.is_floating_point() else case.inside
    trace = pyro.poutine.trace(model).get_trace(x, y)
    weights = {site: trace.nodes[site]["value"] for site in trace.stochastic_nodes if site != "rows"}
    assert set(weights) == {name for name, _ in module.named_parameters()}
    module.load_state_dict(weights, strict=False)
    prior = sum(Laplace(0.0, 0.3).log_prob(value).sum() for value in weights.values())
    torch.testing.assert_close(trace.log_prob_sum(), prior + module(x).log_prob(y).sum())


def test_a_batch_stands_for_all_rows_and_weights_count() -> None:
    module, x, y = linear()
    drawn = {name: value.detach() for name, value in module.named_parameters()}

    def likelihood(rows: int | None, count: int, weight: Tensor | None = None) -> Tensor:
        model = pyro.poutine.condition(to_pyro(module, rows=rows), data=drawn)
        trace = pyro.poutine.trace(model).get_trace(x[:count], y[:count], weight=weight)
        trace.compute_log_prob()
        return trace.nodes["y"]["log_prob_sum"]

    each = module(x).log_prob(y)
    torch.testing.assert_close(likelihood(40, 10), 4.0 * each[:10].sum())
    weight = torch.rand(40)
    torch.testing.assert_close(likelihood(None, 40, weight), (weight * each).sum())


def test_exposure_reaches_the_head() -> None:
    module = LikelihoodModule(nn.Identity(), DistributionHead("poisson", in_features=2))
    samples = {"head.linear.weight": torch.zeros(5, 1, 2), "head.linear.bias": torch.randn(5, 1)}
    x, model = torch.zeros(3, 2), to_pyro(module)
    expected = mean(predictive(model, samples, x))[0] * torch.tensor([1.0, 2.0, 10.0]).double()
    torch.testing.assert_close(mean(predictive(model, samples, x, torch.tensor([1.0, 2.0, 10.0]))), expected)


def test_some_weights_have_a_prior_some_are_trained_and_some_stay() -> None:
    network = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 3))
    network[0].requires_grad_(False)
    module = LikelihoodModule(network, DistributionHead("normal", in_features=3))
    model = to_pyro(module, prior=lambda name, value: Normal(0.0, 1.0) if name.startswith("head") else None)
    model.head.linear.bias = PyroSample(Normal(5.0, 1e-3).expand([2]).to_event(1))
    x, y = torch.randn(30, 2), torch.randn(30)
    guide = AutoNormal(model)
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.05}), Trace_ELBO())
    losses = [svi.step(x, y) for _ in range(30)]
    assert losses[-1] < losses[0]
    assert {name for name in pyro.get_param_store() if not name.startswith("Auto")} == {
        "architecture.2.weight", "architecture.2.bias",
    }  # fmt: skip
    samples = Predictive(guide, num_samples=6)(x, y)
    assert {"head.linear.weight", "head.linear.bias"} <= set(samples)
    drawn = pyro.poutine.trace(model).get_trace(x).nodes["head.linear.bias"]["value"]
    torch.testing.assert_close(drawn, torch.full((2,), 5.0), atol=0.01, rtol=0)
    assert predictive(model, samples, x).batch_shape == (30,)
    assert not any(parameter.grad is not None for parameter in module.parameters())


def test_an_ensemble_is_refused() -> None:
    with pytest.raises(LikelihoodError, match=r"give one of them, to_pyro\(ensemble.member\(0\)\)"):
        to_pyro(Ensemble.of(lambda: linear()[0], members=2))


def test_mistakes_get_a_sentence() -> None:
    module, x, _ = linear()
    with pytest.raises(LikelihoodError, match=r"the prior of head.linear.weight has event_shape"):
        to_pyro(module, prior=Normal(torch.zeros(3), 1.0).to_event(1))
    with pytest.raises(
        LikelihoodError, match=r"there are no samples of head.linear.bias; samples has head.linear.weight"
    ):
        predictive(to_pyro(module), {"head.linear.weight": torch.zeros(3, 1, 2)}, x)
