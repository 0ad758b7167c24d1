"""torch.func on log_prob: each transform and what they make together, against finite differences in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from cases import CASES, Case
from torch import Tensor
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

from likelihead.families.family import Family

pytestmark = [
    # 2026-11: torch scripts its own decompositions at the first use of forward mode.
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning"),
    # 2026-11: torch's logsigmoid resizes a buffer of its own under vmap.
    pytest.mark.filterwarnings("ignore:An output with one or more elements was resized:UserWarning"),
]
EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
RTOL = {torch.float32: 2e-3, torch.float64: 2e-5}
STEP = 1e-5


class Row:
    """One row of a case as a function of its parameters that are no whole numbers, flat: p (n) -> log_prob ()."""

    def __init__(self, case: Case, row: int, dtype: torch.dtype = torch.float64) -> None:
        self.family = Family.of(case.name, case.event_size)
        free = {name: value for name, value in case.parameters.items() if name in self.family.links}
        self.shapes = {name: value.shape[1:] for name, value in free.items()}
        self.fixed = {name: value[row, None].to(dtype) for name, value in case.parameters.items() if name not in free}
        self.y = case.inside[row]
        self.y = self.y.to(dtype) if self.y.is_floating_point() else self.y
        self.flat = torch.cat([value[row].flatten() for value in free.values()]).to(dtype)

    def log_prob(self, flat: Tensor) -> Tensor:
        pieces = flat.split([max(shape.numel(), 1) for shape in self.shapes.values()], -1)
        values = dict(self.fixed)
        for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True):
            value = piece.reshape(1, *shape)
            values[name] = value.tril() if name == "scale_tril" else value
        # One row rather than none: of 0-dimensional float32 torch makes float64 in forward mode.
        return self.family.build(values).log_prob(self.y[None]).squeeze(0)


def differences(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """The central differences of a function of a vector (n), with the n directions in the last dimension."""
    steps = STEP * torch.eye(len(at), dtype=at.dtype) * at.abs().clamp(min=0.1)
    slopes = [(function(at + step) - function(at - step)) / (2.0 * step.sum()) for step in steps]
    return torch.stack(slopes, -1)


def assert_close(found: Tensor, expected: Tensor, dtype: torch.dtype) -> None:
    assert found.dtype == dtype
    scale = float(expected.abs().max().clamp(min=1.0))
    torch.testing.assert_close(found.double(), expected, rtol=RTOL[dtype], atol=RTOL[dtype] * scale)


@DTYPES
@EVERY
def test_first_derivatives(case: Case, dtype: torch.dtype) -> None:
    exact, row = Row(case, 1), Row(case, 1, dtype)
    expected = differences(exact.log_prob, exact.flat)
    for transform in (grad, jacrev, jacfwd):
        assert_close(transform(row.log_prob)(row.flat), expected, dtype)
    tangent = torch.linspace(1.0, -0.5, len(row.flat), dtype=dtype)
    value, slope = jvp(row.log_prob, (row.flat,), (tangent,))
    torch.testing.assert_close(value, row.log_prob(row.flat))
    assert_close(slope, expected @ tangent.double(), dtype)


@DTYPES
@EVERY
def test_second_derivatives(case: Case, dtype: torch.dtype) -> None:
    exact, row = Row(case, 2), Row(case, 2, dtype)
    expected = differences(grad(exact.log_prob), exact.flat)
    for outer in (jacfwd, jacrev):
        for inner in (jacfwd, jacrev):
            assert_close(outer(inner(row.log_prob))(row.flat), expected, dtype)
    assert_close(hessian(row.log_prob)(row.flat), expected, dtype)


@EVERY
def test_third_derivatives(case: Case) -> None:
    row = Row(case, 2)
    expected = differences(hessian(row.log_prob), row.flat)
    assert_close(jacfwd(jacfwd(jacfwd(row.log_prob)))(row.flat), expected, torch.float64)
    assert_close(jacfwd(jacrev(jacrev(row.log_prob)))(row.flat), expected, torch.float64)


@EVERY
def test_vmap(case: Case) -> None:
    """Over all parameters, over each of them alone, and over y alone; plain and within derivatives."""
    row = Row(case, 1)
    batch = row.flat * torch.tensor([1.0, 1.1, 0.9]).double()[:, None]
    for transform in (lambda f: f, grad, jacfwd, hessian):
        function = transform(row.log_prob)
        expected = torch.stack([function(flat) for flat in batch])
        torch.testing.assert_close(vmap(function)(batch), expected)
    family, first = Family.of(case.name, case.event_size), {name: v[0] for name, v in case.parameters.items()}
    for name, values in case.parameters.items():

        def over(value: Tensor, name: str = name) -> Tensor:
            return family.build({**first, name: value}).log_prob(case.inside[0])

        expected = torch.stack([over(value) for value in values])
        torch.testing.assert_close(vmap(over)(values), expected)
        torch.testing.assert_close(vmap(jacfwd(over))(values), torch.stack([jacfwd(over)(v) for v in values]))
    expected = torch.stack([family.build(first).log_prob(y) for y in case.inside])
    torch.testing.assert_close(vmap(family.build(first).log_prob)(case.inside), expected)


@EVERY
def test_forward_mode_of_autograd(case: Case) -> None:
    row = Row(case, 3)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(row.flat, torch.ones_like(row.flat))
        slope = torch.autograd.forward_ad.unpack_dual(row.log_prob(dual)).tangent
    assert_close(slope, differences(row.log_prob, row.flat).sum(), torch.float64)
