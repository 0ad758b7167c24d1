"""A prior over the weights: NUTS and Laplace beside the closed-form posterior, and a last layer by SVI.

python examples/bayesian_regression.py
"""

from __future__ import annotations

import pyro
import torch
from pyro.distributions import Normal
from pyro.infer import MCMC, NUTS, SVI, Predictive, Trace_ELBO
from pyro.infer.autoguide import AutoLaplaceApproximation, AutoMultivariateNormal
from torch import Tensor

from likelihead import DistributionHead, LikelihoodModule, fit, to_pyro
from likelihead.architectures import build, build_for
from likelihead.inference import interval, mean
from likelihead.pyro_models import predictive

KNOWN_SCALE = {"family": "pyro.distributions.Normal", "parameters": {"loc": "predicted", "scale": 0.5}}


def closed_form(x: Tensor, y: Tensor, scale: float = 0.5) -> tuple[Tensor, Tensor]:
    """Mean and covariance of (weights, bias) under standard normal priors (Bishop, 2006, equations 3.50 and 3.51)."""
    design = torch.cat([x, torch.ones(len(x), 1)], dim=1)
    covariance = torch.linalg.inv(design.T @ design / scale**2 + torch.eye(design.shape[1]))
    return covariance @ design.T @ y / scale**2, covariance


def optimised(model: pyro.nn.PyroModule, guide: pyro.infer.autoguide.AutoGuide, steps: int, *data: Tensor) -> None:
    pyro.clear_param_store()
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.02}), Trace_ELBO())
    for _ in range(steps):
        svi.step(*data)


def linear_regression() -> None:
    x = torch.randn(60, 2)
    y = x @ torch.tensor([1.0, -0.5]) + 0.3 + 0.5 * torch.randn(60)
    module = LikelihoodModule(build("linear", 2), DistributionHead(KNOWN_SCALE, in_features=2))
    model = to_pyro(module, prior=Normal(0.0, 1.0))
    chain = MCMC(NUTS(model), num_samples=300, warmup_steps=150, disable_progbar=True)
    chain.run(x, y)
    drawn = torch.cat([value.reshape(300, -1) for _, value in sorted(chain.get_samples().items(), reverse=True)], 1)
    guide = AutoLaplaceApproximation(model)
    optimised(model, guide, 500, x, y)
    laplace = guide.laplace_approximation(x, y).get_posterior()
    exact, covariance = closed_form(x, y)
    print("weights and bias          mean                    standard deviation")
    for name, centre, spread in (
        ("closed form", exact, covariance.diag().sqrt()),
        ("Laplace", laplace.mean, laplace.stddev),
        ("NUTS", drawn.mean(0), drawn.std(0)),
    ):
        print(f"{name:<16}", *(f"{value:8.3f}" for value in (*centre, *spread)))


def last_layer() -> None:
    """Counts: a trained network stays as it is, and the weights of the head get a prior."""
    x = torch.rand(150, 1)
    y = torch.poisson((1.0 + 2.0 * (6.0 * x[:, 0]).sin()).exp())
    network = build_for("mlp", x, width=16)
    module = LikelihoodModule(network, DistributionHead("poisson", in_features=16))
    fit(module, (x, y), max_epochs=60)
    network.requires_grad_(False)
    model = to_pyro(module, prior=Normal(0.0, 0.5))
    guide = AutoMultivariateNormal(model)
    optimised(model, guide, 1000, x, y)
    samples = Predictive(guide, num_samples=100)(x, y)
    new = torch.tensor([[0.25], [1.5]])
    with torch.no_grad():
        plain = module(new)
    bayesian = predictive(model, samples, new)
    for name, predicted in (("maximum likelihood", plain), ("posterior", bayesian)):
        low, high = interval(predicted, 0.9)
        for row, place in enumerate(("among the data", "beyond them")):
            print(f"{name:<19} {place:<15} mean {mean(predicted)[row]:6.1f}  90 % {low[row]:4.0f} to {high[row]:4.0f}")


if __name__ == "__main__":
    torch.manual_seed(0)
    linear_regression()
    last_layer()
