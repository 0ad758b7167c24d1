"""Tables larger than memory: batches from the row groups of Parquet files, at a memory that does not grow."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch

from likelihead.data.batch import Batch
from likelihead.data.dataset import Data, Examples
from likelihead.data.loader import EpochOrder
from likelihead.data.tables.encode_table import encode_table
from likelihead.data.tables.encoder import TableEncoder
from likelihead.data.tables.files import read_table
from likelihead.data.tables.parquet_rows import PARTS, ParquetRows
from likelihead.data.tables.remarks import report_determined_targets
from likelihead.errors import LikelihoodError
from likelihead.loggers import only_errors
from likelihead.target_types.cells import as_list
from likelihead.target_types.detect import target_type_of

log = logging.getLogger("likelihead.data")

#: Rows to which the encoders are fitted.
SAMPLE_ROWS = 200_000
#: Rows in which batches are shuffled, and row groups from which these are taken in turn.
BUFFER_ROWS, OPEN_GROUPS = 2**18, 4
#: Options that a stream does not have, as they would need a look at all rows.
REFUSED = ("group", "time", "folds")


@dataclass(frozen=True)
class StreamedRows:
    """A part of a Parquet table, as an iterable of batches in the order of the table.

    Attributes:
        table: the rows of all parts.
        part: `train`, `validation` or `test`.
        encoder: encodes them.
        drops_missing: whether rows without a target are left out.
    """

    table: ParquetRows
    part: str
    encoder: TableEncoder
    drops_missing: bool = False

    def __len__(self) -> int:
        """The number of rows, those without a target included."""
        return int(self.table.counts[self.part].sum())

    def __iter__(self) -> Iterator[Batch]:
        for group in range(len(self.table.groups)):
            yield from self.read(group)

    def read(self, group: int) -> Iterator[Batch]:
        """The rows in a row group, some ten thousands at a time.

        Raises:
            LikelihoodError: inputs that cannot be encoded.
            TargetError: targets that the family cannot take.
        """
        encoder = self.encoder
        others = [name for name in (encoder.weight, encoder.exposure) if name is not None]
        columns = [*encoder.inputs, *encoder.target.names, *others]
        for frame in self.table.read(group, self.part, columns):
            if self.drops_missing:
                frame = frame[~encoder.target.target_type.missing(frame, encoder.target.names)]
                if frame.empty:
                    continue
            # A level that the sample lacks, or a cell far outside it, would be logged for each slice.
            with only_errors(log.name):
                examples = encode_table(frame, encoder)
            yield examples[:]

    def sample(self, rows: int) -> Iterator[Batch]:
        """Rows of this part from evenly spaced row groups, at most about `rows` of them."""
        groups, share = self.table.spaced(rows)
        for group in groups:
            left = share
            for batch in self.read(group):
                yield _take(batch, slice(0, left))
                left -= len(batch.x)
                if left <= 0:
                    break

    def loader(self, batch_size: int | None, shuffle: bool, seed: int, rank: int, world_size: int) -> StreamLoader:
        """Batches for one of several processes."""
        return StreamLoader(self, batch_size, shuffle, seed, rank, world_size)


class StreamLoader:
    """An iterable of `Batch` over a part of a Parquet table: the row groups are dealt out to the processes.

    Each process reads its own row groups, in another order in each epoch with `shuffle`, and shuffles the rows of
    several of them together. Every process takes the same number of steps; the last batches of one with fewer rows are
    smaller, or empty.

    Args:
        rows: the part.
        batch_size: rows per process and step.
        shuffle, seed, rank, world_size: as in `BatchLoader`.

    Raises:
        LikelihoodError: no batch size, or fewer row groups than processes.
    """

    #: Lightning expects a loader that has a sampler to have a batch sampler too.
    batch_sampler = None

    def __init__(
        self, rows: StreamedRows, batch_size: int | None, shuffle: bool, seed: int, rank: int = 0, world_size: int = 1
    ) -> None:
        if batch_size is None:
            raise LikelihoodError("data.stream=true reads batch by batch: give data.batch_size, or leave it at auto")
        counts = rows.table.counts[rows.part]
        if len(counts) < world_size:
            raise LikelihoodError(
                f"{str(rows.table.path)!r} has {len(counts)} row groups, too few for {world_size} processes: write it "
                "with smaller row groups, or train on fewer devices"
            )
        self.rows, self.batch_size, self.rank = rows, batch_size, rank
        self.deals = _deal(counts, world_size)
        self.steps = -(-max(int(counts[deal].sum()) for deal in self.deals) // batch_size)
        self.sampler = EpochOrder(len(self.deals[rank]), shuffle, seed)

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Batch]:
        order = self.sampler.rows()
        groups = self.deals[self.rank] if order is None else self.deals[self.rank][order.numpy()]
        generator = None
        if order is not None:
            generator = np.random.default_rng([self.sampler.seed, self.sampler.epoch, self.rank])
        step, last = 0, None
        for batch in self._batches([int(group) for group in groups], generator):
            yield batch
            step, last = step + 1, batch
        while step < self.steps:
            last = self._empty() if last is None else _take(last, slice(0, 0))
            yield last
            step += 1

    def _batches(self, groups: Sequence[int], generator: np.random.Generator | None) -> Iterator[Batch]:
        for buffer in _buffers(_in_turn([self.rows.read(group) for group in groups]), self.batch_size):
            count = len(buffer.x)
            order = torch.from_numpy(np.arange(count) if generator is None else generator.permutation(count))
            for start in range(0, count, self.batch_size):
                yield _take(buffer, order[start : start + self.batch_size])

    def _empty(self) -> Batch:
        """A batch without rows, for a process whose row groups hold none of this part."""
        return _take(next(iter(self.rows)), slice(0, 0))


def _deal(counts: np.ndarray, processes: int) -> list[np.ndarray]:
    """The row groups of each process, so that all have about as many rows: the largest are dealt out first."""
    dealt: list[list[int]] = [[] for _ in range(processes)]
    totals = [0] * processes
    for group in np.argsort(-counts, kind="stable"):
        least = min(range(processes), key=lambda process: (totals[process], len(dealt[process])))
        dealt[least].append(int(group))
        totals[least] += int(counts[group])
    return [np.array(sorted(groups), dtype=np.int64) for groups in dealt]


def _in_turn(readers: Sequence[Iterator[Batch]]) -> Iterator[Batch]:
    """What several readers yield, a few of them open at a time and read in turn."""
    waiting = list(readers)
    opened: list[Iterator[Batch]] = []
    while waiting or opened:
        while waiting and len(opened) < OPEN_GROUPS:
            opened.append(waiting.pop(0))
        for reader in list(opened):
            batch = next(reader, None)
            if batch is None:
                opened.remove(reader)
            else:
                yield batch


def _buffers(slices: Iterator[Batch], batch_size: int) -> Iterator[Batch]:
    """Slices joined to buffers of some `BUFFER_ROWS` rows, all but the last of whole batches."""
    held: list[Batch] = []
    for piece in slices:
        held.append(piece)
        count = sum(len(batch.x) for batch in held)
        if count >= max(BUFFER_ROWS, batch_size):
            joined, whole = Batch.combined(held, torch.cat), count // batch_size * batch_size
            held = [_take(joined, slice(whole, count))]
            yield _take(joined, slice(0, whole))
    if held and sum(len(batch.x) for batch in held):
        yield Batch.combined(held, torch.cat)


def _take(batch: Batch, rows: slice | torch.Tensor) -> Batch:
    return batch.map(lambda values: values[rows])


def stream(path: str | Path, family: str | Mapping[str, Any] | type, options: Mapping[str, Any], seed: int) -> Data:
    """A Parquet table split at random and encoded as it is read, with encoders fitted to evenly spaced row groups.

    Args:
        path: a Parquet file or a directory of them.
        family: the distribution of the target.
        options: the options of `data=table`.
        seed: determines the split.

    Raises:
        LikelihoodError: no Parquet files, or an option that needs all rows at once.
        TargetError: targets that the family cannot take.
    """
    for key in REFUSED:
        if options[key] is not None:
            raise LikelihoodError(f"data.stream=true splits rows at random: leave out data.{key}")
    if options["items"] is not None:
        raise LikelihoodError("data.stream=true reads no items of rows: leave out data.stream or data.items")
    table = parquet_rows(path, options, seed)
    frame, rows = table.sample(SAMPLE_ROWS)
    target_type = target_type_of(family)
    if options["missing_target"] == "drop":
        rows = rows[~target_type.missing(frame.iloc[rows], as_list(options["target"]))]
    encoder = TableEncoder.fit(frame, target_type, as_list(options["target"]), options, rows)
    encoder.encode_target(frame.iloc[rows])
    report_determined_targets(frame, encoder, rows)
    total = sum(int(counts.sum()) for counts in table.counts.values())
    log.info("the columns are encoded as %d of %d rows suggest; the rest is read as it is needed", len(frame), total)
    reading = replace(encoder, unseen="ignore")
    parts: dict[str, Any] = {
        part: StreamedRows(table, part, reading, options["missing_target"] == "drop") for part in PARTS
    }
    if options["test_path"]:
        test = read_table(options["test_path"], options["encoding"], encoder.text)
        parts["test"] = encode_table(test, encoder, missing_target=options["missing_target"])
    # Rows that are streamed are read like Examples, except by row number.
    train, validation, test = cast("list[Examples]", [parts[name] for name in ("train", "validation", "test")])
    return Data(train, validation, test, name=Path(path).stem, encoder=encoder)


def parquet_rows(path: str | Path, options: Mapping[str, Any], seed: int) -> ParquetRows:
    """The rows of a Parquet table, split with the two fractions of the options."""
    fraction = 0.0 if options["test_path"] else options["test_fraction"]
    return ParquetRows(Path(path), fraction, options["validation_fraction"], seed)


def read_part(path: str | Path, options: Mapping[str, Any], seed: int, part: str) -> pd.DataFrame:
    """All rows of a part of a streamed table, as a frame in memory."""
    table = parquet_rows(path, options, seed)
    frames = [frame for group in range(len(table.groups)) for frame in table.read(group, part)]
    if not frames:
        raise LikelihoodError(f"{str(path)!r} has no {part} rows: give data.path=FILE")
    return pd.concat(frames, ignore_index=True)
