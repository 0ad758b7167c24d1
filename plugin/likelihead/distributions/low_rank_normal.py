"""The multivariate normal distribution whose covariance is a diagonal and a matrix of low rank."""

from __future__ import annotations

from typing import Any

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints
from torch.types import _size

from likelihead.distributions.multivariate_normal import MultivariateNormalLaw
from likelihead.distributions.normal import Normal
from likelihead.distributions.stirling import HALF_LOG_2PI, wide
from likelihead.laws.law import Law, law_of, numbers


class LowRankNormal(TorchDistribution):
    """LowRankNormal(loc, factor, scale): loc (..., d), factor (..., d, rank), scale (..., d), for vectors y (..., d).

    The covariance is factor factorᵀ + diag(scale²): a few common causes and a deviation of each entry's own, with
    d (2 + rank) parameters. With z = (y - loc) / scale, U = factor / scale by row and the QR decomposition of U above
    the identity, log p(y) = -(least |z - U b|² + |b|²) / 2 - sum log scale - sum log |diag R| - d log(2 pi) / 2, in
    float64.

    >>> shared = LowRankNormal(torch.zeros(2), torch.ones(2, 1), torch.ones(2))
    >>> shared.log_prob(torch.zeros(2))
    tensor(-2.3872)
    """

    arg_constraints = {  # noqa: RUF012
        "loc": constraints.real_vector,
        "factor": constraints.independent(constraints.real, 2),
        "scale": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, loc: Tensor, factor: Tensor, scale: Tensor, rank: int | None = None, validate_args: bool | None = None
    ) -> None:
        batch = torch.broadcast_shapes(loc.shape[:-1], factor.shape[:-2], scale.shape[:-1])
        self.loc, self.scale = (part.expand(*batch, part.shape[-1]) for part in (loc, scale))
        self.factor = factor.expand(*batch, *factor.shape[-2:])
        super().__init__(batch, loc.shape[-1:], validate_args=validate_args)

    @staticmethod
    def parameter_shapes(event_size: int | None, rank: int = 2) -> dict[str, tuple[int, ...]]:
        """The shape of the factor of one row; the option `rank` sets its number of columns."""
        return {"factor": (event_size or 0, rank)}

    @property
    def mean(self) -> Tensor:
        """The expectation, loc."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The variance of each entry."""
        return self.factor.square().sum(-1) + self.scale.square()

    def expand(self, batch_shape: _size, _instance: Any = None) -> LowRankNormal:
        """The same distribution for a larger batch_shape."""
        inner = len(self.batch_shape)
        loc, factor, scale = (
            part.expand(*batch_shape, *part.shape[inner:]) for part in (self.loc, self.factor, self.scale)
        )
        return type(self)(loc, factor, scale, validate_args=self._validate_args)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Samples of shape sample_shape + batch_shape + (d,), with gradients."""
        shape = self._extended_shape(sample_shape)
        own, common = torch.randn(shape).to(self.loc), torch.randn(*shape[:-1], self.factor.shape[-1]).to(self.loc)
        return self.loc + self.scale * own + (self.factor @ common.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape + (d,)."""
        if self._validate_args:
            self._validate_sample(value)
        dtype = torch.promote_types(value.dtype, self.loc.dtype)
        scale, rank = wide(self.scale), self.factor.shape[-1]
        z = (wide(value) - wide(self.loc)) / scale
        ratio = wide(self.factor) / scale.unsqueeze(-1)
        identity = torch.eye(rank, dtype=scale.dtype, device=scale.device).expand(*ratio.shape[:-2], rank, rank)
        q, r = torch.linalg.qr(torch.cat([ratio, identity], -2))
        full = torch.cat([z, z.new_zeros(*z.shape[:-1], rank)], -1).unsqueeze(-1)
        residual = (full - q @ (q.mT @ full)).squeeze(-1)
        log_det = scale.log().sum(-1) + r.diagonal(dim1=-2, dim2=-1).abs().log().sum(-1)
        return (-0.5 * residual.square().sum(-1) - log_det - z.shape[-1] * HALF_LOG_2PI).to(dtype)


@law_of.register
def _law(normal: LowRankNormal) -> Law:
    scale = normal.variance.sqrt()
    marginal = Normal(normal.loc, scale, validate_args=False)
    found = MultivariateNormalLaw(normal, marginal, loc=normal.loc, scale=scale)
    found.factor = numbers(torch.cat([torch.diag_embed(normal.scale), normal.factor], -1))
    return found
