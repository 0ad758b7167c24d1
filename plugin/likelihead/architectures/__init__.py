"""Architectures: modules that map x (N, …) to features (N, out_features), or to features of every site of a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from likelihead.architectures.additive import Additive
from likelihead.architectures.convolution import Convolution
from likelihead.architectures.graph import Graph
from likelihead.architectures.linear import Linear
from likelihead.architectures.mlp import MLP
from likelihead.architectures.piecewise_linear import PiecewiseLinear
from likelihead.architectures.recurrent import Recurrent
from likelihead.architectures.set_encoder import SetEncoder
from likelihead.architectures.shallow import Shallow
from likelihead.architectures.transformer import Transformer
from likelihead.architectures.unet import UNet
from likelihead.configs import defaults
from likelihead.errors import LikelihoodError, suggest

__all__ = [
    "ARCHITECTURES",
    "MLP",
    "Additive",
    "Convolution",
    "Graph",
    "Linear",
    "PiecewiseLinear",
    "Recurrent",
    "SetEncoder",
    "Shallow",
    "Transformer",
    "UNet",
    "build",
    "build_for",
]


#: The closed list of networks that a checkpoint may name.
ARCHITECTURES: dict[str, type[nn.Module]] = {
    "linear": Linear,
    "shallow": Shallow,
    "mlp": MLP,
    "additive": Additive,
    "convolution": Convolution,
    "unet": UNet,
    "transformer": Transformer,
    "recurrent": Recurrent,
    "set": SetEncoder,
    "graph": Graph,
}
#: Those that take rows of numbers only.
TABLES = ("linear", "shallow", "mlp", "additive")


@runtime_checkable
class FitsInputs(Protocol):
    """A network that learns something of its inputs before training, such as their quantiles."""

    def fit_inputs(self, x: Tensor) -> None:
        """Learn from training inputs x (N, in_features)."""


def build(name: str, in_features: int, **options: Any) -> nn.Module:
    """Build a shipped network for x (N, in_features).

    Args:
        name: a name in `ARCHITECTURES`.
        in_features: the number of inputs.
        options: options of the network; others are those of its shipped config.

    Raises:
        LikelihoodError: an unknown name or option.

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


def _no_options(x: Tensor, inputs: Sequence[int] | None) -> dict[str, Any]:
    return {}


def build_for(name: str, x: Tensor, inputs: Sequence[int] | None = None, **options: Any) -> nn.Module:
    """Build a shipped network for training inputs x (N, in_features, …), and fit what it learns of them beforehand.

    Args:
        name: a name in `ARCHITECTURES`.
        x: training inputs.
        inputs: how many columns of x each input of a table has, in order; None if each column is one.
        options: options of the network; those that are None follow from x where they can, and others are those of its
            shipped config.

    Raises:
        LikelihoodError: as `build`.

    >>> import torch
    >>> build_for("mlp", torch.rand(50, 3), width=16).embedded
    [0, 1, 2]
    """
    _check_inputs(name, x)
    options_for = getattr(ARCHITECTURES.get(name), "options_for", _no_options)
    given = {key: value for key, value in options.items() if value is not None}
    network = build(name, x.shape[1], **{**options, **options_for(x, inputs), **given})
    if isinstance(network, FitsInputs):
        network.fit_inputs(x)
    return network


def _check_inputs(name: str, x: Tensor) -> None:
    """Raise a LikelihoodError for images, sequences or tokens in a network of tables."""
    if name not in TABLES or (x.dim() == 2 and x.is_floating_point()):
        return
    held = f"has the shape (N, {', '.join(map(str, x.shape[1:]))})" if x.dim() != 2 else "holds tokens"
    raise LikelihoodError(
        f"architecture={name} takes a table of numbers, but x {held}: take architecture=convolution or unet for "
        "images, transformer or recurrent for sequences, and set for items"
    )
