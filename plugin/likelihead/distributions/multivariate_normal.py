"""The multivariate normal distribution, its triangular system solved in float64."""

from __future__ import annotations

from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import Tensor

from likelihead.distributions.formula import Derivatives, Formula
from likelihead.distributions.normal import Normal, NormalLaw
from likelihead.distributions.stirling import HALF_LOG_2PI, wide
from likelihead.laws.energy import gaussian_energy
from likelihead.laws.law import MARGINAL, Array, Claim, Law, claims, law_of, numbers

#: Up to this many dimensions the substitutions are written out, which beats a batched solver of tiny systems.
_UNROLLED = 8


class TriangularSolver:
    """Solves systems in a lower triangular factor (..., d, d), and in its transpose, in float64."""

    def __init__(self, factor: Tensor) -> None:
        self.factor, self.size = factor, factor.shape[-1]
        self.is_unrolled = self.size <= _UNROLLED
        if self.is_unrolled:
            self.entries = factor.flatten(-2).movedim(-1, 0).contiguous().unbind(0)

    def solve(self, right: Tensor, transposed: bool = False) -> Tensor:
        """z (..., d) with factor z = right (or the transposed factor times z), right (..., d) widened."""
        if not self.is_unrolled:
            factor = wide(self.factor).mT if transposed else wide(self.factor)
            return torch.linalg.solve_triangular(factor, right.unsqueeze(-1), upper=transposed).squeeze(-1)
        solved: dict[int, Tensor] = {}
        for row in reversed(range(self.size)) if transposed else range(self.size):
            rest = right[..., row]
            for column, known in solved.items():
                place = (column, row) if transposed else (row, column)
                rest = rest - self._entry(*place) * known
            solved[row] = rest / self._entry(row, row)
        return torch.stack([solved[row] for row in range(self.size)], -1)

    def _entry(self, row: int, column: int) -> Tensor:
        return wide(self.entries[row * self.size + column])


class _LogProb(Formula):
    """From y (..., d), loc (..., d) and the factor (..., d, d), of one batch shape."""

    @staticmethod
    def forward(y: Tensor, loc: Tensor, factor: Tensor) -> Tensor:
        dtype = torch.promote_types(y.dtype, loc.dtype)
        z = TriangularSolver(factor).solve(wide(y) - wide(loc))
        log_det = wide(factor.diagonal(dim1=-2, dim2=-1)).log().sum(-1)
        return (-0.5 * (z * z).sum(-1) - log_det - z.shape[-1] * HALF_LOG_2PI).to(dtype)

    @staticmethod
    def derivatives(needed: Sequence[bool], value: Tensor, y: Tensor, loc: Tensor, factor: Tensor) -> Derivatives:
        dtype = value.dtype
        solver = TriangularSolver(factor)
        z = solver.solve(wide(y) - wide(loc))
        d_loc = solver.solve(z, transposed=True).to(dtype)
        d_factor = (d_loc.unsqueeze(-1) * z.to(dtype).unsqueeze(-2)).tril()
        d_factor.diagonal(dim1=-2, dim2=-1).sub_(factor.diagonal(dim1=-2, dim2=-1).reciprocal())
        return -d_loc if needed[0] else None, d_loc, d_factor


class MultivariateNormal(dist.MultivariateNormal):
    """MultivariateNormal(loc, scale_tril): loc (..., d), scale_tril (..., d, d) lower triangular; y (..., d).

    log p(y) = -|z|^2 / 2 - sum log diag(L) - d log(2 pi) / 2, where L z = y - loc. In float32 the substitution loses
    z where L has entries far larger than its diagonal. It also takes a covariance or precision matrix, as in Pyro.

    >>> factor = torch.tensor([[1e-3, 0.0], [1e6, 1e-3]])
    >>> MultivariateNormal(torch.zeros(2), scale_tril=factor).log_prob(torch.tensor([1e-3, 1e6]))
    tensor(11.4776)
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape + (d,)."""
        if self._validate_args:
            self._validate_sample(value)
        batch = torch.broadcast_shapes(value.shape[:-1], self.batch_shape)
        size = self.event_shape[0]
        factor = self._unbroadcasted_scale_tril.expand((*batch, size, size))
        return _LogProb.of(value.expand((*batch, size)), self.loc.expand((*batch, size)), factor)


class MultivariateNormalLaw(NormalLaw):
    """The normal marginals of a multivariate normal, and its Cholesky factor (*shape, D)."""

    factor: Array
    claims = claims(Claim("exact", MARGINAL), mode=Claim("exact", "of the joint density"), mean=Claim("exact"))

    def energy(self, y: Array) -> Array:
        return gaussian_energy(self.loc, self.factor, y)


@law_of.register
def _law(normal: dist.MultivariateNormal) -> Law:
    scale = torch.linalg.vector_norm(normal.scale_tril, dim=-1)
    marginal = Normal(normal.loc, scale, validate_args=False)
    law = MultivariateNormalLaw(normal, marginal, loc=normal.loc, scale=scale)
    law.factor = numbers(normal.scale_tril)
    return law
