"""The equal mixture of several predictions, such as those of the members of an ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyro.distributions as dist
import torch

from likelihead.distributions.joint import Joint, JointMixture
from likelihead.distributions.mixture import MixtureSameFamily
from likelihead.errors import LikelihoodError
from likelihead.inference.batches import combined, given_parameters


def equal_mixture(dists: Sequence[Any]) -> Any:
    """The distribution whose density is the mean of the densities of `dists`.

    Where the mixture is of the same family again, as that of Bernoulli distributions is, their class gives it in its
    `equal_mixture`. Mixtures of mixtures have all their components. Joint distributions are mixed over whole rows.

    Args:
        dists: K distributions of one family, batch_shape and event_shape.

    Returns:
        A distribution of that batch_shape and event_shape.

    Raises:
        LikelihoodError: there are none, or they are of different families or shapes.

    >>> from likelihead.distributions import Bernoulli
    >>> from pyro.distributions import Poisson
    >>> equal_mixture([Bernoulli(torch.tensor([0.0])), Bernoulli(torch.tensor([100.0]))]).probs
    tensor([0.7500])
    >>> equal_mixture([Poisson(torch.tensor([1.0, 2.0])), Poisson(torch.tensor([3.0, 4.0]))]).mean
    tensor([2., 3.])
    """
    _check_alike(dists)
    first = dists[0]
    if hasattr(first, "equal_mixture"):
        return first.equal_mixture(dists)
    if isinstance(first, Joint):
        targets = zip(*(member.dists for member in dists), strict=True)
        return JointMixture(dists, [equal_mixture(each) for each in targets], validate_args=False)
    place = len(first.batch_shape)
    if isinstance(first, torch.distributions.MixtureSameFamily):
        weights = torch.cat([member.mixture_distribution.logits for member in dists], place)
        each = [member.component_distribution for member in dists]
        components = combined(each, lambda parts: torch.cat(list(parts), place))
    else:
        components = combined(dists, lambda parts: torch.stack(list(parts), place))
        base = _base(first)
        like = getattr(base, given_parameters(base)[0])
        weights = torch.zeros((*first.batch_shape, len(dists)), dtype=like.dtype, device=like.device)
    return MixtureSameFamily(dist.Categorical(logits=weights, validate_args=False), components, validate_args=False)


def _check_alike(dists: Sequence[Any]) -> None:
    if not dists:
        raise LikelihoodError("there are no distributions to mix")
    kinds = {(type(member).__name__, tuple(member.batch_shape), tuple(member.event_shape)) for member in dists}
    if len(kinds) > 1:
        listed = ", ".join(f"{name} {batch} {event}" for name, batch, event in sorted(kinds))
        raise LikelihoodError(f"distributions of different families or shapes cannot be mixed: {listed}")


def _base(distribution: Any) -> Any:
    """What has parameters of its own: not an `Independent`, nor what only cuts off another one."""
    while hasattr(distribution, "base_dist") and not given_parameters(distribution):
        distribution = distribution.base_dist
    return distribution
