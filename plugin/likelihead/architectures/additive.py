"""One small network for each input, so that each parameter of the distribution is a sum of effects of single inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from likelihead.architectures.mlp import MLP
from likelihead.errors import LikelihoodError


class Additive(nn.Module):
    """Concatenates the features of one `MLP` for each input: x (N, in_features) to features (N, out_features).

    As the head is linear in the features, each raw parameter is a constant plus one function of each input: a neural
    additive model for location, scale and shape (Thielmann, Kruse, Kneib & Säfken, 2024).

    Args:
        in_features: the number of columns of x.
        inputs: how many columns each input has, in order, such as one for each level of a category; by default each
            column is an input.
        embedded: the columns to embed, by index.
        options: the options of each `MLP`.

    Raises:
        LikelihoodError: the columns of the inputs do not add up to `in_features`, or as `MLP`.

    >>> options = {"width": 4, "depth": 1, "dropout": 0.0, "activation": "SiLU"}
    >>> Additive(3, inputs=[1, 2], **options)(torch.zeros(5, 3)).shape
    torch.Size([5, 8])
    """

    def __init__(
        self, in_features: int, *, inputs: Sequence[int] | None = None, embedded: Sequence[int] = (), **options: Any
    ) -> None:
        super().__init__()
        self.inputs = [1] * in_features if inputs is None else list(inputs)
        if sum(self.inputs) != in_features:
            raise LikelihoodError(
                f"architecture.inputs has {sum(self.inputs)} columns in all and x has {in_features}: they must agree"
            )
        networks, start = [], 0
        for size in self.inputs:
            own = [column - start for column in embedded if start <= column < start + size]
            networks.append(MLP(size, embedded=own, **options))
            start += size
        self.networks = nn.ModuleList(networks)
        #: The number of features of each input.
        self.sizes = [network.out_features for network in networks]
        self.out_features = sum(self.sizes)

    @staticmethod
    def options_for(x: Tensor, inputs: Sequence[int] | None) -> dict[str, Any]:
        """The options that follow from training inputs x (N, in_features), and from how many columns each has."""
        return {**MLP.options_for(x, inputs), "inputs": None if inputs is None else list(inputs)}

    def fit_inputs(self, x: Tensor) -> None:
        """Put the edges of the embeddings at the quantiles of training inputs x (N, in_features)."""
        for network, block in zip(self.networks, x.split(self.inputs, dim=1), strict=True):
            network.fit_inputs(block)  # type: ignore[operator]

    def forward(self, x: Tensor) -> Tensor:
        blocks = x.split(self.inputs, dim=1)
        return torch.cat([network(block) for network, block in zip(self.networks, blocks, strict=True)], dim=1)
