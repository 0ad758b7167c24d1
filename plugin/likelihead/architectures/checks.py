"""The checks of the options of a network."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from likelihead.errors import LikelihoodError


def require_positive(**numbers: int) -> None:
    """Raise a LikelihoodError that names the first argument that is not a whole number above 0."""
    for name, number in numbers.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise LikelihoodError(f"architecture.{name} is {number!r}; it must be a whole number above 0")


def require_heads(width: int, heads: int) -> None:
    """Raise a LikelihoodError if a width cannot be divided among the heads of an attention layer."""
    if width % heads:
        raise LikelihoodError(f"architecture.width is {width}; it must be a multiple of architecture.heads={heads}")


def require_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """Raise a LikelihoodError if an option is not one of its choices; None is written null."""
    if value not in choices:
        listed = ", ".join("null" if choice is None else str(choice) for choice in choices)
        raise LikelihoodError(f"architecture.{name} is {value!r}; the choices are {listed}")


def activation_class(name: str) -> type[nn.Module]:
    """The activation in `torch.nn` of a name.

    Raises:
        LikelihoodError: there is none.

    >>> activation_class("ReLU")
    <class 'torch.nn.modules.activation.ReLU'>
    """
    found = getattr(nn, name, None)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise LikelihoodError(f"torch.nn has no activation {name!r}; name one such as SiLU, ReLU, Tanh")
    return found


def require_channels(channels: Sequence[int]) -> None:
    """Raise a LikelihoodError if the list of channels is empty or holds anything but whole numbers above 0."""
    if isinstance(channels, str | int) or not len(channels):
        raise LikelihoodError(f"architecture.channels is {channels!r}; it must be a list such as [16,32]")
    for count in channels:
        require_positive(channels=count)
