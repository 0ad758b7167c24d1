"""Architectures: plain modules that map x (N, in_features) to features (N, out_features)."""

from __future__ import annotations

import difflib
from typing import Any, Protocol

from torch import Tensor, nn

from likelihead.architectures.linear import Linear
from likelihead.architectures.mlp import MLP
from likelihead.architectures.shallow import Shallow
from likelihead.errors import LikelihoodError

__all__ = ["ARCHITECTURES", "MLP", "Architecture", "Linear", "Shallow", "build"]


class Architecture(Protocol):
    """What a head needs to know of a network: how many features it gives."""

    out_features: int

    def __call__(self, x: Tensor) -> Tensor: ...


#: The closed list of networks that a checkpoint may name.
ARCHITECTURES: dict[str, type[nn.Module]] = {"linear": Linear, "shallow": Shallow, "mlp": MLP}


def build(name: str, in_features: int, **options: Any) -> nn.Module:
    """The network `name` for rows of `in_features` numbers.

    Raises:
        LikelihoodError: the name or an option is unknown.

    >>> build("mlp", 3, width=16, depth=2).out_features
    16
    """
    if name not in ARCHITECTURES:
        close = difflib.get_close_matches(name, ARCHITECTURES, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise LikelihoodError(f"unknown architecture {name!r}: {hint}valid are {', '.join(ARCHITECTURES)}")
    try:
        network = ARCHITECTURES[name](in_features, **options)
    except TypeError as error:
        raise LikelihoodError(f"architecture {name!r} does not take these options: {error}") from error
    network.spec = {"name": name, "in_features": in_features, "options": dict(options)}  # type: ignore[assignment]
    return network
