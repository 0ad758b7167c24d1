"""What a head needs to know of a network: how many features it gives, and how they are laid out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

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


@torch.no_grad()
def sites_as_rows(network: nn.Module, x: Any, y: Tensor) -> Tensor:
    """The targets y (N, *sites, …), with the sites (tokens, pixels) of the network's features as further rows."""
    training = network.training
    features = network.eval()(x)
    network.train(training)
    sites = features.dim() - 2
    return y.flatten(0, sites) if sites > 0 else y
