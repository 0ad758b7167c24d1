"""A multilayer perceptron with dropout."""

from __future__ import annotations

from torch import Tensor, nn

from likelihead.errors import LikelihoodError


class MLP(nn.Module):
    """`depth` hidden layers of `width` units: linear, activation, dropout.

    Args:
        activation: the name of an activation in `torch.nn`, such as SiLU, ReLU, Tanh, GELU.

    Raises:
        LikelihoodError: there is no such activation.
    """

    def __init__(
        self, in_features: int, width: int = 256, depth: int = 2, dropout: float = 0.25, activation: str = "SiLU"
    ) -> None:
        super().__init__()
        kind = getattr(nn, activation, None)
        if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
            raise LikelihoodError(f"torch.nn has no activation {activation!r}; name one such as SiLU, ReLU, Tanh")
        layers: list[nn.Module] = []
        for layer in range(depth):
            layers += [nn.Linear(width if layer else in_features, width), kind(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers)
        self.out_features = width if depth else in_features

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(x)
        return features
