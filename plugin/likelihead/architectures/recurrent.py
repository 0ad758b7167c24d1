"""A recurrent network, GRU or LSTM, for sequences of tokens or of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from likelihead.architectures.checks import require_choice, require_positive
from likelihead.architectures.sequences import Embedding, sequence_options

#: The recurrent layers of torch, by name.
CELLS: dict[str, type[nn.GRU] | type[nn.LSTM]] = {"gru": nn.GRU, "lstm": nn.LSTM}


class Recurrent(nn.Module):
    """Maps tokens (N, length) or vectors (N, length, inputs) to the state after the last position, (N, width).

    With `every_position` the features are the states after each position, (N, length, width). A position knows those
    before it only. Sequences may have any length.

    Args:
        in_features: the length of the training sequences, which does not matter.
        width: the units of each layer.
        depth: the number of layers.
        cell: `gru` or `lstm`.
        dropout: the probability of dropping a feature.
        every_position: whether there are features at every position.
        vocabulary: the number of token codes, 0 for padding and 1 for unknown tokens included; None for vectors.
        inputs: the length of each vector; None for tokens.

    Raises:
        LikelihoodError: a wrong option.

    >>> network = Recurrent(6, width=8, depth=1, cell="gru", dropout=0.0, every_position=False, vocabulary=20)
    >>> network(torch.ones(5, 6)).shape
    torch.Size([5, 8])
    """

    def __init__(
        self,
        in_features: int,
        *,
        width: int,
        depth: int,
        cell: str,
        dropout: float,
        every_position: bool,
        vocabulary: int | None = None,
        inputs: int | None = None,
    ) -> None:
        super().__init__()
        require_positive(width=width, depth=depth)
        require_choice("cell", cell, list(CELLS))
        self.embedding = Embedding(width, vocabulary, inputs)
        self.layers = CELLS[cell](width, width, depth, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.every_position, self.out_features = every_position, width

    @staticmethod
    def options_for(x: Tensor, inputs: Sequence[int] | None = None) -> dict[str, Any]:
        """The options that follow from training sequences x: how many tokens there are, or the length of a vector."""
        return sequence_options(x)

    def forward(self, x: Tensor) -> Tensor:
        states: Tensor = self.dropout(self.layers(self.dropout(self.embedding(x)))[0])
        if self.every_position:
            return states
        last = (~self.embedding.is_padding(x)).sum(1) - 1
        return states[torch.arange(len(x), device=x.device), last]
