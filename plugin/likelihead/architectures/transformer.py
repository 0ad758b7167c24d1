"""A small transformer for sequences of tokens or of vectors (Vaswani et al., 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from likelihead.architectures.checks import require_choice, require_heads, require_positive
from likelihead.architectures.sequences import Embedding, mean_of_positions, sequence_options
from likelihead.errors import LikelihoodError


class Transformer(nn.Module):
    """Maps tokens (N, length) or vectors (N, length, inputs) to features (N, length, width), or (N, width) if pooled.

    Args:
        in_features: the largest length of a sequence.
        width: the features of a position, a multiple of `heads`.
        heads: the attention heads of each layer.
        depth: the number of layers.
        dropout: the probability of dropping a unit.
        causal: whether a position sees those before it only, as the prediction of a next token must.
        pool: `mean` for one feature vector for each sequence, the mean over its positions; None for one at each.
        vocabulary: the number of token codes, 0 for padding and 1 for unknown tokens included; None for vectors.
        inputs: the length of each vector; None for tokens.

    Raises:
        LikelihoodError: a wrong option, or, of forward, a sequence that is too long.

    >>> network = Transformer(6, width=8, heads=2, depth=1, dropout=0.0, causal=True, pool=None, vocabulary=20)
    >>> network(torch.ones(5, 6)).shape
    torch.Size([5, 6, 8])
    """

    def __init__(
        self,
        in_features: int,
        *,
        width: int,
        heads: int,
        depth: int,
        dropout: float,
        causal: bool,
        pool: str | None,
        vocabulary: int | None = None,
        inputs: int | None = None,
    ) -> None:
        super().__init__()
        require_positive(width=width, heads=heads, depth=depth)
        require_choice("pool", pool, (None, "mean"))
        require_heads(width, heads)
        self.embedding = Embedding(width, vocabulary, inputs)
        self.position = nn.Parameter(0.02 * torch.randn(in_features, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, depth, nn.LayerNorm(width), enable_nested_tensor=False)
        self.causal, self.pool, self.out_features = causal, pool, width

    @staticmethod
    def options_for(x: Tensor, inputs: Sequence[int] | None = None) -> dict[str, Any]:
        """The options that follow from training sequences x: how many tokens there are, or the length of a vector."""
        return sequence_options(x)

    def forward(self, x: Tensor) -> Tensor:
        length, most = x.shape[1], len(self.position)
        if length > most:
            raise LikelihoodError(f"a sequence of {length} positions is longer than the {most} of the training rows")
        padding = self.embedding.is_padding(x)
        features = self.embedding(x) + self.position[:length]
        # What comes after a position is hidden from it anyway, and so is the padding after the end.
        hidden = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1) if self.causal else None
        features = self.layers(features, mask=hidden, src_key_padding_mask=None if self.causal else padding)
        return features if self.pool is None else mean_of_positions(features, padding)
