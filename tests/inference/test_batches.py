"""Joined, sliced and moved distributions give the log-probabilities of their parts."""

from __future__ import annotations

import pyro.distributions as dist
import pytest
import torch
from cases import CASES, Case

from likelihead import LikelihoodError
from likelihead.families.family import Family
from likelihead.inference import concatenate, move, select

EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def rows(case: Case, *index: int) -> object:
    family = Family.of(case.spec, case.event_size)
    return family.build({name: value[list(index)] for name, value in case.parameters.items()})


@EVERY
def test_batches_are_joined_in_their_order(case: Case) -> None:
    joined = concatenate([rows(case, 0, 1, 2), rows(case, 3)])
    assert type(joined) is type(rows(case, 0)) and joined.batch_shape == (4,)
    torch.testing.assert_close(joined.log_prob(case.inside).numpy(), case.reference(), rtol=1e-10, atol=1e-12)


@EVERY
def test_rows_are_selected(case: Case) -> None:
    whole = rows(case, 0, 1, 2, 3)
    for index in (slice(1, 3), torch.tensor([3, 0]), torch.tensor([True, False, False, True])):
        part = select(whole, index)
        expected = torch.from_numpy(case.reference())[index]
        torch.testing.assert_close(part.log_prob(case.inside[index]), expected, rtol=1e-10, atol=1e-12)


@EVERY
def test_the_dtype_changes(case: Case) -> None:
    narrow = move(rows(case, 0, 1, 2, 3), "cpu", torch.float32)
    y = case.inside.float() if case.inside.is_floating_point() else case.inside
    assert narrow.log_prob(y).dtype == torch.float32
    torch.testing.assert_close(narrow.log_prob(y).double().numpy(), case.reference(), rtol=2e-6, atol=2e-6)


def test_a_parameter_that_all_rows_share_is_shared_out() -> None:
    one = dist.Normal(torch.zeros(3), torch.tensor(2.0))
    factor = torch.tensor([[1.0, 0.0], [0.5, 2.0]])
    vectors = dist.MultivariateNormal(torch.zeros(2, 2), scale_tril=factor)
    assert concatenate([one, one]).scale.tolist() == [2.0] * 6
    torch.testing.assert_close(concatenate([vectors, vectors]).scale_tril, factor.expand(4, 2, 2))


def test_independent_outputs_stay_independent() -> None:
    outputs = dist.Normal(torch.arange(6.0).reshape(2, 3), 1.0).to_event(1)
    joined = concatenate([outputs, outputs])
    assert (joined.batch_shape, joined.event_shape) == ((4,), (3,))
    assert select(joined, slice(0, 1)).mean.tolist() == [[0.0, 1.0, 2.0]]


def test_mistakes_get_a_sentence() -> None:
    with pytest.raises(LikelihoodError, match="there are no distributions"):
        concatenate([])
    with pytest.raises(LikelihoodError, match="different families cannot be joined: Laplace, Normal"):
        concatenate([dist.Normal(torch.zeros(1), 1.0), dist.Laplace(torch.zeros(1), 1.0)])
