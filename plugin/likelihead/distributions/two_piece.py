"""Skew families by one rule: a symmetric density stretched by different factors on the two sides of its peak.

With f a symmetric standard density and z = (y - loc) / (2 scale level) below loc, (y - loc) / (2 scale (1 - level))
above it, p(y) = f(z) / scale (Fechner, 1897; Fernandez & Steel, 1998). So P(y < loc) = level: the location is the mode,
and the quantile at that level. At level 1/2 it is the symmetric family.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyro.distributions as dist
import torch
from pyro.distributions import TorchDistribution
from scipy import special
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.utils import broadcast_all
from torch.types import _size

from likelihead.distributions.stirling import HALF_LOG_2PI, wide
from likelihead.distributions.student_t import student_t_log_prob
from likelihead.distributions.tails import LogTails, from_tail, log_tails
from likelihead.laws.law import Array, Claim, Law, claims, law, law_of
from likelihead.laws.location_scale import LocationScaleLaw


class TwoPiece(TorchDistribution):
    """What the skew families share; a subclass gives the symmetric standard distribution and its log-density."""

    arg_constraints = {  # noqa: RUF012
        "loc": constraints.real,
        "scale": constraints.positive,
        "level": constraints.unit_interval,
    }
    support = constraints.real
    has_rsample = True

    def __init__(
        self, loc: Tensor | float, scale: Tensor | float, level: Tensor | float, validate_args: bool | None = None
    ) -> None:
        self.loc, self.scale, self.level = broadcast_all(loc, scale, level)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: Any = None) -> Any:
        """The same distribution for a larger batch_shape."""
        shape = torch.Size(batch_shape)
        # Read as attributes, since a class may have one more parameter than these.
        values = {name: getattr(self, name).expand(shape) for name in self.arg_constraints}
        return type(self)(**values, validate_args=self._validate_args)

    def symmetric(self) -> Any:
        """The symmetric standard distribution, of the same batch_shape."""
        raise NotImplementedError

    def symmetric_log_prob(self, z: Tensor) -> Tensor:
        """Its log-density."""
        raise NotImplementedError

    @property
    def sides(self) -> tuple[Tensor, Tensor]:
        """The scales below and above loc."""
        return 2.0 * self.scale * self.level, 2.0 * self.scale * (1.0 - self.level)

    @property
    def mean(self) -> Tensor:
        """loc + E|Z| (right scale (1 - level) - left scale level), Z symmetric."""
        mean: Tensor = torch.from_numpy(np.ascontiguousarray(law(self).mean()))
        return mean.to(self.loc)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Samples of shape sample_shape + batch_shape; gradients reach loc and scale."""
        shape = self._extended_shape(sample_shape)
        size = self.symmetric().sample(sample_shape).abs()
        is_left = torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device) < self.level
        left, right = self.sides
        return self.loc + torch.where(is_left, -left, right) * size

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        distance = value - self.loc
        left, right = self.sides
        return self.symmetric_log_prob(distance / torch.where(distance < 0, left, right)) - self.scale.log()


class AsymmetricLaplace(TwoPiece):
    """AsymmetricLaplace(loc, scale, level), all of shape (...): log p(y) = -|z| - log(2 scale), z as in this module.

    At a fixed level its negative log-density is, up to factor and constant, the check loss whose minimum is the
    quantile at that level (Koenker & Machado, 1999): loc is quantile regression.

    >>> AsymmetricLaplace(torch.tensor(0.0), torch.tensor(0.5), torch.tensor(0.9)).log_prob(torch.tensor([-0.9, 0.1]))
    tensor([-1.0000, -1.0000])
    """

    def symmetric(self) -> Any:
        """Laplace(0, 1)."""
        return dist.Laplace(torch.zeros_like(self.loc), torch.ones_like(self.loc), validate_args=False)

    def symmetric_log_prob(self, z: Tensor) -> Tensor:
        """-|z| - log 2."""
        return -z.abs() - math.log(2.0)


class SkewNormal(TwoPiece):
    """SkewNormal(loc, scale, level), all of shape (...): log p(y) = -z^2 / 2 - log(2 pi) / 2 - log(scale).

    The two-piece (split) normal distribution, z as in this module.

    >>> SkewNormal(torch.tensor(0.0), torch.tensor(1.0), torch.tensor(0.5)).log_prob(torch.tensor(0.0))
    tensor(-0.9189)
    """

    def symmetric(self) -> Any:
        """Normal(0, 1)."""
        return dist.Normal(torch.zeros_like(self.loc), torch.ones_like(self.loc), validate_args=False)

    def symmetric_log_prob(self, z: Tensor) -> Tensor:
        """-z^2 / 2 - log(2 pi) / 2."""
        return -0.5 * z * z - HALF_LOG_2PI


