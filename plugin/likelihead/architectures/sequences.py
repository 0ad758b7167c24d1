"""Sequences of tokens or of vectors, as the first layer of a network takes them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from likelihead.architectures.checks import require_positive
from likelihead.errors import LikelihoodError

#: The codes of what is no token: the places after the end of a sequence, and tokens that are not known.
PADDING, UNKNOWN = 0, 1


def sequence_options(x: Tensor) -> dict[str, Any]:
    """The options that follow from training sequences x: of tokens (N, length), or of vectors (N, length, inputs).

    Raises:
        LikelihoodError: x holds neither.
    """
    if x.dim() not in (2, 3) or (x.dim() == 2 and x.is_floating_point()):
        raise LikelihoodError(
            "a network of sequences takes tokens or vectors, but x has the shape "
            f"(N, {', '.join(map(str, x.shape[1:]))}) and holds numbers: name a column of text as data.text, or take "
            "architecture=mlp"
        )
    return {"inputs": x.shape[2]} if x.dim() == 3 else {"vocabulary": max(UNKNOWN, int(x.max())) + 1}


def are_absent(x: Tensor) -> Tensor:
    """Where vectors x (N, length, inputs) are NaN in every input, (N, length): nothing is at these places.

    >>> are_absent(torch.tensor([[[1.0, 2.0], [torch.nan, 2.0], [torch.nan, torch.nan]]]))
    tensor([[False, False,  True]])
    """
    return x.isnan().all(-1)


class Embedding(nn.Module):
    """Maps tokens (N, length), codes from 0, or vectors (N, length, inputs) to (N, length, width).

    Code 0 stands for the places after the end of a sequence and has zeros for features; code 1 stands for unknown
    tokens, as does every code that is not below `vocabulary`. A vector of NaN stands for a place after the end.

    Args:
        width: the features of a position.
        vocabulary: the number of codes; None for vectors.
        inputs: the length of each vector; None for tokens.

    Raises:
        LikelihoodError: neither is given, or both are.

    >>> Embedding(4, vocabulary=9)(torch.tensor([[3.0, 5.0, 0.0]])).shape
    torch.Size([1, 3, 4])
    """

    def __init__(self, width: int, vocabulary: int | None = None, inputs: int | None = None) -> None:
        super().__init__()
        if (vocabulary is None) == (inputs is None):
            raise LikelihoodError(
                "a network of sequences takes tokens or vectors: give architecture.vocabulary, the number of tokens, "
                "or architecture.inputs, the length of a vector"
            )
        require_positive(width=width)
        self.vocabulary = vocabulary
        self.layer: nn.Module
        if vocabulary is not None:
            require_positive(vocabulary=vocabulary)
            self.layer = nn.Embedding(vocabulary, width, padding_idx=PADDING)
        elif inputs is not None:
            require_positive(inputs=inputs)
            self.layer = nn.Linear(inputs, width)

    def forward(self, x: Tensor) -> Tensor:
        if self.vocabulary is None:
            features: Tensor = self.layer(x.masked_fill(are_absent(x).unsqueeze(-1), 0.0))
            return features
        codes = x.long()
        tokens: Tensor = self.layer(torch.where((codes < 0) | (codes >= self.vocabulary), UNKNOWN, codes))
        return tokens

    def is_padding(self, x: Tensor) -> Tensor:
        """True at places after the end of a sequence, (N, length), but never at the first."""
        padding = (x == PADDING) if x.dim() == 2 else are_absent(x)
        first = torch.arange(x.shape[1], device=x.device) == 0
        return padding & ~first


def mean_of_positions(features: Tensor, padding: Tensor) -> Tensor:
    """The mean of features (N, length, width) over the positions that are not padding, (N, width).

    >>> mean_of_positions(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[False, False, True]]))
    tensor([[2.]])
    """
    known = (~padding).to(features.dtype).unsqueeze(-1)
    return (features * known).sum(1) / known.sum(1)
