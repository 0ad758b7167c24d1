"""Pyro models: a prior over the weights of a module, and predictions from samples of their posterior."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from operator import attrgetter
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from pyro.distributions.torch_distribution import TorchDistributionMixin
from pyro.nn import PyroModule, PyroSample
from torch import Tensor, nn
from torch.func import functional_call

from likelihead.errors import LikelihoodError
from likelihead.heads.sites import by_row
from likelihead.inference import equal_mixture
from likelihead.training.ensemble import Ensemble
from likelihead.training.module import LikelihoodModule

#: The prior of a parameter with this name; None to keep it a parameter, which is trained.
PriorOf = Callable[[str, Tensor], TorchDistributionMixin | None]


class _Network(nn.Module):
    """A network and a head whose parameters have become buffers, in the place of which a call is given weights."""

    def __init__(self, module: LikelihoodModule) -> None:
        super().__init__()
        self.architecture, self.head = deepcopy(module.architecture).eval(), deepcopy(module.head).eval()
        for part in self.modules():
            for name, value in list(part.named_parameters(recurse=False)):
                delattr(part, name)
                part.register_buffer(name, value.detach())

    def forward(self, x: Any, exposure: Tensor | None) -> Any:
        return by_row(self.head(self.architecture(x), exposure))


class PyroModel(PyroModule):
    """A network and a head whose weights have a prior: `pyro.sample("y", head(features), obs=y)` inside a plate.

    It is made by `to_pyro`. Each weight is an attribute and a sample site with the name that it has in the module; one
    of them may get another prior by `model.head.linear.weight = PyroSample(…)`.
    """

    def __init__(self, module: LikelihoodModule, prior_of: PriorOf, rows: int | None) -> None:
        super().__init__()
        self.network, self.rows = _Network(module), rows
        self.names: list[str] = []
        for holder, root in (("architecture", module.architecture), ("head", module.head)):
            for name, value in root.named_parameters():
                if value.requires_grad:
                    self._add(f"{holder}.{name}", value.detach().clone(), prior_of)

    def _add(self, name: str, value: Tensor, prior_of: PriorOf) -> None:
        """Add the attribute with a dotted name: a sample site, or a parameter if it has no prior."""
        *path, last = name.split(".")
        place: Any = self
        for step in path:
            if not hasattr(place, step):
                setattr(place, step, PyroModule())
            place = getattr(place, step)
        prior = prior_of(name, value)
        setattr(place, last, nn.Parameter(value) if prior is None else PyroSample(_expanded(prior, value, name)))
        self.names.append(name)

    def forward(
        self,
        x: Any,
        y: Tensor | None = None,
        exposure: Tensor | None = None,
        weight: Tensor | None = None,
        draws: bool = True,
    ) -> Any:
        """The model: y is observed at the site `y`, or drawn if it is None.

        Args:
            x: inputs (N, …).
            y: targets (N, *event_shape).
            exposure: the exposure of counts, per row (N,).
            weight: the weight of each row's log-likelihood (N,).
            draws: whether to return y; otherwise the distribution of y given weights drawn at their sites.
        """
        weights = {name: attrgetter(name)(self) for name in self.names}
        built = functional_call(self.network, weights, (x, exposure))
        if not draws:
            return built
        n, scale = built.batch_shape[0], 1.0 if weight is None else weight
        with pyro.plate("rows", self.rows or n, subsample=torch.arange(n)), pyro.poutine.scale(scale=scale):
            return pyro.sample("y", built, obs=y)


def to_pyro(
    module: LikelihoodModule, prior: TorchDistributionMixin | PriorOf | None = None, rows: int | None = None
) -> PyroModel:
    """A Pyro model with a prior over the weights of a module; the module stays as it is, and frozen weights constants.

    After a marginal fit, weights of 0 predict that fit, and raw outputs are measured in its units, so that a standard
    normal prior shrinks towards the model without x.

    Args:
        module: a module, trained or not; call `module.head.fit_marginal(y)` first, or train it.
        prior: the prior of each single weight, a univariate distribution such as Normal(0., 0.5); or a function of a
            parameter's name and value that returns the prior of each of its entries, or None to train it instead.
            None for a standard normal.
        rows: the number of training rows, where the model is called with batches of them; None for all rows at once.

    Raises:
        LikelihoodError: a prior that is not univariate, or an ensemble, of which one member has to be named.

    >>> from likelihead import DistributionHead
    >>> module = LikelihoodModule(nn.Identity(), DistributionHead("poisson", in_features=2))
    >>> model = to_pyro(module, prior=dist.Normal(0.0, 0.5))
    >>> trace = pyro.poutine.trace(model).get_trace(torch.zeros(5, 2))
    >>> sorted(trace.stochastic_nodes)
    ['head.linear.bias', 'head.linear.weight', 'rows', 'y']
    """
    if isinstance(module, Ensemble):
        raise LikelihoodError("an ensemble has several sets of weights: give one of them, to_pyro(ensemble.member(0))")
    prior_of = prior if callable(prior) and not isinstance(prior, TorchDistributionMixin) else _constant(prior)
    return PyroModel(module, prior_of, rows)


def _constant(prior: TorchDistributionMixin | None) -> PriorOf:
    chosen = dist.Normal(0.0, 1.0) if prior is None else prior
    return lambda name, value: chosen


def _expanded(prior: Any, value: Tensor, name: str) -> Any:
    """The prior of all entries of a parameter."""
    if prior.event_shape:
        raise LikelihoodError(
            f"the prior of {name} has event_shape {tuple(prior.event_shape)}; give that of one weight"
        )
    return prior.expand(value.shape).to_event(value.dim())


@torch.no_grad()
def predictive(model: PyroModel, samples: Mapping[str, Tensor], x: Any, exposure: Tensor | None = None) -> Any:
    """The posterior predictive distribution of each row: the equal mixture over samples of the weights.

    The functions of `likelihead.inference` take it like any other distribution: its mean, quantiles and intervals
    include the uncertainty of the weights.

    Args:
        model: the model.
        samples: S posterior samples of each weight by its site, (S, *shape), as `MCMC.get_samples()` and
            `Predictive(guide, num_samples=S)(…)` return them; other sites are ignored.
        x: inputs (N, …).
        exposure: the exposure of counts, per row (N,).

    Returns:
        A distribution of batch_shape (N,).

    Raises:
        LikelihoodError: a weight without samples.

    >>> from likelihead import DistributionHead
    >>> model = to_pyro(LikelihoodModule(nn.Identity(), DistributionHead("normal", in_features=1)))
    >>> weights = {"head.linear.weight": torch.randn(20, 2, 1), "head.linear.bias": torch.randn(20, 2)}
    >>> predictive(model, weights, torch.zeros(3, 1)).batch_shape
    torch.Size([3])
    """
    given = {"exposure": exposure, "draws": False}
    sites = pyro.poutine.trace(model).get_trace(x, **given)
    shapes = {name: sites.nodes[name]["value"].shape for name in sites.stochastic_nodes}  # type: ignore[union-attr]
    missing = [name for name in shapes if name not in samples]
    if missing:
        raise LikelihoodError(f"there are no samples of {missing[0]}; samples has {', '.join(sorted(samples))}")
    members = []
    for number in range(min((len(samples[name]) for name in shapes), default=1)):
        weights = {name: samples[name][number].reshape(shape) for name, shape in shapes.items()}
        members.append(pyro.poutine.condition(model, data=weights)(x, **given))
    return equal_mixture(members)
