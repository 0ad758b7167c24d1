"""Batches indexed out of a data set: no collation by row, the same rows on any number of processes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from likelihead.data.batch import Batch
from likelihead.data.dataset import Dataset
from likelihead.errors import LikelihoodError


class EpochOrder:
    """The order of the rows as a function of (seed, epoch); Lightning sets the epoch of a loader's `sampler`."""

    def __init__(self, count: int, shuffle: bool, seed: int) -> None:
        self.count, self.shuffle, self.seed, self.epoch = count, shuffle, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Use the order of this epoch from the next pass on."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def rows(self) -> Tensor | None:
        """The row numbers in order, (n,); None for their own order."""
        if not self.shuffle:
            return None
        state = int(np.random.SeedSequence([self.seed, self.epoch]).generate_state(1, np.uint64)[0] >> np.uint64(1))
        return torch.randperm(self.count, generator=torch.Generator().manual_seed(state))


class BatchLoader:
    """An iterable of `Batch` over a data set.

    A global batch holds `batch_size * world_size` rows (the last one what is left), and each process takes its
    contiguous share of it, which may be empty in the last batch: no row is repeated or left out, and every process
    makes the same number of steps.

    Args:
        dataset: the rows.
        batch_size: rows per process and step; all rows at once where None.
        shuffle: whether each epoch has an order of its own.
        seed: determines the orders, together with the epoch.
        rank, world_size: this process and how many there are.

    >>> from likelihead.data.dataset import Examples
    >>> examples = Examples(x=torch.arange(5.0)[:, None], y=torch.arange(5.0))
    >>> [batch.y.tolist() for batch in BatchLoader(examples, batch_size=2)]
    [[0.0, 1.0], [2.0, 3.0], [4.0]]
    >>> [batch.y.tolist() for batch in BatchLoader(examples, batch_size=1, rank=1, world_size=2)]
    [[1.0], [3.0], [4.0]]
    """

    #: Lightning asks whatever has a sampler for a batch sampler too.
    batch_sampler = None

    def __init__(
        self,
        dataset: Dataset,
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
        if len(dataset) and Batch.of(dataset[0:1]).y is None:
            raise LikelihoodError("these rows have no targets, so there is nothing to train on or to score")
        self.dataset, self.batch_size, self.rank, self.world_size = dataset, batch_size, rank, world_size
        self.sampler = EpochOrder(len(dataset), shuffle, seed)

    @property
    def global_batch(self) -> int:
        """Rows per step over all processes, but for the last step."""
        return max(1, len(self.dataset)) if self.batch_size is None else int(self.batch_size) * self.world_size

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.global_batch)

    def share(self, step: int) -> tuple[int, int, int]:
        """Start and end of this process's rows within the global batch of a step, and how many rows that batch has.

        The remainder goes to the last processes.
        """
        rows = min(self.global_batch, len(self.dataset) - step * self.global_batch)
        return rows * self.rank // self.world_size, rows * (self.rank + 1) // self.world_size, rows

    def __iter__(self) -> Iterator[Batch]:
        order = self.sampler.rows()
        for step in range(len(self)):
            first = step * self.global_batch
            start, end, _ = self.share(step)
            rows = slice(first + start, first + end)
            yield Batch.of(self.dataset[rows if order is None else order[rows]])
