"""A network with one hidden layer of ReLU units."""

from __future__ import annotations

from torch import Tensor, nn

from likelihead.architectures.checks import require_positive


class Shallow(nn.Module):
    """Maps x (N, in_features) to relu(W x + b), (N, width)."""

    def __init__(self, in_features: int, *, width: int) -> None:
        super().__init__()
        require_positive(in_features=in_features, width=width)
        self.hidden = nn.Linear(in_features, width)
        self.out_features = width

    def forward(self, x: Tensor) -> Tensor:
        return self.hidden(x).relu()
