"""Batches read from a data set by index: no per-row collation, and the same steps on any number of processes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from likelihead.data.batch import Batch
from likelihead.data.dataset import Dataset
from likelihead.errors import LikelihoodError


class Chunk(NamedTuple):
    """Consecutive batches of an epoch, gathered and moved to the device at once.

    Attributes:
        rows: the rows of all of them, in the order of the epoch.
        size: the rows of a batch; the last one may have fewer.

    >>> [batch.x.tolist() for batch in Chunk(Batch(torch.arange(5), torch.zeros(5)), size=2).batches()]
    [[0, 1], [2, 3], [4]]
    """

    rows: Batch
    size: int

    def batches(self) -> list[Batch]:
        """The batches, views of the rows."""
        count = -(-len(self.rows.y) // self.size)  # type: ignore[arg-type]
        pieces = [[None] * count if column is None else column.split(self.size) for column in self.rows]
        return [Batch(*columns) for columns in zip(*pieces, strict=True)]


class Steps(NamedTuple):
    """Consecutive batches of an epoch, each with rows of its own, as those of an ensemble."""

    each: list[Batch]

    def batches(self) -> list[Batch]:
        """The batches."""
        return self.each


class EpochOrder:
    """The order of the rows as a function of (seed, epoch); Lightning sets the epoch through the loader's `sampler`."""

    def __init__(self, count: int, shuffle: bool, seed: int) -> None:
        self.count, self.shuffle, self.seed, self.epoch = count, shuffle, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Use the order of this epoch from the next pass over the data on."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def rows(self) -> Tensor | None:
        """The row numbers in the order of the epoch, (n,); None without shuffling."""
        if not self.shuffle:
            return None
        state = int(np.random.SeedSequence([self.seed, self.epoch]).generate_state(1, np.uint64)[0] >> np.uint64(1))
        return torch.randperm(self.count, generator=torch.Generator().manual_seed(state))


@runtime_checkable
class SharesRows(Protocol):
    """A loader that knows which rows of a step each process has."""

    def share(self, step: int) -> tuple[int, int, int]:
        """Start and end of this process's rows within the global batch of a step, and the size of that batch."""


class BatchLoader:
    """An iterable of `Batch` over a data set.

    A global batch has `batch_size * world_size` rows (the last one may have fewer), and each process takes a
    contiguous share of it, which may be empty in the last batch: no row is repeated or left out, and every process
    takes the same number of steps.

    Args:
        dataset: the data set.
        batch_size: rows per process and step; None for all rows at once.
        shuffle: whether to reorder the rows in every epoch.
        seed: determines the order, together with the epoch.
        rank, world_size: the index of this process, and the number of processes.
        steps_at_once: with more than 1, the loader yields a `Chunk` of so many batches at a time, for one process.
        steps: with a number, the rows are dealt evenly over so many steps, whatever the batch size.

    Raises:
        LikelihoodError: a batch size below 1, a rank outside the world, or a data set without targets.

    >>> from likelihead.data.dataset import Examples
    >>> examples = Examples(x=torch.arange(5.0)[:, None], y=torch.arange(5.0))
    >>> [batch.y.tolist() for batch in BatchLoader(examples, batch_size=2)]
    [[0.0, 1.0], [2.0, 3.0], [4.0]]
    >>> [batch.y.tolist() for batch in BatchLoader(examples, batch_size=1, rank=1, world_size=2)]
    [[1.0], [3.0], [4.0]]
    """

    #: Lightning expects a loader that has a sampler to have a batch sampler too.
    batch_sampler = None

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int | None = None,
        shuffle: bool = False,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        steps_at_once: int = 1,
        steps: int | None = None,
    ) -> None:
        if batch_size is not None and (batch_size < 1 or int(batch_size) != batch_size):
            raise LikelihoodError(
                f"data.batch_size is {batch_size}; it must be a whole number above 0, or null for all rows"
            )
        if not 0 <= rank < world_size:
            raise LikelihoodError(f"rank is {rank}; it must be between 0 and {world_size - 1}")
        if len(dataset) and Batch.of(dataset[0:1]).y is None:
            raise LikelihoodError("these rows have no targets, so there is nothing to train on or to score")
        self.dataset, self.batch_size, self.rank, self.world_size = dataset, batch_size, rank, world_size
        self.steps_at_once, self.steps = steps_at_once, steps
        self.sampler = EpochOrder(len(dataset), shuffle, seed)
        self._next, self._first = 0, 0

    @property
    def global_batch_size(self) -> int:
        """Rows per step over all processes, except in the last step."""
        return max(1, len(self.dataset)) if self.batch_size is None else int(self.batch_size) * self.world_size

    def __len__(self) -> int:
        """The number of steps, also where they are taken several at once."""
        return -(-len(self.dataset) // self.global_batch_size) if self.steps is None else self.steps

    def _first_row(self, step: int) -> int:
        """The number of rows that are read before a step."""
        if self.steps is not None:
            return len(self.dataset) * step // self.steps
        return min(step * self.global_batch_size, len(self.dataset))

    def share(self, step: int) -> tuple[int, int, int]:
        """Start and end of this process's rows within the global batch of a step, and the size of that batch.

        The shares of two processes differ by at most one row.
        """
        rows = self._first_row(step + 1) - self._first_row(step)
        return rows * self.rank // self.world_size, rows * (self.rank + 1) // self.world_size, rows

    def state_dict(self) -> dict[str, int]:
        """The step at which the pass over the data continues: 0 where it has ended."""
        return {"step": self._next % max(1, len(self))}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Start the next pass over the data at the step of a `state_dict`."""
        self._next = self._first = state_dict["step"]

    def __iter__(self) -> Iterator[Any]:
        order, start_step, self._first = self.sampler.rows(), self._first, 0
        for step in range(start_step, len(self), self.steps_at_once):
            self._next = min(step + self.steps_at_once, len(self))
            first = self._first_row(step)
            start, end, _ = self.share(step)
            if self.steps_at_once > 1:
                end = self.global_batch_size * self.steps_at_once
            rows = slice(first + start, first + end)
            batch = Batch.of(self.dataset[rows if order is None else order[rows]])
            yield batch if self.steps_at_once == 1 else Chunk(batch, self.global_batch_size)
