"""A network of sets: features of each item of a row, such as the horses of a race, whatever their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from likelihead.architectures.checks import activation_class, require_heads, require_positive
from likelihead.architectures.mlp import MLP
from likelihead.architectures.sequences import are_absent
from likelihead.errors import LikelihoodError


class SetEncoder(nn.Module):
    """Maps items (N, K, inputs) to features of each item, (N, K, out_features).

    Each item goes through one `MLP`, then through a transformer encoder without positions, in which the items of a row
    attend to one another (Lee et al., 2019). Permuting the items of x permutes their features and changes nothing else.
    An item whose inputs are all NaN is absent: no other attends to it, and its features are -inf.

    Args:
        in_features: the number of items, which does not matter.
        inputs: the numbers that describe an item.
        width: the features of an item, a multiple of `heads`.
        depth: the hidden layers of the `MLP`; 0 for none.
        attention: the layers of attention; 0 for none, so that the features of an item are a function of it alone.
        heads: the attention heads of each layer.
        dropout: the probability of dropping a unit.
        activation: the name of an activation in `torch.nn`.

    Raises:
        LikelihoodError: a wrong option.

    >>> options = {"width": 8, "depth": 1, "attention": 1, "heads": 2, "dropout": 0.0, "activation": "SiLU"}
    >>> SetEncoder(5, inputs=3, **options)(torch.zeros(2, 5, 3)).shape
    torch.Size([2, 5, 8])
    """

    #: The head maps the features of each item to a logit of its own.
    by_item = True

    def __init__(
        self,
        in_features: int,
        *,
        inputs: int,
        width: int,
        depth: int,
        attention: int,
        heads: int,
        dropout: float,
        activation: str,
    ) -> None:
        super().__init__()
        require_positive(inputs=inputs, width=width, heads=heads)
        self.item = MLP(inputs, width=width, depth=depth, dropout=dropout, activation=activation)
        self.layers: nn.TransformerEncoder | None = None
        self.out_features = self.item.out_features
        if attention:
            require_positive(attention=attention)
            require_heads(width, heads)
            self.widen = nn.Identity() if depth else nn.Linear(inputs, width)
            layer = nn.TransformerEncoderLayer(
                width, heads, 2 * width, dropout, activation_class(activation)(), batch_first=True, norm_first=True
            )
            self.layers = nn.TransformerEncoder(layer, attention, nn.LayerNorm(width), enable_nested_tensor=False)
            self.out_features = width

    @staticmethod
    def options_for(x: Tensor, inputs: Sequence[int] | None = None) -> dict[str, Any]:
        """The options that follow from training items x (N, K, inputs).

        Raises:
            LikelihoodError: x holds no items.
        """
        if x.dim() != 3 or not x.is_floating_point():
            raise LikelihoodError(
                f"architecture=set takes the items of each row, x (N, items, inputs), but x has the shape "
                f"(N, {', '.join(map(str, x.shape[1:]))}): of a table with the columns speed_1, speed_2, … give "
                "data.items=[speed]"
            )
        return {"inputs": x.shape[2]}

    def forward(self, x: Tensor) -> Tensor:
        empty = are_absent(x)
        # In a row without any item all are taken for present, as attention to nothing is undefined.
        absent = empty & ~empty.all(-1, keepdim=True)
        known = x.masked_fill(empty.unsqueeze(-1), 0.0)
        features: Tensor = self.item(known.flatten(0, 1)).unflatten(0, known.shape[:2])
        if self.layers is not None:
            features = self.layers(self.widen(features), src_key_padding_mask=absent)
        return features.masked_fill(absent.unsqueeze(-1), -torch.inf)
