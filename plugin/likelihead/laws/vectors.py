"""Laws of vectors, one marginal for each coordinate: independent outputs, multivariate normal, Dirichlet."""

from __future__ import annotations

import numpy as np
import pyro.distributions as dist

from likelihead.laws.law import Array, Claim, Law, claims, law, law_of, numbers
from likelihead.laws.line import NormalLaw
from likelihead.laws.positive import BetaLaw

_MARGINAL = "of each coordinate's marginal"


class MultivariateNormalLaw(NormalLaw):
    """The normal marginals of a multivariate normal, and its Cholesky factor (*shape, D)."""

    claims = claims(Claim("exact", _MARGINAL), mode=Claim("exact", "of the joint density"), mean=Claim("exact"))

    def __init__(self, loc: Array, factor: Array) -> None:
        super().__init__(loc=loc, scale=np.linalg.norm(factor, axis=-1))
        self.factor = np.broadcast_to(factor, (*self.shape, self.shape[-1]))


class DirichletLaw(BetaLaw):
    """The beta marginals of a Dirichlet; the mode is that of the joint density.

    With concentrations at or below 1 the mode lies on the face where those coordinates are 0; where none is above 1
    it is the vertex of the largest, and where all are 1 the density is flat and the mode is the mean.
    """

    claims = claims(
        Claim("exact", _MARGINAL),
        mode=Claim("exact", "joint; on the face of the concentrations > 1, else the largest's vertex; mean if flat"),
        mean=Claim("exact"),
        interval=Claim("exact", f"{_MARGINAL}; the highest-density one is inverted"),
    )

    def mode(self) -> Array:
        excess = np.maximum(self.a - 1.0, 0.0)
        total = excess.sum(-1, keepdims=True)
        vertex = np.arange(self.shape[-1]) == np.argmax(self.a, -1)[..., None]
        mode = np.where(total > 0.0, excess / np.where(total > 0.0, total, 1.0), vertex)
        return np.where((self.a == 1.0).all(-1, keepdims=True), self.mean(), mode)


@law_of.register(dist.MultivariateNormal)
def _multivariate_normal(of: dist.MultivariateNormal) -> Law:
    return MultivariateNormalLaw(numbers(of.loc), numbers(of.scale_tril))


@law_of.register(dist.Dirichlet)
def _dirichlet(of: dist.Dirichlet) -> Law:
    concentration = numbers(of.concentration)
    index = range(concentration.shape[-1])
    rest = np.stack([np.delete(concentration, k, -1).sum(-1) for k in index], -1)
    return DirichletLaw(a=concentration, b=rest)


@law_of.register(dist.Independent)
def _independent(of: dist.Independent) -> Law:
    found = law(of.base_dist)
    found.name = f"independent {type(of.base_dist).__name__}"
    return found
