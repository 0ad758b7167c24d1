"""Piecewise-linear embeddings of numeric columns (Gorishniy, Rubachev & Babenko, 2022)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Fewer rows in a piece would let it follow single ones.
ROWS_PER_BIN = 8
#: An edge behind the last one; finite, so that an average of buffers keeps it.
UNREACHED = 1e30


class PiecewiseLinear(nn.Module):
    """Maps x (N, P) to (N, P * size): each column to a ReLU of `size` lines plus a piecewise-linear function of it.

    The pieces of a column lie between the quantiles of its training values; beyond the outermost ones the outer pieces
    go on as lines. With V the slopes (bins, size) of a column, b the bin of x and u the fraction of the bin that lies
    below x, the function is V_1 + ... + V_(b-1) + u V_b. It starts at 0, so that an untrained embedding is the ReLU.

    Args:
        columns: P, how many columns are embedded.
        bins: the largest number of pieces of a column.
        size: how many features a column becomes.

    >>> embedding = PiecewiseLinear(columns=2, bins=4, size=3)
    >>> embedding.fit(torch.rand(50, 2))
    >>> embedding(torch.rand(5, 2)).shape
    torch.Size([5, 6])
    """

    edges: Tensor

    def __init__(self, columns: int, bins: int, size: int) -> None:
        super().__init__()
        self.columns, self.bins, self.size = columns, bins, size
        self.out_features = columns * size
        self.register_buffer("edges", torch.arange(bins + 1.0).repeat(columns, 1))
        self.weight = nn.Parameter(torch.empty(columns, size).uniform_(-1.0, 1.0))
        self.bias = nn.Parameter(torch.empty(columns, size).uniform_(-1.0, 1.0))
        self.slopes = nn.Parameter(torch.zeros(columns, bins, size))

    @torch.no_grad()
    def fit(self, x: Tensor) -> None:
        """Put the edges at the quantiles of the training columns x (N, P), a piece for eight rows at most.

        Equal edges are merged. Behind the last edge of a column with fewer pieces than `bins` are some that no value
        reaches.
        """
        bins = max(1, min(self.bins, len(x) // ROWS_PER_BIN))
        levels = torch.linspace(0.0, 1.0, bins + 1, dtype=torch.float64)
        for column, values in enumerate(x.double().T):
            distinct = torch.quantile(values[: 2**24], levels).unique()
            if len(distinct) == 1:
                distinct = torch.cat([distinct, distinct + 1.0])
            edges = torch.full((self.bins + 1,), UNREACHED, dtype=torch.float64)
            edges[: len(distinct)] = distinct
            self.edges[column] = edges.to(self.edges.dtype)

    def forward(self, x: Tensor) -> Tensor:
        # A last edge is no boundary: values above it belong to the piece below it.
        following = torch.cat([self.edges[:, 2:], torch.full_like(self.edges[:, :1], UNREACHED)], 1)
        inner = self.edges[:, 1:].masked_fill(following >= UNREACHED, UNREACHED)
        bins = torch.searchsorted(inner, x.detach().T.contiguous(), right=True).T
        place = bins + torch.arange(self.columns, device=x.device) * self.bins
        left = self.edges[:, :-1].reshape(-1)[place]
        width = self.edges.diff(dim=1).reshape(-1)[place]
        below = self.slopes.cumsum(1) - self.slopes
        fraction = ((x - left) / width).unsqueeze(-1)
        pieces = functional.embedding(place, below.flatten(0, 1)) + fraction * functional.embedding(
            place, self.slopes.flatten(0, 1)
        )
        lines = functional.relu(x.unsqueeze(-1) * self.weight + self.bias)
        return (lines + pieces).flatten(1)
