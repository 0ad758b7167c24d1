"""The rows of a Parquet table larger than memory: where they lie, which part each belongs to, and how they are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray

from likelihead.data.tables.files import open_dataset
from likelihead.errors import LikelihoodError

#: Rows that are read at once, and batches that are read ahead.
SLICE_ROWS, READAHEAD = 2**14, 2
#: A sample comes from at least so many row groups.
LEAST_SAMPLED = 16
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class ParquetRows:
    """The rows of a Parquet file or a directory of them, split at random, without reading them.

    A row's part depends on the seed, its row group and its place there, so that every process sees the same split.

    Attributes:
        path: the file or directory.
        test_fraction: the expected fraction of all rows to test on.
        validation_fraction: the expected fraction of the remaining rows to validate on.
        seed: determines the split.
    """

    path: Path
    test_fraction: float
    validation_fraction: float
    seed: int

    @cached_property
    def groups(self) -> list[ds.ParquetFileFragment]:
        """The row groups of all files, in the order of their paths."""
        fragments = self._dataset.get_fragments()
        groups = [group for fragment in fragments for group in fragment.split_by_row_group()]
        if not groups:
            raise LikelihoodError(f"{str(self.path)!r} has no rows: a table needs at least one row")
        return groups

    @cached_property
    def counts(self) -> dict[str, NDArray[np.int64]]:
        """The number of rows of each part in each row group, (groups,)."""
        codes = [np.bincount(self._codes(group), minlength=len(PARTS)) for group in range(len(self.groups))]
        return {part: np.array([count[code] for count in codes]) for code, part in enumerate(PARTS)}

    def read(self, group: int, part: str | None, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
        """The rows of a part in a row group, some ten thousand at a time, indexed by their numbers in the whole table.

        With `part` None these are all rows.
        """
        codes, start, first = self._codes(group), 0, int(self._sizes[:group].sum())
        batches = self.groups[group].to_batches(
            schema=self._dataset.schema, columns=None if columns is None else list(columns), batch_size=SLICE_ROWS,
            batch_readahead=READAHEAD,
        )  # fmt: skip
        for batch in batches:
            chosen = codes[start : start + len(batch)] == (PARTS.index(part) if part else 0)
            chosen = chosen if part else np.ones(len(batch), dtype=bool)
            frame = batch.filter(pa.array(chosen)).to_pandas()
            frame.index = pd.Index(first + start + np.flatnonzero(chosen))
            start += len(batch)
            if len(frame):
                yield frame

    def spaced(self, rows: int) -> tuple[list[int], int]:
        """Evenly spaced row groups with about `rows` rows, and how many to take from each."""
        needed = min(len(self.groups), max(LEAST_SAMPLED, int(np.ceil(rows / self._sizes.mean()))))
        chosen = np.unique(np.linspace(0, len(self.groups) - 1, needed).round().astype(int))
        return chosen.tolist(), -(-rows // len(chosen))

    def sample(self, rows: int) -> tuple[pd.DataFrame, NDArray[np.int64]]:
        """About `rows` rows from evenly spaced row groups, and the positions of the training rows among them."""
        chosen, share = self.spaced(rows)
        frames, codes = [], []
        for group in chosen:
            frame = pd.concat([*_first(self.read(group, None), share)])
            frames.append(frame)
            codes.append(self._codes(group)[: len(frame)])
        return pd.concat(frames), np.flatnonzero(np.concatenate(codes) == 0)

    @cached_property
    def _dataset(self) -> ds.Dataset:
        dataset = open_dataset(self.path)
        if dataset.format.default_extname != "parquet":
            raise LikelihoodError(f"data.stream=true reads Parquet files, and {str(self.path)!r} holds others")
        return dataset

    @cached_property
    def _sizes(self) -> NDArray[np.int64]:
        """The number of rows in each row group, (groups,)."""
        return np.array([group.row_groups[0].num_rows for group in self.groups], dtype=np.int64)

    def _codes(self, group: int) -> NDArray[np.int8]:
        """The part of each row of a row group, as a position in `PARTS`."""
        drawn = np.random.default_rng([self.seed, group]).random(int(self._sizes[group]), dtype=np.float32)
        held_out = self.test_fraction + (1.0 - self.test_fraction) * self.validation_fraction
        return np.where(drawn < self.test_fraction, 2, np.where(drawn < held_out, 1, 0)).astype(np.int8)


def _first(frames: Iterator[pd.DataFrame], rows: int) -> Iterator[pd.DataFrame]:
    """The first `rows` rows of several frames."""
    for frame in frames:
        yield frame.head(rows)
        rows -= len(frame)
        if rows <= 0:
            return
