"""Batches indexed out of tensors: no collation by row, the same rows on any number of processes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from likelihead.data.batch import Batch
from likelihead.data.dataset import Split
from likelihead.errors import LikelihoodError


class EpochOrder:
    """The order of the rows as a function of (seed, epoch); the loader's `sampler`, which Lightning tells the epoch."""

    def __init__(self, count: int, shuffle: bool, seed: int) -> None:
        self.count, self.shuffle, self.seed, self.epoch = count, shuffle, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Take the order of this epoch from the next pass on."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def rows(self) -> Tensor | None:
        """The row numbers in order, (n,); None for their own order."""
        if not self.shuffle:
            return None
        state = int(np.random.SeedSequence([self.seed, self.epoch]).generate_state(1, np.uint64)[0] >> np.uint64(1))
        return torch.randperm(self.count, generator=torch.Generator().manual_seed(state))


class TensorLoader:
    """An iterable of `Batch` over a split.

    A global batch holds `batch_size * world_size` rows (the last one what is left), and each process takes its
    contiguous share of it, which may be empty in the last batch: no row is repeated or left out, and every process
    makes the same number of steps.

    Args:
        split: the rows.
        batch_size: rows per process and step; all rows at once where None.
        shuffle: whether each epoch has an order of its own.
        seed: what the orders follow from, with the epoch.
        rank, world_size: this process and how many there are.

    >>> split = Split(x=torch.arange(5.0)[:, None], y=torch.arange(5.0))
    >>> [batch.y.tolist() for batch in TensorLoader(split, batch_size=2)]
    [[0.0, 1.0], [2.0, 3.0], [4.0]]
    >>> [batch.y.tolist() for batch in TensorLoader(split, batch_size=1, rank=1, world_size=2)]
    [[1.0], [3.0], [4.0]]
    """

    def __init__(
        self,
        split: Split,
        batch_size: int | None = None,
        shuffle: bool = False,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if batch_size is not None and (batch_size < 1 or int(batch_size) != batch_size):
            raise LikelihoodError(
                f"data.batch_size is {batch_size}; it must be a whole number above 0, or null for all rows"
            )
        if not 0 <= rank < world_size:
            raise LikelihoodError(f"rank is {rank}, but must lie in 0 to {world_size - 1}")
        if split.y is None:
            raise LikelihoodError("these rows have no targets, so there is nothing to train on or to score")
        self.split, self.batch_size, self.rank, self.world_size = split, batch_size, rank, world_size
        self.sampler = EpochOrder(len(split), shuffle, seed)
        self.batch_sampler = None  # Lightning looks for it beside a sampler

    @property
    def global_batch(self) -> int:
        """Rows per step over all processes, but for the last step."""
        return max(1, len(self.split)) if self.batch_size is None else int(self.batch_size) * self.world_size

    def __len__(self) -> int:
        return -(-len(self.split) // self.global_batch)

    def _shares(self) -> list[tuple[int, int]]:
        """Start and end of this process's rows in each global batch."""
        count, size = len(self.split), self.global_batch
        sizes = [(start, min(size, count - start)) for start in range(0, count, size)]
        # the remainder goes to the last processes
        return [
            (start + rows * self.rank // self.world_size, start + rows * (self.rank + 1) // self.world_size)
            for start, rows in sizes
        ]

    def __iter__(self) -> Iterator[Batch]:
        split, order, shares = self.split, self.sampler.rows(), self._shares()
        columns = (split.x, split.y, split.weight, split.exposure)
        if order is None:
            for start, end in shares:
                yield Batch(*(None if column is None else column[start:end] for column in columns))  # type: ignore[arg-type]
            return
        own = torch.cat([order[start:end] for start, end in shares]) if shares else order
        shuffled = [None if column is None else column[own] for column in columns]
        done = 0
        for start, end in shares:
            yield Batch(*(None if column is None else column[done : done + end - start] for column in shuffled))  # type: ignore[arg-type]
            done += end - start
