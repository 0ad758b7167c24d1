"""What a head needs to know of a network: how many features it gives, and how they are laid out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn

from likelihead.architectures.additive import Additive
from likelihead.architectures.linear import Linear
from likelihead.errors import LikelihoodError


def features_of(network: nn.Module) -> int:
    """The number of features that a network returns, its `out_features`.

    Raises:
        LikelihoodError: it has no such attribute.
    """
    features = getattr(network, "out_features", None)
    if not isinstance(features, int):
        raise LikelihoodError(
            f"{type(network).__name__} does not say how many features it returns: set self.out_features in its __init__"
        )
    return features


def features_by_input(network: nn.Module, names: Sequence[str], columns: Sequence[int]) -> dict[str, range]:
    """The places of the features that each input alone decides, by its name; empty if the network mixes its inputs.

    Args:
        network: the network.
        names: the inputs, in the order of the columns of x.
        columns: how many columns of x each of them has.

    >>> features_by_input(Linear(3), ["age", "region"], [1, 2])
    {'age': range(0, 1), 'region': range(1, 3)}
    """
    if isinstance(network, Additive) and network.inputs == list(columns):
        sizes: Sequence[int] = network.sizes
    elif isinstance(network, Linear):
        sizes = columns
    else:
        return {}
    ends = list(accumulate(sizes))
    return {name: range(end - size, end) for name, end, size in zip(names, ends, sizes, strict=True)}


def is_by_item(network: nn.Module) -> bool:
    """Whether a network returns features for each item of a row, (N, K, out_features), as its `by_item` says."""
    return bool(getattr(network, "by_item", False))


@torch.no_grad()
def sites_as_rows(network: nn.Module, x: Any, y: Tensor) -> Tensor:
    """The targets y (N, *sites, …), with the sites (tokens, pixels) of the network's features as further rows."""
    if is_by_item(network):
        return y
    training = network.training
    features = network.eval()(x)
    network.train(training)
    sites = features.dim() - 2
    return y.flatten(0, sites) if sites > 0 else y
