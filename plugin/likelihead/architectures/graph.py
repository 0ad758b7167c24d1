"""A graph convolutional network for small graphs, such as molecules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from likelihead.architectures.checks import activation_class, require_choice, require_positive
from likelihead.architectures.sequences import are_absent
from likelihead.errors import LikelihoodError


class GraphConvolution(nn.Module):
    """The layer of Kipf & Welling (2017): nodes h to D^(-1/2) (A + I) D^(-1/2) h W, D the row sums of A + I."""

    def __init__(self, before: int, after: int, make_activation: type[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(before, after), make_activation())

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Tensor:
        root = (adjacency.sum(-1, keepdim=True) + 1.0).rsqrt()
        mixed: Tensor = self.layers(root * (adjacency @ (root * nodes) + root * nodes))
        return mixed


class GraphIsomorphism(nn.Module):
    """The layer of Xu, Hu, Leskovec & Jegelka (2019): nodes h to MLP((1 + epsilon) h + A h), with epsilon learned."""

    def __init__(self, before: int, after: int, make_activation: type[nn.Module]) -> None:
        super().__init__()
        self.epsilon = nn.Parameter(torch.zeros(()))
        self.layers = nn.Sequential(
            nn.Linear(before, after), make_activation(), nn.Linear(after, after), make_activation()
        )

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Tensor:
        mixed: Tensor = self.layers((1.0 + self.epsilon) * nodes + adjacency @ nodes)
        return mixed


#: The layers by name.
LAYERS: dict[str, type[GraphConvolution] | type[GraphIsomorphism]] = {"gcn": GraphConvolution, "gin": GraphIsomorphism}


class Graph(nn.Module):
    """Maps graphs (N, nodes, inputs + nodes) to features of each graph, (N, width * depth), or of each node.

    A row of x describes a node: its inputs, then its row of the adjacency matrix, 0 where there is no edge. A node that
    is NaN in every column is absent: graphs of several sizes are filled up so. Permuting the nodes, with the columns of
    the adjacency matrix, does not change the features of a graph: those of its nodes after each of the layers, summed.

    Args:
        in_features: the largest number of nodes.
        inputs: the numbers that describe a node.
        width: the features of a node after a layer.
        depth: the number of layers: as many edges away, a node sees others.
        layer: `gin` (Xu et al., 2019) or `gcn` (Kipf & Welling, 2017).
        pool: `sum` or `mean` over the nodes; None for features of each node, 0 for absent ones.
        dropout: the probability of dropping a feature.
        activation: the name of an activation in `torch.nn`.

    Raises:
        LikelihoodError: a wrong option.

    >>> options = {"depth": 1, "layer": "gin", "pool": "sum", "dropout": 0.0, "activation": "SiLU"}
    >>> Graph(5, inputs=3, width=8, **options)(torch.zeros(2, 5, 8)).shape
    torch.Size([2, 8])
    """

    def __init__(
        self,
        in_features: int,
        *,
        inputs: int,
        width: int,
        depth: int,
        layer: str,
        pool: str | None,
        dropout: float,
        activation: str,
    ) -> None:
        super().__init__()
        require_positive(inputs=inputs, width=width, depth=depth)
        require_choice("layer", layer, list(LAYERS))
        require_choice("pool", pool, ("sum", "mean", None))
        make_activation = activation_class(activation)
        sizes = [inputs, *[width] * (depth - 1)]
        self.layers = nn.ModuleList(LAYERS[layer](before, width, make_activation) for before in sizes)
        self.dropout = nn.Dropout(dropout)
        self.inputs, self.pool, self.out_features = inputs, pool, width * depth

    @staticmethod
    def options_for(x: Tensor, inputs: Sequence[int] | None = None) -> dict[str, Any]:
        """The options that follow from training graphs x (N, nodes, inputs + nodes).

        Raises:
            LikelihoodError: x holds no graphs.
        """
        if x.dim() != 3 or x.shape[2] <= x.shape[1]:
            raise LikelihoodError(
                "architecture=graph takes graphs, x (N, nodes, inputs + nodes) with the inputs of a node and then its "
                f"row of the adjacency matrix, but x has the shape (N, {', '.join(map(str, x.shape[1:]))}): of "
                "data=arrays save an array adjacency (N, nodes, nodes) beside x (N, nodes, inputs)"
            )
        return {"inputs": x.shape[2] - x.shape[1]}

    def forward(self, x: Tensor) -> Tensor:
        absent = are_absent(x)
        nodes, adjacency = x.masked_fill(absent.unsqueeze(-1), 0.0).tensor_split([self.inputs], dim=-1)
        adjacency = adjacency.masked_fill(absent.unsqueeze(-2), 0.0)
        seen = []
        for layer in self.layers:
            nodes = self.dropout(layer(nodes, adjacency))
            seen.append(nodes)
        nodes = torch.cat(seen, -1).masked_fill(absent.unsqueeze(-1), 0.0)
        if self.pool is None:
            return nodes
        total = nodes.sum(1)
        return total if self.pool == "sum" else total / (~absent).sum(1, keepdim=True).clamp(min=1)
