"""What holds for every shipped family, over the table in tests/cases.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cases import CASES, Case
from torch import Tensor, nn

import likelihead
from likelihead import DistributionHead
from likelihead.configs import shipped
from likelihead.errors import TargetError
from likelihead.families.family import Family
from likelihead.target_types.check import check_targets
from likelihead.training.module import LikelihoodModule

EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def family(case: Case) -> Family:
    return Family.of(case.name, case.event_size)


def build(case: Case) -> Any:
    return family(case).build(case.parameters)


def single(y: Tensor) -> Tensor:
    """Targets in the dtype of training."""
    return y.float() if y.is_floating_point() else y


def in_support(built: Any, y: Tensor) -> Tensor:
    """Whether each row (..., *event_shape) lies in the support and is finite."""
    is_finite = y.isfinite().reshape(*y.shape[: y.dim() - len(built.event_shape)], -1).all(-1)
    inside: Tensor = built.support.check(y) & is_finite
    return inside


def test_every_shipped_family_has_a_row() -> None:
    assert sorted(CASES) == sorted(shipped())


@EVERY
def test_log_prob_is_the_reference(case: Case) -> None:
    """In float64 and in float32."""
    np.testing.assert_allclose(build(case).log_prob(case.inside), case.reference(), rtol=1e-10, atol=1e-12)
    narrow = family(case).build({name: value.float() for name, value in case.parameters.items()})
    log_prob = narrow.log_prob(single(case.inside))
    assert log_prob.dtype == torch.float32
    np.testing.assert_allclose(log_prob, case.reference(), rtol=2e-6, atol=2e-6)


@EVERY
def test_expand(case: Case) -> None:
    built = build(case)
    wider = built.expand((3, 4))
    assert wider.batch_shape == (3, 4) and wider.event_shape == built.event_shape
    torch.testing.assert_close(wider.log_prob(case.inside), built.log_prob(case.inside).expand(3, 4))


@EVERY
def test_samples(case: Case) -> None:
    """Their shape, their support, and where the mean exists, their mean."""
    torch.manual_seed(0)
    built = build(case)
    sample = built.sample((20_000,))
    assert sample.shape == (20_000, 4, *built.event_shape) and bool(in_support(built, sample).all())
    assert bool(built.log_prob(sample).isfinite().all())
    if case.name == "von_mises":
        torch.testing.assert_close(
            torch.atan2(sample.sin().mean(0), sample.cos().mean(0)), built.mean, atol=0.1, rtol=0
        )
    elif case.name != "plackett_luce":
        exists = built.mean.isfinite()
        away = (sample.double().mean(0) - built.mean).abs() / sample.double().std(0)
        assert bool((away[exists] < 6.0 / 20_000**0.5).all())
        assert bool(exists.all()) or case.name in ("categorical", "ordinal")


@EVERY
def test_gradients_are_finite(case: Case) -> None:
    leaves = {name: value.clone().requires_grad_() for name, value in case.parameters.items()}
    log_prob = family(case).build(leaves).log_prob(case.inside)
    for name, gradient in zip(leaves, torch.autograd.grad(log_prob.sum(), list(leaves.values())), strict=True):
        assert bool(gradient.isfinite().all()) and bool((gradient != 0).any()), name


@EVERY
def test_the_support_takes_what_is_inside_and_refuses_the_rest(case: Case) -> None:
    """Some of torch's supports are closed at an end that the data room refuses, as the density has no value there."""
    built = build(case)
    assert bool(in_support(built, case.inside).all())
    torch.testing.assert_close(check_targets(case.inside, family(case)), single(case.inside))
    for label, y in case.outside:
        with pytest.raises(TargetError):
            check_targets(y, family(case))
        assert label in ("zero", "one") or not bool(in_support(built, y).all()), label


@EVERY
def test_every_trainable_parameter_of_a_head_gets_a_gradient(case: Case) -> None:
    torch.manual_seed(0)
    head = DistributionHead(case.name, in_features=3, event_size=case.event_size)
    (-head(torch.randn(4, 3)).log_prob(single(case.inside)).sum()).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), name
        assert bool((parameter.grad != 0).any()), name


@EVERY
def test_a_head_is_saved_loaded_and_shown(case: Case, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = LikelihoodModule(nn.Identity(), DistributionHead(case.name, in_features=3, event_size=case.event_size))
    contents: dict[str, Any] = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(contents)
    torch.save(contents, tmp_path / "some.ckpt")
    again = likelihead.load(tmp_path / "some.ckpt", architecture=nn.Identity())
    features, y = torch.randn(4, 3), single(case.inside)
    torch.testing.assert_close(again(features).log_prob(y), module(features).log_prob(y), rtol=0, atol=0)
    assert all(name in repr(module.head) for name in case.parameters) and repr(again.head) == repr(module.head)
