"""The equal mixture of several predictions: its log-probability is the mean of theirs, for every family."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from cases import CASES, Case

from likelihead import DistributionHead, LikelihoodError
from likelihead import distributions as ours
from likelihead.inference import equal_mixture, expected_ranks, first_probability, mean, mode, quantile, summary


def _members(case: Case, count: int = 3) -> list[dist.TorchDistribution]:
    """Predictions of the same four rows by several heads with random weights."""
    made = []
    for seed in range(count):
        torch.manual_seed(seed)
        head = DistributionHead(case.spec, in_features=2, event_size=case.event_size).double()
        made.append(head(torch.linspace(-1, 1, 8, dtype=torch.float64).reshape(4, 2)))
    return made


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_its_log_prob_is_the_mean_probability_of_the_members(case: Case) -> None:
    members = _members(case)
    mixed = equal_mixture(members)
    assert (mixed.batch_shape, mixed.event_shape) == (members[0].batch_shape, members[0].event_shape)
    each = np.stack([member.log_prob(case.inside).detach().numpy() for member in members])
    expected = np.logaddexp.reduce(each, axis=0) - math.log(3)
    np.testing.assert_allclose(mixed.log_prob(case.inside).detach().numpy(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_mixture_of_equals_answers_as_one_of_them(case: Case) -> None:
    (member,) = _members(case, 1)
    alone, mixed = summary(member), summary(equal_mixture([member, member]))
    # The mode of a mixture of vectors is not known.
    assert set(alone) - set(mixed) <= ({"mode"} if member.event_shape else set())
    assert set(mixed) <= set(alone)
    # Many intervals are almost as short as the shortest, so that only its length is certain.
    ends = [{name: values.pop(f"highest_{name}", None) for name in ("lower", "upper")} for values in (alone, mixed)]
    if ends[0]["lower"] is not None:
        lengths = [end["upper"] - end["lower"] for end in ends]
        torch.testing.assert_close(lengths[1], lengths[0], rtol=1e-4, atol=1e-6)
    for name, values in mixed.items():
        torch.testing.assert_close(values, alone[name], rtol=1e-6, atol=1e-6)


def test_sites_and_vectors_keep_their_shapes() -> None:
    sites = equal_mixture([dist.Normal(torch.zeros(4, 3), 1.0), dist.Normal(torch.ones(4, 3), 1.0)])
    assert (sites.batch_shape, sites.event_shape) == ((4, 3), ())
    vectors = equal_mixture([dist.Normal(torch.zeros(4, 3), 1.0).to_event(1)] * 2)
    assert (vectors.batch_shape, vectors.event_shape) == ((4,), (3,))


def test_the_median_of_a_mixture_of_normals_lies_where_half_of_the_mass_does() -> None:
    mixed = equal_mixture([dist.Normal(torch.tensor([0.0]), 1.0), dist.Normal(torch.tensor([10.0]), 2.0)])
    q = quantile(mixed, 0.75)
    normal = torch.distributions.Normal
    mass = 0.5 * (normal(0.0, 1.0).cdf(q.float()) + normal(10.0, 2.0).cdf(q.float()))
    assert mass.item() == pytest.approx(0.75, abs=1e-6)
    assert mean(mixed).item() == pytest.approx(5.0)


@pytest.mark.parametrize("items", [4, 6])
def test_the_mode_of_rankings_is_the_likeliest_of_all_orders(items: int) -> None:
    generator = torch.Generator().manual_seed(3)
    logits = 2.0 * torch.randn(3, 5, items, generator=generator, dtype=torch.float64)
    mixed = equal_mixture([ours.PlackettLuce(member) for member in logits])
    orders = torch.tensor(list(permutations(range(items))))
    mass = mixed.log_prob(orders[:, None].expand(-1, 5, -1))
    assert mass.exp().sum(0).numpy() == pytest.approx(np.ones(5))
    torch.testing.assert_close(mode(mixed), orders[mass.argmax(0)])
    first = (mass.exp()[..., None] * (orders[:, None, :1] == torch.arange(items))).sum(0)
    torch.testing.assert_close(first_probability(mixed), first)
    ranks = (mass.exp()[..., None] * (1.0 + orders.argsort(-1)[:, None])).sum(0)
    torch.testing.assert_close(expected_ranks(mixed), ranks)


def test_different_families_are_refused() -> None:
    with pytest.raises(LikelihoodError, match="different families or shapes cannot be mixed"):
        equal_mixture([dist.Normal(torch.zeros(2), 1.0), dist.Poisson(torch.ones(2))])
    with pytest.raises(LikelihoodError, match="different families or shapes"):
        equal_mixture([dist.Normal(torch.zeros(2), 1.0), dist.Normal(torch.zeros(3), 1.0)])
    with pytest.raises(LikelihoodError, match="no distributions to mix"):
        equal_mixture([])
