"""The von Mises distribution by a vector: what a network predicts for a direction, with no jump at pi."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.utils import broadcast_all, lazy_property
from torch.types import _size

from likelihead.distributions.formula import Derivatives, Formula
from likelihead.distributions.stirling import wide
from likelihead.distributions.von_mises import VonMises, VonMisesLaw, log_i0e
from likelihead.laws.law import Law, law_of

#: Added to a squared length, so that the gradient of the length of the zero vector is 0 and not NaN.
_TINY = {torch.float64: 1e-60, torch.float32: 1e-30}


class VonMisesVector(VonMises):
    """VonMisesVector(vector, concentration=None): vector (..., 2), angles y of shape (...).

    The angle of the vector is the mean direction; its length is the concentration, unless `concentration` (...) is
    given. With v the vector, k the concentration and u = (cos y, sin y), log p(y) = k (u.v / |v| - 1) - log(2 pi)
    - log(exp(-k) I0(k)). Where the vectors are aligned 1 - u.v / |v| is taken from the cross product, which does not
    cancel. The zero vector has no direction: every y is then as far away as a right angle, and the gradient is the one
    at length 1.

    >>> VonMisesVector(torch.tensor([0.0, 1e6])).log_prob(torch.tensor(torch.pi / 2))
    tensor(5.9888)
    """

    arg_constraints = {"vector": constraints.real_vector, "concentration": constraints.positive}  # noqa: RUF012

    def __init__(
        self, vector: Tensor, concentration: Tensor | float | None = None, validate_args: bool | None = None
    ) -> None:
        self._given = concentration is not None
        self._wide = wide(vector)
        self._length = _length(self._wide)
        given = self._length.to(vector.dtype) if concentration is None else concentration
        self._length, self.concentration = broadcast_all(self._length, given)
        shape = self.concentration.shape
        self.vector, self._wide = vector.expand((*shape, 2)), self._wide.expand((*shape, 2))
        # Not the constructor of VonMises: the angle is computed only when it is used.
        super(torch.distributions.VonMises, self).__init__(shape, validate_args=validate_args)  # type: ignore[misc]

    @lazy_property
    def loc(self) -> Tensor:
        """The mean direction, of shape batch_shape; 0 for the zero vector."""
        return torch.atan2(self.vector[..., 1], self.vector[..., 0])

    @staticmethod
    def parameter_shapes(event_size: int | None) -> dict[str, tuple[int, ...]]:
        """The shape of one value of each parameter that is no scalar."""
        return {"vector": (2,)}

    def expand(self, batch_shape: _size, _instance: Any = None) -> VonMisesVector:
        """The same distribution for a larger batch_shape."""
        shape = torch.Size(batch_shape)
        given = self.concentration.expand(shape) if self._given else None
        return type(self)(self.vector.expand((*shape, 2)), given, validate_args=self._validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        dtype = torch.promote_types(value.dtype, self.vector.dtype)
        angle, (along, across) = wide(value), self._wide.unbind(-1)
        distance = _Distance.of(*torch.broadcast_tensors(self._length, along, across, angle.cos(), angle.sin()))
        if self._given:
            nowhere = (along == 0) & (across == 0)
            distance = torch.where(nowhere, 1.0 + distance, distance / self._length) * wide(self.concentration)
        return -distance.to(dtype) - log_i0e(self.concentration) - math.log(2.0 * math.pi)


class _Distance(Formula):
    """length - u.v for a vector v = (along, across) of that length and a unit vector u = (cosine, sine)."""

    @staticmethod
    def forward(length: Tensor, along: Tensor, across: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        dot, cross = along * cosine + across * sine, across * cosine - along * sine
        return torch.where(dot > 0, cross * cross / (length + dot.clamp(min=0)), length - dot)

    @staticmethod
    def derivatives(
        needed: Sequence[bool],
        value: Tensor,
        length: Tensor,
        along: Tensor,
        across: Tensor,
        cosine: Tensor,
        sine: Tensor,
    ) -> Derivatives:
        d_cosine, d_sine = (-along, -across) if needed[3] else (None, None)
        return torch.ones_like(length), -cosine, -sine, d_cosine, d_sine


def _length(vector: Tensor) -> Tensor:
    """The length of each vector (..., 2), which is widened; never 0."""
    along, across = vector.unbind(-1)
    return (along * along + across * across + _TINY[along.dtype]).sqrt()


@law_of.register
def _law(von_mises: VonMisesVector) -> Law:
    along, across = von_mises.vector.unbind(-1)
    return VonMisesLaw(von_mises, loc=torch.atan2(across, along), concentration=von_mises.concentration)
