"""Every class of pyro.distributions either works as a head as it stands, or says in a sentence why not."""

from __future__ import annotations

import pyro.distributions as dist
import pytest
import torch
from pyro.distributions.torch_distribution import TorchDistributionMixin

from likelihead import DistributionHead
from likelihead.errors import LikelihoodError

CLASSES = sorted(
    name for name, cls in vars(dist).items() if isinstance(cls, type) and issubclass(cls, TorchDistributionMixin)
)
#: Built, but Pyro gives no samples of them, or no log-probability of the samples.
NO_SAMPLES = {"LogNormalNegativeBinomial", "SpanningTree"}


def head_of(name: str) -> DistributionHead:
    try:
        return DistributionHead({"family": f"pyro.distributions.{name}"}, in_features=4)
    except LikelihoodError as error:
        if "event_size" not in str(error):
            raise
        return DistributionHead({"family": f"pyro.distributions.{name}"}, in_features=4, event_size=3)


def drives(name: str) -> bool:
    """Build, sample and take a training gradient; false where the head says that it cannot."""
    torch.manual_seed(3)
    try:
        head = head_of(name)
    except LikelihoodError:
        return False
    built = head(torch.randn(5, 4))
    assert built.batch_shape == (5,)
    if name not in NO_SAMPLES:
        built.log_prob(built.sample()).sum().backward()
        for parameter in head.parameters():
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all()
    return True


@pytest.mark.filterwarnings("ignore")
def test_every_pyro_class_works_or_explains_itself() -> None:
    working = [name for name in CLASSES if drives(name)]
    assert len(working) >= 55, working
    assert {"Gumbel", "StudentT", "Weibull", "Dirichlet", "Multinomial", "ZeroInflatedPoisson"} <= set(working)


def test_missing_arguments_are_asked_for() -> None:
    with pytest.raises(LikelihoodError, match=r"RelaxedBernoulli cannot be built .* options"):
        DistributionHead({"family": "pyro.distributions.RelaxedBernoulli"}, in_features=2)
    options = {"temperature": torch.tensor(0.5)}
    head = DistributionHead({"family": "pyro.distributions.RelaxedBernoulli", "options": options}, in_features=2)
    assert head(torch.randn(3, 2)).batch_shape == (3,)
