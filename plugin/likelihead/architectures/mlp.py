"""A multilayer perceptron with dropout, and embeddings of numeric inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from likelihead.architectures.checks import activation_class, require_choice, require_positive
from likelihead.architectures.piecewise_linear import PiecewiseLinear


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that takes a single row, as the last step of an epoch may have, by the running statistics."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training and len(x) < 2:
            return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)


#: The layers that normalise features (N, width), by name.
NORMALIZATIONS: dict[str, type[BatchNorm] | type[nn.LayerNorm]] = {"batch": BatchNorm, "layer": nn.LayerNorm}


class Residual(nn.Sequential):
    """Layers that add to their input."""

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = super().forward(x)
        return x + changed


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
        residual: whether each hidden layer after the first adds to its input, as in He et al. (2016).
        normalization: `batch` or `layer`, between a linear layer and its activation; None for none.

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
        residual: bool = False,
        normalization: str | None = None,
    ) -> None:
        super().__init__()
        require_positive(in_features=in_features, width=width, embedding_size=embedding_size)
        make_activation = activation_class(activation)
        require_choice("normalization", normalization, (None, *NORMALIZATIONS))
        self.embedded = list(embedded) if bins and depth else []
        self.plain = [index for index in range(in_features) if index not in set(self.embedded)]
        self.embedding = PiecewiseLinear(len(self.embedded), bins, embedding_size) if self.embedded else None
        inputs = in_features if self.embedding is None else self.embedding.out_features + len(self.plain)
        layers: list[nn.Module] = [] if self.embedding is None else [nn.Dropout(dropout)]
        for layer in range(depth):
            norm = [] if normalization is None else [NORMALIZATIONS[normalization](width)]
            block = [nn.Linear(width if layer else inputs, width), *norm, make_activation(), nn.Dropout(dropout)]
            layers += [Residual(*block)] if residual and layer else block
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
