"""Wherever a network drives a default head, in float32, its loss and its gradient are finite, and it stays alive."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from likelihead import DistributionHead
from likelihead.configs import shipped
from likelihead.families.family import Family, family_for
from likelihead.target_types import target_type_of

RAW = torch.arange(-100.0, 101.0, 5.0)
SIZES = {"multivariate_normal": 2, "multivariate_student_t": 2, "diagonal_normal": 2, "low_rank_normal": 2,
         "projected_normal": 3, "categorical": 3, "plackett_luce": 3, "dirichlet": 3, "ordinal": 3,
         "plackett_luce_partial": 3, "plackett_luce_top": 3, "multinomial": 3}  # fmt: skip
#: Targets as people have them, for each kind of support.
ORDINARY = {
    "real": [-1.3, 0.0, 0.4, 2.5],
    "positive": [0.05, 0.7, 1.0, 4.0],
    "proportion": [0.03, 0.4, 0.5, 0.97],
    "angle": [-3.1, -0.5, 0.0, 2.0],
    "binary": [0.0, 1.0],
    "count": [0.0, 1.0, 3.0, 12.0],
    "class": [0, 1, 2],
    "ranking": [[0, 1, 2], [2, 1, 0], [1, 2, 0]],
    "vector": [[0.3, -1.0], [2.0, 1.5]],
    "partial_ranking": [[0, 1, -1], [2, 1, 0], [1, -1, -1]],
    "unit_vector": [[1.0, 0.0, 0.0], [0.6, 0.0, 0.8], [-0.48, 0.6, 0.64]],
    "shares": [[0.2, 0.3, 0.5], [0.01, 0.09, 0.9]],
    "class_counts": [[0.0, 3.0, 9.0], [4.0, 4.0, 4.0]],
}
KINDS = {
    "normal": "real", "laplace": "real", "student_t": "real", "gaussian_mixture": "real", "exponential": "positive",
    "gamma": "positive", "log_normal": "positive", "weibull": "positive", "beta": "proportion",
    "beta_proportion": "proportion", "von_mises": "angle", "bernoulli": "binary", "categorical": "class",
    "ordinal": "class", "poisson": "count", "negative_binomial": "count", "zero_inflated_poisson": "count",
    "plackett_luce": "ranking", "multivariate_normal": "vector", "multivariate_student_t": "vector",
    "diagonal_normal": "vector", "low_rank_normal": "vector", "dirichlet": "shares",
}  # fmt: skip
#: The targets of any other family are those of its target type.
KINDS |= {name: target_type_of(name).name for name in shipped() if name not in KINDS}


def everything_predicted(name: str) -> Family:
    """The shipped family with its learned parameters predicted as well, so that the sweep reaches them."""
    family = Family.of(name, event_size=SIZES.get(name))
    roles = {parameter: "predicted" if role == "learned" else role for parameter, role in family.roles.items()}
    if "total_count" in roles:
        roles["total_count"] = 12.0  # trials, as many as the largest of the counts above
    return Family.of({**family.spec, "parameters": roles}, event_size=SIZES.get(name))


def raw_pairs(width: int) -> Tensor:
    """All pairs of values at all pairs of raw outputs, the others at 0: (rows, width).

    Of more than 20 raw outputs the pairs of neighbours, and of each with the first.
    """
    if width == 1:
        return RAW[:, None]
    values = torch.cartesian_prod(RAW, RAW)
    blocks = []
    for first, second in itertools.combinations(range(width), 2):
        if width > 20 and first > 0 and second > first + 1:
            continue
        block = torch.zeros(len(values), width)
        block[:, first], block[:, second] = values.T
        blocks.append(block)
    return torch.cat(blocks)


def sweep(head: DistributionHead, y: Tensor) -> tuple[Tensor, Tensor]:
    """log p(y) and its gradient by the raw outputs, for each pair of raw outputs and each target."""
    pairs = raw_pairs(sum(head.sizes))
    raw = pairs.repeat_interleave(len(y), dim=0).to(head.linear.weight.dtype).requires_grad_()
    log_prob = head.distribution(raw).log_prob(y.repeat(len(pairs), *(1,) * (y.dim() - 1)))
    (gradient,) = torch.autograd.grad(log_prob.sum(), raw)
    return log_prob.detach(), gradient


@pytest.mark.parametrize("anchored", [False, True], ids=["plain", "anchored"])
@pytest.mark.parametrize("name", shipped())
def test_the_sweep_finds_nothing_infinite_and_nothing_dead(name: str, anchored: bool) -> None:
    y = torch.tensor(ORDINARY[KINDS[name]])
    head = DistributionHead(everything_predicted(name), in_features=1)
    if anchored:
        noise = torch.Generator().manual_seed(0)
        spread = y.repeat(5, *(1,) * (y.dim() - 1))
        if KINDS[name] in ("real", "vector"):
            spread = spread + 0.3 * torch.randn(spread.shape, generator=noise)
        head.fit_marginal(spread)
    log_prob, gradient = sweep(head, y)
    assert torch.isfinite(log_prob).all()
    assert torch.isfinite(gradient).all()
    # Far out on the right side the gradient there is may be too small for float32 to hold.
    _, truth = sweep(head.double(), y)
    held = truth.abs().amax(-1) > torch.finfo(torch.float32).tiny
    assert ((gradient == 0).all(-1) & held).double().mean() < 0.01


def test_hardly_any_row_of_the_plain_sweep_is_without_gradient() -> None:
    dead, rows = 0, 0
    for name in shipped():
        _, gradient = sweep(
            DistributionHead(everything_predicted(name), in_features=1), torch.tensor(ORDINARY[KINDS[name]])
        )
        dead, rows = dead + int((gradient == 0).all(-1).sum()), rows + len(gradient)
    assert dead < 0.01 * rows


@pytest.mark.parametrize("name", shipped())
def test_float32_agrees_with_float64_over_the_whole_sweep(name: str) -> None:
    y = torch.tensor(ORDINARY[KINDS[name]])
    family = everything_predicted(name)
    head = DistributionHead(family, in_features=1)
    pairs = raw_pairs(sum(head.sizes))
    raw = pairs.repeat_interleave(len(y), dim=0)
    targets = y.repeat(len(pairs), *(1,) * (y.dim() - 1))
    pieces = zip(head.parameter.items(), raw.split(head.sizes, dim=-1), strict=True)
    values = {parameter: module(piece).detach() for (parameter, module), piece in pieces}
    single = family.build(values).log_prob(targets)
    wide = targets.double() if targets.is_floating_point() else targets
    double = family.build({parameter: value.double() for parameter, value in values.items()}).log_prob(wide)
    fits = double.abs() < torch.finfo(torch.float32).max / 8  # a Weibull's loss is held there where it does not fit
    error = (single.double() - double).abs() / double.abs().clamp(min=1.0)
    assert error[fits].max() < 1e-4


def test_the_sweep_covers_every_shipped_family() -> None:
    assert set(KINDS) == set(shipped())
    for name in shipped():
        y = torch.tensor(ORDINARY[KINDS[name]])
        assert family_for(name, y, classes=SIZES.get(name)).event_size == SIZES.get(name)
