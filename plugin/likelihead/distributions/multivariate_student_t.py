"""The multivariate Student's t distribution, right for any degrees of freedom up to the normal limit."""

from __future__ import annotations

import math
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.types import _size

from likelihead.distributions.multivariate_normal import TriangularSolver
from likelihead.distributions.stirling import log_rising, wide
from likelihead.distributions.student_t import StudentT, StudentTLaw
from likelihead.laws.law import MARGINAL, Claim, Law, claims, law_of


class MultivariateStudentT(dist.MultivariateStudentT):
    """MultivariateStudentT(df, loc, scale_tril): df (...), loc (..., d), scale_tril (..., d, d), for y (..., d).

    With L z = y - loc, L being the lower triangular scale_tril, and x = df / 2,
    log p(y) = lgamma(x + d/2) - lgamma(x) - d log(2 pi x) / 2 - sum log diag(L) - (x + d/2) log(1 + |z|^2 / df). Pyro's
    own subtracts the two lgamma in float32, which keeps no digits at large df.

    >>> heavy = MultivariateStudentT(torch.tensor(3.2e7), torch.zeros(2), torch.eye(2))
    >>> heavy.log_prob(torch.zeros(2))
    tensor(-1.8379)
    """

    def __init__(self, df: Tensor | float, loc: Tensor, scale_tril: Tensor, validate_args: bool | None = None) -> None:
        df = torch.as_tensor(df, dtype=loc.dtype, device=loc.device)
        batch = torch.broadcast_shapes(df.shape, loc.shape[:-1], scale_tril.shape[:-2])
        self.df, self.loc = df.expand(batch), loc.expand(*batch, loc.shape[-1])
        self._unbroadcasted_scale_tril = scale_tril
        self.scale_tril = scale_tril.expand(*batch, *scale_tril.shape[-2:])
        # Not Pyro's constructor: its inner distribution validates whatever this one does.
        self._chi2 = dist.Chi2(self.df, validate_args=False)
        super(dist.MultivariateStudentT, self).__init__(batch, loc.shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: Any = None) -> Any:
        """The same distribution for a larger batch_shape."""
        return super().expand(batch_shape, self._get_checked_instance(MultivariateStudentT, _instance))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape + (d,)."""
        if self._validate_args:
            self._validate_sample(value)
        dtype = torch.promote_types(value.dtype, self.loc.dtype)
        difference = wide(value) - wide(self.loc)
        size = self.event_shape[0]
        factor = self._unbroadcasted_scale_tril.expand(*difference.shape[:-1], size, size)
        z = TriangularSolver(factor).solve(difference)
        x, half = 0.5 * wide(self.df), torch.tensor(0.5 * size, dtype=z.dtype, device=z.device)
        constant = log_rising(x, half) + half * ((half / x).log1p() - math.log(2.0 * math.pi))
        decay = (x + half) * ((z * z).sum(-1) / (2.0 * x)).log1p()
        log_det = wide(factor.diagonal(dim1=-2, dim2=-1)).log().sum(-1)
        return (constant - decay - log_det).to(dtype)


class MultivariateStudentTLaw(StudentTLaw):
    """The Student's t marginals of the multivariate one."""

    claims = claims(
        Claim("exact", MARGINAL),
        mode=Claim("exact", "of the joint density"),
        mean=Claim("exact", "loc for df <= 1 too, where only the principal value of the integral exists"),
    )


@law_of.register
def _law(student: dist.MultivariateStudentT) -> Law:
    scale = torch.linalg.vector_norm(student.scale_tril, dim=-1)
    df = student.df.unsqueeze(-1)
    marginal = StudentT(df, student.loc, scale, validate_args=False)
    return MultivariateStudentTLaw(student, marginal, df=df, loc=student.loc, scale=scale)
