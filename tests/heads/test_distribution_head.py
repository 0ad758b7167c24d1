"""The head: one linear layer, roles, links and shapes; its loss is the textbook's formula."""

from __future__ import annotations

import math

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from likelihead import DistributionHead
from likelihead.errors import LikelihoodError


def loss(head: DistributionHead, features: Tensor, y: Tensor) -> Tensor:
    return -head(features).log_prob(y).sum()


@pytest.fixture
def features() -> Tensor:
    return torch.randn(40, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def double(*args: object, **kwargs: object) -> DistributionHead:
    torch.manual_seed(1)
    return DistributionHead(*args, in_features=5, **kwargs).double()  # type: ignore[arg-type]


def test_least_squares(features: Tensor) -> None:
    head = double({"family": "pyro.distributions.Normal", "parameters": {"loc": "predicted", "scale": 0.5}})
    y = torch.randn(40, dtype=torch.float64)
    squares = ((y - head.linear(features)[:, 0]) ** 2).sum()
    torch.testing.assert_close(
        loss(head, features, y), squares / (2 * 0.25) + 40 * math.log(0.5 * math.sqrt(2 * math.pi))
    )


def test_heteroscedastic_regression(features: Tensor) -> None:
    head, y = double("normal"), torch.randn(40, dtype=torch.float64)
    loc, log_scale = head.linear(features).T
    expected = functional.gaussian_nll_loss(loc, y, (2 * log_scale).exp(), full=True, reduction="sum", eps=1e-30)
    torch.testing.assert_close(loss(head, features, y), expected)


def test_binary_cross_entropy(features: Tensor) -> None:
    head, y = double("bernoulli"), (torch.rand(40) < 0.4).double()
    expected = functional.binary_cross_entropy_with_logits(head.linear(features)[:, 0], y, reduction="sum")
    torch.testing.assert_close(loss(head, features, y), expected)


def test_multiclass_cross_entropy(features: Tensor) -> None:
    head, y = double("categorical", event_size=7), torch.randint(0, 7, (40,))
    torch.testing.assert_close(
        loss(head, features, y), functional.cross_entropy(head.linear(features), y, reduction="sum")
    )


def test_poisson_nll(features: Tensor) -> None:
    head, y = double("poisson"), torch.poisson(torch.full((40,), 3.0)).double()
    raw = head.linear(features)[:, 0]
    expected = (raw.exp() - y * raw + torch.lgamma(y + 1)).sum()
    torch.testing.assert_close(loss(head, features, y), expected)


def test_absolute_error(features: Tensor) -> None:
    head = double({"family": "pyro.distributions.Laplace", "parameters": {"loc": "predicted", "scale": 1.0}})
    y = torch.randn(40, dtype=torch.float64)
    expected = (y - head.linear(features)[:, 0]).abs().sum() + 40 * math.log(2.0)
    torch.testing.assert_close(loss(head, features, y), expected)


def test_a_direction_is_a_predicted_vector(features: Tensor) -> None:
    head, y = double("von_mises"), torch.empty(40, dtype=torch.float64).uniform_(-3.1, 3.1)
    east, north = head.linear(features).T
    kappa = torch.hypot(east, north)
    expected = torch.log(2 * math.pi * torch.special.i0(kappa)) - (east * y.cos() + north * y.sin())
    torch.testing.assert_close(loss(head, features, y), expected.sum())
    torch.testing.assert_close(head(features).concentration, kappa)
    torch.testing.assert_close(head(features).loc, torch.atan2(north, east))


def test_a_learned_concentration_leaves_the_vector_its_angle(features: Tensor) -> None:
    spec = {"family": "likelihead.distributions.VonMisesVector",
            "parameters": {"vector": "predicted", "concentration": "learned"}}  # fmt: skip
    head = double(spec)
    longer = DistributionHead(spec, in_features=5).double()
    longer.load_state_dict({k: 3.0 * v if k.startswith("linear") else v for k, v in head.state_dict().items()})
    torch.testing.assert_close(head(features).loc, longer(features).loc)
    torch.testing.assert_close(longer(features).concentration, torch.ones(40, dtype=torch.float64))


def test_ranking_loss_is_a_sequence_of_choices(features: Tensor) -> None:
    head = double("plackett_luce", event_size=4)
    y = torch.stack([torch.randperm(4) for _ in range(40)])
    scores, expected = head.linear(features), torch.zeros((), dtype=torch.float64)
    for row in range(40):
        left = y[row].tolist()
        while left:
            expected = expected - scores[row][left].log_softmax(0)[0]
            left.pop(0)
    torch.testing.assert_close(loss(head, features, y), expected)


def test_independent_outputs_multiply(features: Tensor) -> None:
    head, y = double("normal", output_shape=(3,)), torch.randn(40, 3, dtype=torch.float64)
    built = head(features)
    assert built.batch_shape == (40,) and built.event_shape == (3,)
    raw = head.linear(features)
    each = dist.Normal(raw[:, :3], raw[:, 3:].exp()).log_prob(y)
    torch.testing.assert_close(built.log_prob(y), each.sum(-1))


def test_a_mixture_is_the_sum_over_its_components(features: Tensor) -> None:
    head, y = double("gaussian_mixture"), torch.randn(40, dtype=torch.float64)
    logits, loc, raw_scale = head.linear(features).split(5, dim=-1)
    density = (logits.softmax(-1) * dist.Normal(loc, raw_scale.exp()).log_prob(y[:, None]).exp()).sum(-1)
    torch.testing.assert_close(head(features).log_prob(y), density.log())


def test_raw_outputs_stand_in_the_order_of_the_mapping(features: Tensor) -> None:
    spec = {"family": "pyro.distributions.Gumbel", "parameters": {"scale": "predicted", "loc": "predicted"}}
    head = double(spec)
    raw = head.linear(features)
    torch.testing.assert_close(head(features).scale, raw[:, 0].exp())
    torch.testing.assert_close(head(features).loc, raw[:, 1])


def test_roles_of_one_family() -> None:
    parameters = {"loc": "predicted", "scale": "learned"}
    head = DistributionHead({"family": "pyro.distributions.Normal", "parameters": parameters}, in_features=2)
    scales = head(torch.randn(6, 2)).scale
    assert head.linear is not None and head.linear.out_features == 1
    assert (scales == scales[0]).all()
    assert [name for name, _ in head.named_parameters()] == ["parameter.scale.raw", "linear.weight", "linear.bias"]


def test_nothing_predicted_is_the_marginal_model() -> None:
    head = DistributionHead({"family": "pyro.distributions.Normal",
                             "parameters": {"loc": "learned", "scale": "learned"}}, in_features=2)  # fmt: skip
    assert head.linear is None
    assert head(torch.randn(6, 2)).batch_shape == (6,)


def test_a_class_and_a_mapping_are_families_too() -> None:
    by_class = DistributionHead(dist.Gumbel, in_features=3)
    by_mapping = DistributionHead({"family": "pyro.distributions.Gumbel"}, in_features=3)
    assert by_class.family.spec == by_mapping.family.spec


ERRORS = {
    "poison": ({"distribution": "poison"}, "unknown distribution 'poison': did you mean 'poisson'"),
    "class": ({"distribution": {"family": "pyro.distributions.Gumble"}}, "there is no distribution"),
    "module": ({"distribution": {"family": "os.system"}}, "is not a Pyro distribution class"),
    "key": (
        {"distribution": {"family": "pyro.distributions.Normal", "parameter": {}}},
        "unknown key 'parameter' in a distribution: did you mean 'parameters'",
    ),
    "parameter": (
        {"distribution": {"family": "pyro.distributions.Normal", "parameters": {"sigma": "learned"}}},
        "Normal has no parameter 'sigma': valid are loc, scale",
    ),
    "role": (
        {"distribution": {"family": "pyro.distributions.Normal", "parameters": {"scale": "learnt"}}},
        "'predicted' \\(by the network\\), 'learned' \\(one constant\\), a number, or null",
    ),
    "number": (
        {"distribution": {"family": "pyro.distributions.Normal", "parameters": {"scale": -1.0}}},
        "Normal.scale is -1.0, but must satisfy",
    ),
    "count": (
        {"distribution": {"family": "pyro.distributions.Binomial", "parameters": {"total_count": "predicted"}}},
        "no gradient reaches it, so it cannot be predicted; give it as a number",
    ),
    "size": ({"distribution": "categorical"}, "has a dimension of its own .* event_size=K"),
    "wrapper": (
        {"distribution": {"family": "pyro.distributions.Independent"}},
        "does not say which parameters it takes",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_a_wrong_choice_is_one_clear_sentence(case: str) -> None:
    arguments, message = ERRORS[case]
    with pytest.raises(LikelihoodError, match=message):
        DistributionHead(in_features=2, **arguments)  # type: ignore[arg-type]


def test_a_head_inside_a_plain_module_trains() -> None:
    torch.manual_seed(0)
    x = torch.randn(200, 3)
    y = torch.poisson((x[:, 0] * 0.5 + 1.0).exp())
    network = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), DistributionHead("poisson", in_features=8))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    first = -network(x).log_prob(y).sum()
    for _ in range(100):
        optimizer.zero_grad()
        (-network(x).log_prob(y).sum()).backward()
        optimizer.step()
    assert -network(x).log_prob(y).sum() < 0.8 * first


@pytest.mark.parametrize("in_features", [-1, 2.5, True])
def test_a_head_needs_features(in_features: int) -> None:
    with pytest.raises(LikelihoodError, match=r"in_features is .*; it must be a whole number, 0 or more"):
        DistributionHead("normal", in_features=in_features)


def test_a_size_that_the_family_does_not_have_is_refused() -> None:
    with pytest.raises(LikelihoodError, match=r"Normal has no dimension of its own: .*output_shape=\(4,\)"):
        DistributionHead("normal", in_features=2, event_size=4)
