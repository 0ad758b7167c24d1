"""log_prob from raw outputs agrees with the distribution's own, and gives way to it where it cannot serve."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from cases import CASES, Case
from torch import Tensor

from likelihead import DistributionHead
from likelihead.families.family import Family
from likelihead.heads.fast import distribution as fast
from likelihead.heads.parameters import Anchored

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
#: The families with a fast formula.
FAST = {
    "bernoulli", "beta", "beta_proportion", "categorical", "dirichlet", "exponential", "gamma", "gaussian_mixture",
    "laplace", "log_normal", "multivariate_normal", "negative_binomial", "normal", "plackett_luce", "poisson",
    "student_t", "von_mises", "weibull", "zero_inflated_poisson",
}  # fmt: skip
FASTS = pytest.mark.parametrize("case", [CASES[name] for name in sorted(FAST)], ids=sorted(FAST))


def head_of(case: Case, dtype: torch.dtype, roles: Mapping[str, Any] | None = None) -> DistributionHead:
    """A head at the marginal fit of many targets like those of the case, with weights that spread the parameters."""
    mapping = {**Family.of(case.spec, case.event_size).spec}
    head = DistributionHead({**mapping, "parameters": {**mapping["parameters"], **(roles or {})}}, 3, case.event_size)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
        for module in head.parameter.values():
            if isinstance(module, Anchored):
                module.anchor.add_(0.1)
    return head.to(dtype)


def rows_of(case: Case, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    x = torch.randn(12, 3, generator=torch.Generator().manual_seed(0)).to(dtype)
    y = case.inside.repeat(3, *(1,) * (case.inside.dim() - 1))
    return x, y.to(dtype) if y.is_floating_point() else y


def own(head: DistributionHead, x: Tensor, y: Tensor) -> Tensor:
    """log_prob of the distribution itself."""
    raw = x.new_empty(len(x), 0) if head.linear is None else head.linear(x)
    return head.distribution_of(raw, [head.parameter[name].raw for name in head._learned]).log_prob(y)


def gradients(head: DistributionHead, value: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad((value * torch.linspace(-1.0, 2.0, len(value))).sum(), list(head.parameters())))


@DTYPES
@FASTS
def test_value_and_gradient_are_those_of_the_distribution(case: Case, dtype: torch.dtype) -> None:
    (x, y), head = rows_of(case, dtype), head_of(case, dtype)
    exact = copy.deepcopy(head).double()
    expected = own(exact, x.double(), y.double() if y.is_floating_point() else y)
    dist = head(x)
    found = dist.log_prob(y)
    assert issubclass(type(dist), fast.Deferred), "the distribution was built"
    tolerance = {torch.float32: 2e-5, torch.float64: 1e-11}[dtype]
    torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=tolerance)
    for one, other in zip(gradients(head, found), gradients(exact, expected), strict=True):
        torch.testing.assert_close(one.double(), other, rtol=tolerance, atol=tolerance * float(other.abs().max()))


@FASTS
def test_any_parameter_may_be_learned(case: Case) -> None:
    x, y = rows_of(case, torch.float64)
    names = list(Family.of(case.spec, case.event_size).roles)
    for name in names if len(names) > 1 else []:
        head = head_of(case, torch.float64, {name: "learned"})
        found, expected = head(x).log_prob(y), own(head, x, y)
        torch.testing.assert_close(found, expected)
        for one, other in zip(gradients(head, found), gradients(head, expected), strict=True):
            torch.testing.assert_close(one, other)


@FASTS
def test_second_derivatives_go_through_the_distribution(case: Case) -> None:
    (x, y), head = rows_of(case, torch.float64), head_of(case, torch.float64)
    parameters = list(head.parameters())

    def second(value: Tensor) -> list[Tensor]:
        slopes = torch.autograd.grad(value.sum(), parameters, create_graph=True)
        return list(torch.autograd.grad(sum(slope.sin().sum() for slope in slopes), parameters))  # type: ignore[arg-type]

    for one, other in zip(second(head(x).log_prob(y)), second(own(head, x, y)), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("size", [20.0, -20.0, float("nan")])
@FASTS
def test_far_raw_outputs_are_left_to_the_distribution(case: Case, size: float) -> None:
    (_, y), head = rows_of(case, torch.float64), head_of(case, torch.float64)
    raw = torch.full((len(y), sum(head.sizes)), size, dtype=torch.float64)
    learned = [head.parameter[name].raw for name in head._learned]
    expected = head.distribution_of(raw, learned).log_prob(y)
    torch.testing.assert_close(head.distribution(raw).log_prob(y), expected, rtol=0.0, atol=0.0, equal_nan=True)


@FASTS
def test_the_result_is_an_ordinary_distribution(case: Case) -> None:
    (x, y), head = rows_of(case, torch.float64), head_of(case, torch.float64)
    expected = head.distribution_of(head.linear(x), [head.parameter[name].raw for name in head._learned])  # type: ignore[misc]
    for use in (lambda dist: dist, copy.deepcopy, lambda dist: dist.expand(torch.Size([12]))):
        with torch.no_grad():
            found = head(x)
        assert isinstance(found, type(expected))
        assert (found.batch_shape, found.event_shape) == (expected.batch_shape, expected.event_shape)
        used = use(found)
        assert repr(used) and type(used) is type(expected)
        for name in set(case.parameters) - {"mixture_logits"} if "gaussian_mixture" not in case.name else ():
            torch.testing.assert_close(getattr(used, name), getattr(expected, name))
        torch.testing.assert_close(used.log_prob(y), expected.log_prob(y))


def test_parameters_have_a_graph_wherever_they_are_first_used() -> None:
    head = DistributionHead("normal", 3)
    dist = head(torch.randn(4, 3))
    with torch.no_grad():
        assert dist.scale.requires_grad
    (dist.loc.sum() + dist.scale.sum()).backward()
    assert head.linear is not None and head.linear.weight.grad is not None


@FASTS
def test_what_was_predicted_without_a_graph_has_none(case: Case) -> None:
    (x, y), default = rows_of(case, torch.float32), head_of(case, torch.float32)
    for roles in ({}, {list(default.parameter)[-1]: "learned"}):
        head = head_of(case, torch.float32, roles)
        with torch.no_grad():
            predicted, expected = head(x), head(x).log_prob(y)
        found = predicted.log_prob(y)
        assert not found.requires_grad
        assert torch.equal(found, expected)


def test_new_anchors_are_noticed() -> None:
    head, y = DistributionHead("poisson", 3), torch.tensor([3.0, 9.0, 4.0])
    x = torch.zeros(3, 3)
    head(x).log_prob(y)
    head.fit_marginal(y)
    expected = torch.distributions.Poisson(y.mean()).log_prob(y)
    torch.testing.assert_close(head(x).log_prob(y), expected)
    torch.testing.assert_close(head.double()(x.double()).log_prob(y.double()), expected.double())


def test_transforms_and_other_shapes_go_through_the_distribution() -> None:
    head, x = DistributionHead("normal", 3), torch.randn(4, 3)
    assert head.linear is not None
    y = torch.randn(4)

    def loss(row: Tensor, target: Tensor) -> Tensor:
        return head(row[None]).log_prob(target[None]).squeeze(0)

    slopes = torch.func.vmap(torch.func.grad(loss))(x, y)
    expected = torch.stack([torch.func.grad(loss)(row, target) for row, target in zip(x, y, strict=True)])
    torch.testing.assert_close(slopes, expected)
    assert head(x).log_prob(torch.zeros(5, 4)).shape == (5, 4)
    assert fast.is_plain()
