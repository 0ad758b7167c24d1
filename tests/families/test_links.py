"""Links: exact in the usual range, finite and smooth with a nonzero gradient everywhere, with an inverse."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import constraints

from likelihead.errors import LikelihoodError
from likelihead.families.links import EXP_RANGE, Exp, LowerCholesky, extended_exp, link_for

CONSTRAINTS = {
    "real": (constraints.real, ()),
    "real_vector": (constraints.real_vector, (3,)),
    "positive": (constraints.positive, ()),
    "greater_than": (constraints.greater_than(1.5), ()),
    "greater_than_eq": (constraints.greater_than_eq(-2.0), ()),
    "less_than": (constraints.less_than(4.0), ()),
    "unit_interval": (constraints.unit_interval, ()),
    "interval": (constraints.interval(-1.0, 3.0), ()),
    "simplex": (constraints.simplex, (4,)),
    "lower_cholesky": (constraints.lower_cholesky, (3, 3)),
    "positive_definite": (constraints.positive_definite, (3, 3)),
    "corr_cholesky": (constraints.corr_cholesky, (3, 3)),
    "positive_vector": (constraints.independent(constraints.positive, 1), (4,)),
}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_a_link_reaches_its_constraint_and_inverts(name: str) -> None:
    constraint, shape = CONSTRAINTS[name]
    link = link_for(constraint)
    raw_shape = link.raw_shape(torch.Size(shape))
    anchor = torch.randn(50, *raw_shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    value = link(torch.zeros_like(anchor), anchor)
    assert value.shape == (50, *shape)
    assert constraint.check(value).all()
    again = link(torch.zeros_like(anchor), link.inverse(value))
    torch.testing.assert_close(again, value, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_every_raw_output_gets_a_gradient(name: str) -> None:
    constraint, shape = CONSTRAINTS[name]
    link = link_for(constraint)
    raw_shape = link.raw_shape(torch.Size(shape))
    generator = torch.Generator().manual_seed(2)
    raw = torch.randn(raw_shape, dtype=torch.float64, generator=generator).requires_grad_()
    value = link(raw, torch.zeros_like(raw))
    weights = torch.randn(value.shape, dtype=torch.float64, generator=generator)
    (gradient,) = torch.autograd.grad((value * weights).sum(), raw)
    assert (gradient != 0).all()


def test_the_log_link_is_exp_in_the_usual_range() -> None:
    raw = torch.linspace(-EXP_RANGE, EXP_RANGE, 1001, dtype=torch.float64)
    torch.testing.assert_close(link_for(constraints.positive)(raw, torch.tensor(0.7, dtype=torch.float64)),
                               torch.exp(raw + 0.7), rtol=1e-14, atol=0)  # fmt: skip


@pytest.mark.parametrize("floor", [0.0, 1e-6, 1e-2])
def test_the_extended_exp_is_smooth_increasing_and_finite(floor: float) -> None:
    raw = torch.linspace(-1e4, 1e4, 4001, requires_grad=True)
    value = extended_exp(raw, floor)
    (slope,) = torch.autograd.grad(value.sum(), raw)
    assert torch.isfinite(value).all() and (value > floor).all()
    assert torch.isfinite(slope).all() and (slope > 0).all()
    low = max(-EXP_RANGE, math.log(2 * floor)) if floor else -EXP_RANGE
    for end in (low, EXP_RANGE):
        sides = torch.tensor([end - 1e-7, end + 1e-7], dtype=torch.float64, requires_grad=True)
        values = extended_exp(sides, floor)
        (slopes,) = torch.autograd.grad(values.sum(), sides)
        torch.testing.assert_close(values[0], values[1], rtol=1e-6, atol=0)
        torch.testing.assert_close(slopes[0], slopes[1], rtol=1e-6, atol=0)


def test_a_floor_is_a_share_of_the_anchors_value() -> None:
    link = Exp(floor=0.01)
    assert link(torch.tensor(-1e9), torch.tensor(math.log(50.0))).item() == pytest.approx(0.5, rel=1e-5)


def test_the_packed_cholesky_factor_is_read_row_by_row() -> None:
    raw = torch.tensor([0.0, math.log(2.0), math.log(3.0), 4.0, 5.0, 6.0], dtype=torch.float64)
    expected = torch.tensor([[1.0, 0, 0], [4, 2, 0], [5, 6, 3]], dtype=torch.float64)
    torch.testing.assert_close(LowerCholesky()(raw, torch.zeros_like(raw)), expected)


def test_a_softplus_link_is_softplus() -> None:
    raw = torch.linspace(-30, 30, 61, dtype=torch.float64)
    value = link_for(constraints.positive, "softplus")(raw, torch.zeros_like(raw))
    torch.testing.assert_close(value, torch.log1p(torch.exp(raw)))


def test_what_cannot_be_linked_is_said() -> None:
    with pytest.raises(LikelihoodError, match="give it as a number"):
        link_for(constraints.nonnegative_integer)
    with pytest.raises(LikelihoodError, match="unknown link 'softpluss'; the links are identity, exp, softplus"):
        link_for(constraints.positive, "softpluss")
    with pytest.raises(LikelihoodError, match="reaches positive parameters"):
        link_for(constraints.real, "softplus")
