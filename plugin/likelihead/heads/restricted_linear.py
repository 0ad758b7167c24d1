"""A linear layer of which some outputs look at some features only."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from likelihead.errors import LikelihoodError


class RestrictedLinear(nn.Linear):
    """Maps features (N, in_features) to outputs (N, out_features); weights outside `mask` are 0 and stay so.

    >>> layer = RestrictedLinear(2, 1)
    >>> layer.restrict(torch.tensor([[True, False]]))
    >>> bool(layer.weight[0, 1] == 0)
    True
    """

    mask: Tensor

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.register_buffer("mask", torch.ones(out_features, in_features))
        self.is_restricted = False

    @torch.no_grad()
    def restrict(self, allowed: Tensor) -> None:
        """Let each output look only at the features where `allowed` (out_features, in_features) is true."""
        self.mask.copy_(allowed)
        self.weight.mul_(self.mask)
        self.is_restricted = True

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self.is_restricted = True

    def forward(self, features: Tensor) -> Tensor:
        if not self.is_restricted:
            raise LikelihoodError(
                "a parameter is given as {features: […]}, but which features these are is not known: create the "
                "module with LikelihoodModule.for_data, or call head.restrict"
            )
        return functional.linear(features, self.weight * self.mask, self.bias)
