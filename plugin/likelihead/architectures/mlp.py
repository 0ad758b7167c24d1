"""A multilayer perceptron with dropout, and embeddings of numeric inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from likelihead.architectures.checks import activation_class, require_positive
from likelihead.architectures.piecewise_linear import PiecewiseLinear


class MLP(nn.Module):
    """`depth` hidden layers, each linear, activation and dropout: x (N, in_features) to features (N, out_features).

    Inputs that are `embedded` first become piecewise-linear features of their own; then dropout acts on all inputs of
    the first layer as well. A table's numeric columns are good candidates, indicators are not.

    Args:
        in_features: the number of inputs.
        width: the units per hidden layer.
        depth: the number of hidden layers; 0 returns x.
        dropout: the probability of dropping a unit.
        activation: the name of an activation in `torch.nn`, such as SiLU, ReLU, Tanh or GELU.
        bins: the number of pieces of each embedded input; 0 embeds none.
        embedding_size: how many features an embedded input becomes.
        embedded: the inputs to embed, by index.

    Raises:
        LikelihoodError: an unknown activation, or a number that is too small.
    """

    def __init__(
        self,
        in_features: int,
        *,
        width: int,
        depth: int,
        dropout: float,
        activation: str,
        bins: int = 0,
        embedding_size: int = 8,
        embedded: Sequence[int] = (),
    ) -> None:
        super().__init__()
        require_positive(in_features=in_features, width=width, embedding_size=embedding_size)
        make_activation = activation_class(activation)
        self.embedded = list(embedded) if bins and depth else []
        self.plain = [index for index in range(in_features) if index not in set(self.embedded)]
        self.embedding = PiecewiseLinear(len(self.embedded), bins, embedding_size) if self.embedded else None
        inputs = in_features if self.embedding is None else self.embedding.out_features + len(self.plain)
        layers: list[nn.Module] = [] if self.embedding is None else [nn.Dropout(dropout)]
        for layer in range(depth):
            layers += [nn.Linear(width if layer else inputs, width), make_activation(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers)
        self.out_features = width if depth else in_features

    @staticmethod
    def options_for(x: Tensor, inputs: Sequence[int] | None = None) -> dict[str, Any]:
        """The options that follow from training inputs x (N, in_features): those with over two values are embedded."""
        return {"embedded": [index for index, column in enumerate(x.T) if len(column.unique()) > 2]}

    def fit_inputs(self, x: Tensor) -> None:
        """Put the edges of the embeddings at the quantiles of training inputs x (N, in_features)."""
        if self.embedding is not None:
            self.embedding.fit(x[:, self.embedded])

    def forward(self, x: Tensor) -> Tensor:
        if self.embedding is not None:
            x = torch.cat([self.embedding(x[:, self.embedded]), x[:, self.plain]], dim=1)
        features: Tensor = self.layers(x)
        return features
