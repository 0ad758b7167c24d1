"""Independent targets of different families, as one distribution over a vector with an entry for each target."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.constraints import Constraint
from torch.types import _size

from likelihead.laws.law import Claim, Law, claims, law_of

_BY_TARGET = Claim("undefined", "it joins targets of different families: ask each of dist.parts.values()")


class JointSupport(Constraint):
    """Vectors whose entries lie in the supports of the targets, or are NaN where a target is missing."""

    event_dim = 1

    def __init__(self, supports: Sequence[Constraint]) -> None:
        self.supports = list(supports)
        self.is_discrete = all(support.is_discrete for support in supports)

    def check(self, value: Tensor) -> Tensor:
        """Whether each vector (..., D) lies in the support."""
        pairs = zip(self.supports, value.unbind(-1), strict=True)
        inside: Tensor = torch.stack([support.check(entry) | entry.isnan() for support, entry in pairs], -1).all(-1)
        return inside


class Joint(TorchDistribution):
    """Joint(names, dists): y (..., D) holds a number for each of D targets, NaN where one is missing.

    log p(y) is the sum of the log-probabilities of the targets that are not missing. Each target keeps its family, by
    its name in `parts`.

    Args:
        names: the D targets.
        dists: a distribution of numbers for each, all of one batch_shape.
        labels: for each target whether y holds the code of a label.

    >>> normal, count = torch.distributions.Normal(torch.zeros(2), 1.0), torch.distributions.Poisson(torch.ones(2))
    >>> joint = Joint(["mass", "visits"], [normal, count])
    >>> joint.log_prob(torch.tensor([[0.0, 0.0], [torch.nan, 0.0]]))
    tensor([-1.9189, -1.0000])
    """

    arg_constraints = {}  # noqa: RUF012

    def __init__(
        self,
        names: Sequence[str],
        dists: Sequence[Any],
        labels: Sequence[bool] = (),
        validate_args: bool | None = None,
    ) -> None:
        self.names, self.dists = tuple(names), tuple(dists)
        self.labels = tuple(labels) or (False,) * len(self.names)
        super().__init__(dists[0].batch_shape, torch.Size([len(self.names)]), validate_args=validate_args)

    @property
    def parts(self) -> dict[str, Any]:
        """The distribution of each target by its name."""
        return dict(zip(self.names, self.dists, strict=True))

    @constraints.dependent_property(is_discrete=False, event_dim=1)
    def support(self) -> Constraint:
        """A number for each target."""
        return JointSupport([dist.support for dist in self.dists])

    def expand(self, batch_shape: _size, _instance: Any = None) -> Joint:
        """The same distribution for a larger batch_shape."""
        wider = [dist.expand(torch.Size(batch_shape)) for dist in self.dists]
        return type(self)(self.names, wider, self.labels, validate_args=self._validate_args)

    @torch.no_grad()
    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Vectors of shape sample_shape + batch_shape + (D,)."""
        drawn = [dist.sample(sample_shape) for dist in self.dists]
        dtype = next((each.dtype for each in drawn if each.is_floating_point()), torch.get_default_dtype())
        return torch.stack([each.to(dtype) for each in drawn], -1)

    def targets(self, value: Tensor) -> Iterator[tuple[str, Any, Tensor, Tensor]]:
        """Of each target the name, the distribution, y (...) as that takes it, and where it is known (...).

        Where a target is missing, y is another value of its support, so that no gradient is NaN.
        """
        for index, (name, dist) in enumerate(self.parts.items()):
            entry = value[..., index]
            known = ~entry.isnan()
            entry = torch.where(known, entry, _filler(entry, known, dist.support))
            yield name, dist, entry.long() if self.labels[index] else entry, known

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape + (D,)."""
        each = [dist.log_prob(y).masked_fill(~known, 0.0) for _, dist, y, known in self.targets(value)]
        return torch.stack(each, -1).sum(-1)


class JointMixture(Joint):
    """JointMixture(members): the equal mixture of K joint distributions of the same targets, such as an ensemble's.

    log p(y) = logsumexp over k of log p_k(y) - log K, where log p_k(y) is the sum over the targets that are not
    missing. So the targets of a row are dependent, though those of a member are not: `parts` has the marginal
    distribution of each, and their log-probabilities do not add up to that of the row.

    Args:
        members: K joint distributions of one batch_shape.
        marginals: the equal mixture of the members' distributions of each target.

    >>> means = torch.tensor([-5.0, 5.0])
    >>> joints = [Joint(["a", "b"], [torch.distributions.Normal(mean, 1.0)] * 2) for mean in means]
    >>> mixed = JointMixture(joints, [torch.distributions.Normal(means, 1.0)] * 2)
    >>> mixed.log_prob(torch.tensor([[5.0, 5.0], [5.0, -5.0]]))
    tensor([ -2.5310, -51.8379])
    """

    def __init__(self, members: Sequence[Joint], marginals: Sequence[Any], validate_args: bool | None = None) -> None:
        self.members = tuple(members)
        super().__init__(members[0].names, marginals, members[0].labels, validate_args)

    def expand(self, batch_shape: _size, _instance: Any = None) -> JointMixture:
        """The same distribution for a larger batch_shape."""
        shape = torch.Size(batch_shape)
        members = [member.expand(shape) for member in self.members]
        return type(self)(members, [dist.expand(shape) for dist in self.dists], validate_args=self._validate_args)

    @torch.no_grad()
    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Vectors of shape sample_shape + batch_shape + (D,), each drawn from one member."""
        drawn = torch.stack([member.sample(sample_shape) for member in self.members])
        chosen = torch.randint(len(self.members), drawn.shape[1:-1], device=drawn.device)
        return drawn.gather(0, chosen[None, ..., None].expand(1, *drawn.shape[1:]))[0]

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape sample_shape + batch_shape + (D,)."""
        each = torch.stack([member.log_prob(value) for member in self.members])
        return each.logsumexp(0) - math.log(len(self.members))


def _filler(entry: Tensor, known: Tensor, support: Constraint) -> Tensor:
    """The first known value of a target; where there is none, one inside its support. A scalar.

    It depends on no condition in Python, so that an ensemble can be vectorised.
    """
    first = known.flatten().int().argmax().reshape(1)
    value = entry.flatten().gather(0, first).squeeze(0)
    return torch.where(value.isnan(), _inside(support), value)


def _inside(support: Any) -> Any:
    """A number inside a support on the line."""
    support = getattr(support, "base_constraint", support)
    lower, upper = (getattr(support, f"{side}_bound", None) for side in ("lower", "upper"))
    if lower is not None and upper is not None:
        return lower if support.is_discrete else 0.5 * (lower + upper)
    if lower is not None:
        return lower + 1
    return 0 if upper is None else upper - 1


class JointLaw(Law):
    """What is known of a joint distribution is known of its parts."""

    claims = claims(_BY_TARGET)


@law_of.register
def _law(joint: Joint) -> Law:
    return JointLaw(joint)
