"""The rows of an ensemble: each member trains on all of them but its own share, which it is validated on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from likelihead.data.batch import Batch
from likelihead.data.dataset import Examples
from likelihead.data.loader import BatchLoader, Chunk, Steps
from likelihead.data.views import Joined, Subset
from likelihead.errors import LikelihoodError
from likelihead.training.data_module import DataModule, chosen_batch_size, is_dataset


def member_seed(seed: int, member: int) -> int:
    """The seed of a member: that of the run for the first, numbers derived from it for the others.

    >>> member_seed(7, 0), member_seed(7, 1) != member_seed(8, 0)
    (7, True)
    """
    return seed if member == 0 else int(np.random.SeedSequence([seed, member]).generate_state(1)[0])


class EnsembleData(DataModule):
    """The rows of K members.

    Training and validation rows are dealt into K shares; member k trains on all shares but the k-th, and its
    validation rows are the k-th share. The shares are random rows. Where the data were split by group, they are whole
    groups, and where they were split by time, K stretches of time, one after another, which border on training rows.
    A single member keeps the training and validation rows as they are.

    Args:
        rows: the training, validation and test rows, read by index.
        members: K.
        seed: determines the order of each member's rows.
        split_seed: determines the shares; None: that of the order.
        batch_size: as for `fit`; None and "auto" too.
        processes: the number of processes that share a step.

    Raises:
        LikelihoodError: the rows come from a loader, or are fewer than the members.
    """

    def __init__(
        self,
        rows: pl.LightningDataModule,
        members: int,
        seed: int,
        batch_size: int | str | None = "auto",
        processes: int = 1,
        split_seed: int | None = None,
    ) -> None:
        train, validation = (getattr(rows, "rows", {}).get(part) for part in ("train", "validation"))
        if (
            not is_dataset(train)
            or not (validation is None or is_dataset(validation))
            or not isinstance(rows, DataModule)
        ):
            raise LikelihoodError(
                "an ensemble holds out other rows for each member, so that it must read rows by index: pass Data, a "
                "Dataset or tensors"
            )
        parts = [train] if validation is None or not len(validation) else [train, validation]
        pool = Joined(parts)
        if members == 1 or rows.data is None or rows.data.units is None:
            self.shares = _shares(len(train), len(pool), members, seed if split_seed is None else split_seed)
        else:
            self.shares = _shares_of_units(rows.data.units, members, rows.data.in_time)
        largest = max(len(pool) - len(share) for share in self.shares)
        size = chosen_batch_size(batch_size, largest, processes)
        scored = (train, validation) if members == 1 else (pool, pool)
        super().__init__(*scored, rows.rows["test"], size, seed, rows.data)
        self.pool = pool

    @property
    def members(self) -> int:
        """K, the number of members."""
        return len(self.shares)

    def held_out(self, member: int) -> Subset:
        """The validation rows of a member."""
        return Subset(self.pool, self.shares[member])

    def training(self, member: int) -> Subset:
        """The training rows of a member."""
        return Subset(self.pool, np.setdiff1d(np.arange(len(self.pool)), self.shares[member]))

    def _loader(self, part: str, shuffle: bool) -> Any:
        if part == "test":
            return super()._loader(part, shuffle)
        of_member = self.training if part == "train" else self.held_out
        parts = [of_member(member) for member in range(self.members)]
        if part == "validation" and not len(parts[0]):
            return []
        trainer = self.trainer
        is_in_memory = all(isinstance(rows, Examples) for rows in self.pool.parts)
        at_once = self._steps_at_once() if part == "train" and is_in_memory else 1

        def loaders(steps: int | None = None) -> list[BatchLoader]:
            return [
                BatchLoader(
                    rows,
                    self.batch_size,
                    shuffle=shuffle and self.batch_size is not None,
                    seed=member_seed(self.seed, member),
                    rank=trainer.global_rank if trainer else 0,
                    world_size=trainer.world_size if trainer else 1,
                    steps_at_once=at_once if steps is None else 1,
                    steps=steps,
                )
                for member, rows in enumerate(parts)
            ]

        made = loaders()
        steps = [len(loader) for loader in made]
        # Shares of groups differ in size: all members take as many steps as the one with most rows.
        return MemberLoader(made if max(steps) - min(steps) <= 1 else loaders(max(steps)), at_once)


def _shares(train: int, rows: int, members: int, seed: int) -> list[NDArray[np.int64]]:
    """The row numbers that each member holds out, in ascending order."""
    if members == 1:
        return [np.arange(train, rows)]
    if rows < 2 * members:
        raise LikelihoodError(
            f"{rows} rows are too few for an ensemble of {members} members, each of which holds out its own: it needs "
            f"{2 * members}"
        )
    order = np.random.default_rng([seed, members]).permutation(rows)
    return [np.sort(order[member::members]) for member in range(members)]


def _shares_of_units(units: NDArray[np.int64], members: int, in_time: bool) -> list[NDArray[np.int64]]:
    """As `_shares`, where rows of one unit (n,) are held out together; in time, units that follow one another."""
    # Importing scikit-learn's model selection takes a second.
    from sklearn.model_selection import GroupKFold

    sizes = np.bincount(units)
    if len(sizes) < members:
        what = "different times" if in_time else "groups"
        raise LikelihoodError(
            f"{len(sizes)} {what} are too few for an ensemble of {members} members, each of which holds out its own"
        )
    if not in_time:
        return [held_out for _, held_out in GroupKFold(members).split(units, groups=units)]
    # The first unit of each member after the first: where the rows before it are nearest to its fair number.
    before = np.cumsum(sizes)[:-1]
    nearest = [int(np.abs(before - len(units) * member / members).argmin()) + 1 for member in range(1, members)]
    # Every member has a unit at least.
    others = np.arange(members - 1)
    starts = others + np.clip(np.maximum.accumulate(np.array(nearest) - others), 1, len(sizes) - members + 1)
    return [np.flatnonzero(np.isin(units, stretch)) for stretch in np.split(np.arange(len(sizes)), starts)]


class _Orders:
    """The orders of all members' rows; Lightning sets the epoch through the loader's `sampler`."""

    def __init__(self, loaders: Sequence[BatchLoader]) -> None:
        self.loaders = loaders

    def set_epoch(self, epoch: int) -> None:
        """Use the orders of this epoch from the next pass over the data on."""
        for loader in self.loaders:
            loader.sampler.set_epoch(epoch)


class MemberLoader:
    """Batches of all members at once: each tensor has a first dimension for the members, (K, rows, …).

    Where a member has fewer rows than another, its batch is filled up with rows of weight 0.

    Args:
        loaders: the loader of each member; their numbers of steps differ by at most one.
        steps_at_once: with more than 1, the loader yields `Steps`, so many batches at a time.
    """

    batch_sampler = None

    def __init__(self, loaders: Sequence[BatchLoader], steps_at_once: int = 1) -> None:
        self.loaders, self.steps_at_once = loaders, steps_at_once
        self.dataset = loaders[0].dataset
        self.sampler = _Orders(loaders)

    def __len__(self) -> int:
        return min(len(loader) for loader in self.loaders)

    def share(self, step: int) -> tuple[int, int, int]:
        """As `BatchLoader.share`, for the longest batch."""
        return max((self._share(loader, step) for loader in self.loaders), key=lambda share: share[2])

    def _share(self, loader: BatchLoader, step: int) -> tuple[int, int, int]:
        start, end, rows = loader.share(step)
        if step < len(self) - 1 or len(loader) == len(self):
            return start, end, rows
        further_start, further_end, further_rows = loader.share(step + 1)
        return start, end + further_end - further_start, rows + further_rows

    def __iter__(self) -> Iterator[Batch | Steps]:
        batches = self._batches()
        if self.steps_at_once == 1:
            yield from batches
        while each := list(islice(batches, self.steps_at_once)):
            yield Steps(each)

    def _batches(self) -> Iterator[Batch]:
        iterators = [_one_by_one(loader) for loader in self.loaders]
        for step in range(len(self)):
            batches = [next(iterator) for iterator in iterators]
            if step == len(self) - 1:  # A member with one row more than another may have one batch more.
                pairs = zip(batches, iterators, strict=True)
                batches = [Batch.combined([batch, *rest], torch.cat) for batch, rest in pairs]
            yield stacked_batch(batches)


def _one_by_one(loader: BatchLoader) -> Iterator[Batch]:
    """The batches of a loader, also where it gives several at once."""
    for given in loader:
        yield from given.batches() if isinstance(given, Chunk) else [given]


def stacked_batch(batches: Sequence[Batch]) -> Batch:
    """The batches of K members as one, (K, rows, …), the shorter ones filled up with rows of weight 0.

    >>> batch = stacked_batch([Batch(torch.ones(2, 1), torch.ones(2)), Batch(torch.zeros(1, 1), torch.zeros(1))])
    >>> batch.x.shape, batch.weight.tolist()
    (torch.Size([2, 2, 1]), [[1.0, 1.0], [1.0, 0.0]])
    """
    rows = [len(batch.y) for batch in batches]  # type: ignore[arg-type]
    longest = batches[int(np.argmax(rows))]
    return Batch.combined([_filled(batch, longest, max(rows)) for batch in batches], torch.stack)


def _filled(batch: Batch, longest: Batch, rows: int) -> Batch:
    """The batch with rows of the longest batch behind its own, and weights that are 0 there."""
    own = len(batch.y)  # type: ignore[arg-type]
    y: Tensor = batch.y  # type: ignore[assignment]
    weight = torch.ones(own, dtype=y.dtype if y.is_floating_point() else None) if batch.weight is None else batch.weight
    if own == rows:
        return batch._replace(weight=weight)
    rest = longest.map(lambda values: values[own:])
    both = Batch.combined([batch._replace(weight=None), rest._replace(weight=None)], torch.cat)
    return both._replace(weight=torch.cat([weight, weight.new_zeros(rows - own, *weight.shape[1:])]))
