"""A loader of the user's in training: seeded for each epoch, resumable at any step, shared among processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch.utils.data.distributed import DistributedSampler

from likelihead.data.batch import Batch


class OwnLoader:
    """The batches of a loader, which draws its random numbers from a generator of its own, seeded by (seed, epoch).

    A batch is shared among the processes, each of which takes a contiguous part of its rows, so that they train as one
    process does. A loader with a DistributedSampler, which deals out the rows itself, is left to do so.

    Args:
        loader: an iterable of batches that can be read many times, such as torch's DataLoader.
        seed: determines the random numbers, together with the epoch.
        rank, world_size: the index of this process, and the number of processes.

    >>> loader = OwnLoader([Batch(torch.zeros(3, 1), torch.arange(3.0))], rank=1, world_size=2)
    >>> [batch.y.tolist() for batch in loader]
    [[1.0, 2.0]]
    """

    #: Lightning expects a loader that has a sampler to have a batch sampler too.
    batch_sampler = None

    def __init__(self, loader: Iterable[Any], seed: int = 0, rank: int = 0, world_size: int = 1) -> None:
        self.loader, self.seed, self.rank, self.world_size = loader, seed, rank, world_size
        self.epoch, self._next, self._first = 0, 0, 0

    @property
    def sampler(self) -> OwnLoader:
        """The loader itself, through which Lightning sets the epoch."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Draw the random numbers of this epoch in the next pass over the data."""
        self.epoch = epoch
        for sampler in (getattr(self.loader, "sampler", None), getattr(self.loader, "batch_sampler", None)):
            if sampler is not None and hasattr(sampler, "set_epoch"):
                sampler.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.loader)  # type: ignore[arg-type]

    def state_dict(self) -> dict[str, int]:
        """The step at which the pass over the data continues: 0 where it has ended."""
        try:
            return {"step": self._next % max(1, len(self))}
        except TypeError:
            # Lightning is one batch ahead in a loader of unknown length.
            return {"step": max(0, self._next - 1)}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Start the next pass over the data at the step of a `state_dict`."""
        self._next = self._first = state_dict["step"]

    def __iter__(self) -> Iterator[Batch]:
        first, self._first = self._first, 0
        for step, batch in enumerate(islice(self._seeded(), first, None), first):
            self._next = step + 1
            yield self._share(Batch.of(batch))
        self._next = 0

    def _seeded(self) -> Iterator[Any]:
        """The batches, drawn with the random numbers of (seed, epoch)."""
        generator = _Generator(self.seed, self.epoch)
        with generator.in_use():
            batches = iter(self.loader)
        while True:
            with generator.in_use():
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def _share(self, batch: Batch) -> Batch:
        if self.world_size == 1 or batch.y is None or deals_out_rows(self.loader):
            return batch
        rows = len(batch.y)
        share = slice(rows * self.rank // self.world_size, rows * (self.rank + 1) // self.world_size)
        return batch.map(lambda values: values[share])


class _Generator:
    """The state of torch's random numbers in reading a loader, apart from those of training."""

    def __init__(self, seed: int, epoch: int) -> None:
        state = int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> np.uint64(1))
        self.state = torch.Generator().manual_seed(state).get_state()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        outside = torch.get_rng_state()
        torch.set_rng_state(self.state)
        try:
            yield
        finally:
            self.state = torch.get_rng_state()
            torch.set_rng_state(outside)


def deals_out_rows(loader: Any) -> bool:
    """Whether a loader gives each process rows of its own."""
    return isinstance(getattr(loader, "sampler", None), DistributedSampler)