class SkewT(TwoPiece):
    """SkewT(df, loc, scale, level), all of shape (...): the two-piece Student's t distribution, z as in this module.

    >>> SkewT(torch.tensor(1e8), torch.tensor(0.0), torch.tensor(1.0), torch.tensor(0.5)).log_prob(torch.tensor(0.0))
    tensor(-0.9189)
    """

    arg_constraints = {"df": constraints.positive, **TwoPiece.arg_constraints}  # noqa: RUF012

    def __init__(
        self,
        df: Tensor | float,
        loc: Tensor | float,
        scale: Tensor | float,
        level: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        self.df, loc, scale, level = broadcast_all(df, loc, scale, level)
        super().__init__(loc, scale, level, validate_args=validate_args)

    def symmetric(self) -> Any:
        """StudentT(df, 0, 1)."""
        return dist.StudentT(self.df, torch.zeros_like(self.loc), torch.ones_like(self.loc), validate_args=False)

    def symmetric_log_prob(self, z: Tensor) -> Tensor:
        """That of Student's t."""
        return student_t_log_prob(z, self.df, torch.zeros_like(self.df), torch.ones_like(self.df))


class TwoPieceLaw(Law):
    """From the law of the symmetric distribution and the mean of its absolute value."""

    loc: Array
    left: Array
    right: Array
    level: Array
    claims = claims(
        interval=Claim("exact", "the highest-density one is inverted"),
        mean=Claim("exact", "for df > 1 only, in the case of SkewT; from there on infinite unless the level is 1/2"),
    )

    def __init__(self, dist: TwoPiece, mean_size: Any) -> None:
        left, right = dist.sides
        super().__init__(dist, loc=dist.loc, left=left, right=right, level=dist.level)
        self.base = law(dist.symmetric())
        assert isinstance(self.base, LocationScaleLaw)
        self.mean_size = np.broadcast_to(mean_size, self.shape)

    def mode(self) -> Array:
        return self.loc

    def mean(self) -> Array:
        lean = self.right * (1.0 - self.level) - self.left * self.level
        return self.loc + np.where(lean == 0.0, 0.0, lean * self.mean_size)

    def cdf(self, y: Array) -> Array:
        below = 2.0 * self.level * self.base.cdf(np.minimum(y - self.loc, 0.0) / self.left)
        above = 2.0 * (1.0 - self.level) * self.base.cdf(-np.maximum(y - self.loc, 0.0) / self.right)
        return np.where(y < self.loc, below, 1.0 - above)

    def quantile(self, q: Array) -> Array:
        below = self.left * self.base.quantile(np.minimum(0.5 * q / self.level, 0.5))
        above = self.right * self.base.quantile(np.minimum(0.5 * (1.0 - q) / (1.0 - self.level), 0.5))
        return self.loc + np.where(q < self.level, below, -above)


@law_of.register
def _asymmetric_laplace(laplace: AsymmetricLaplace) -> Law:
    return TwoPieceLaw(laplace, 1.0)


@law_of.register
def _skew_normal(normal: SkewNormal) -> Law:
    return TwoPieceLaw(normal, math.sqrt(2.0 / math.pi))


@law_of.register
def _skew_t(skew: SkewT) -> Law:
    df = skew.df.numpy()
    log_ratio = special.gammaln(0.5 * df + 0.5) - special.gammaln(0.5 * df)
    size = 2.0 * np.sqrt(df / np.pi) * np.exp(log_ratio) / np.where(df > 1.0, df - 1.0, 1.0)
    # A large finite number in place of infinity, which `law` refuses in an attribute.
    return TwoPieceLaw(skew, np.where(df > 1.0, size, 1e300))


@log_tails.register
def _log_tails(skew: TwoPiece, y: Tensor) -> LogTails:
    """2 level times the tail of the symmetric distribution below loc, 2 (1 - level) times it above."""
    distance, level = wide(y) - wide(skew.loc), wide(skew.level)
    is_upper = distance > 0.0
    share = torch.where(is_upper, 1.0 - level, level)
    size = torch.where(is_upper, -distance, distance) / (2.0 * wide(skew.scale) * share)
    return from_tail((2.0 * share).log() + log_tails(skew.symmetric(), size).log_cdf, is_upper)
