"""Several networks of one structure as one, whose parameters and buffers have a first dimension for the networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from likelihead.errors import LikelihoodError


def stacked(modules: Sequence[nn.Module]) -> nn.Module:
    """A copy of the first module, each tensor of shape (…) replaced by those of all K modules, (K, …).

    Raises:
        LikelihoodError: the modules have different tensors.

    >>> stacked([nn.Linear(2, 3), nn.Linear(2, 3)]).weight.shape
    torch.Size([2, 3, 2])
    """
    tensors = [_tensors(module) for module in modules]
    shapes = [{name: tensor.shape for name, tensor in members.items()} for members in tensors]
    if any(other != shapes[0] for other in shapes):
        raise LikelihoodError("the members of an ensemble must have parameters of the same names and shapes")
    return _replaced(modules[0], lambda name: torch.stack([members[name].detach() for members in tensors]))


def unstacked(module: nn.Module, index: int) -> nn.Module:
    """A copy of the network at a position of a stacked module."""
    tensors = _tensors(module)
    return _replaced(module, lambda name: tensors[name][index].detach().clone())


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    named = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    return dict(named)


def _replaced(module: nn.Module, tensor_of: Callable[[str], Tensor]) -> nn.Module:
    """A copy of a module with other tensors; parameters that were shared still are."""
    copy = deepcopy(module)
    made: dict[int, nn.Parameter | Tensor] = {}
    for name, old in _tensors(copy).items():
        if id(old) not in made:
            new = tensor_of(name)
            made[id(old)] = nn.Parameter(new, old.requires_grad) if isinstance(old, nn.Parameter) else new
        path, _, leaf = name.rpartition(".")
        owner = copy.get_submodule(path)
        kept = owner._parameters if isinstance(old, nn.Parameter) else owner._buffers
        kept[leaf] = made[id(old)]  # type: ignore[assignment]
    return copy
