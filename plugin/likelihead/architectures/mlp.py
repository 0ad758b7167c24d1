"""A multilayer perceptron with dropout."""

from __future__ import annotations

from torch import Tensor, nn

from likelihead.errors import LikelihoodError


class MLP(nn.Module):
    """`depth` hidden layers of `width` units: linear, activation, dropout. Maps (N, in_features) to (N, out_features).

    Args:
        activation: the name of an activation in `torch.nn`, such as SiLU, ReLU, Tanh, GELU.

    Raises:
        LikelihoodError: there is no such activation.
    """

    def __init__(self, in_features: int, *, width: int, depth: int, dropout: float, activation: str) -> None:
        super().__init__()
        activated = getattr(nn, activation, None)
        if not (isinstance(activated, type) and issubclass(activated, nn.Module)):
            raise LikelihoodError(f"torch.nn has no activation {activation!r}; name one such as SiLU, ReLU, Tanh")
        layers: list[nn.Module] = []
        for layer in range(depth):
            layers += [nn.Linear(width if layer else in_features, width), activated(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers)
        self.out_features = width if depth else in_features

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(x)
        return features
