"""Architectures: plain modules that map x (N, in_features) to features (N, out_features)."""

from __future__ import annotations

from typing import Any

from torch import nn

from likelihead.architectures.linear import Linear
from likelihead.architectures.mlp import MLP
from likelihead.architectures.shallow import Shallow
from likelihead.configs import defaults
from likelihead.errors import LikelihoodError, suggest

__all__ = ["ARCHITECTURES", "MLP", "Linear", "Shallow", "build"]


#: The closed list of networks that a checkpoint may name.
ARCHITECTURES: dict[str, type[nn.Module]] = {"linear": Linear, "shallow": Shallow, "mlp": MLP}


def build(name: str, in_features: int, **options: Any) -> nn.Module:
    """The network `name` for rows of `in_features` numbers; options that are left out are those of its shipped config.

    Raises:
        LikelihoodError: the name or an option is unknown.

    >>> build("mlp", 3, width=16, depth=2).out_features
    16
    """
    if name not in ARCHITECTURES:
        raise LikelihoodError(f"unknown architecture {name!r}: {suggest(name, ARCHITECTURES)}")
    chosen = {key: value for key, value in defaults(f"architecture/{name}").items() if key != "name"} | options
    try:
        network = ARCHITECTURES[name](in_features, **chosen)
    except TypeError as error:
        raise LikelihoodError(f"architecture {name!r} does not take these options: {error}") from error
    network.spec = {"name": name, "in_features": in_features, "options": chosen}  # type: ignore[assignment]
    return network
