"""What `fit` takes as data, as the LightningDataModule that a Trainer reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard

import pytorch_lightning as pl
import torch
from torch import Tensor

from likelihead.data.batch import Batch
from likelihead.data.dataset import Data, Dataset, Examples
from likelihead.data.loader import BatchLoader
from likelihead.errors import LikelihoodError
from likelihead.evaluation.evaluate import batches

#: A data set, or a loader of batches.
Rows = Dataset | Iterable[Any]


class DataModule(pl.LightningDataModule):
    """Training, validation and test rows.

    Data sets are read by a `BatchLoader`, made once the process knows its rank; loaders are handed on as they are.

    Args:
        train, validation, test: a `Dataset`, a loader such as torch's DataLoader, or None.
        batch_size: rows per process and step of data sets; all rows at once where None.
        seed: determines the order of the rows in each epoch.
        data: what the rows are parts of, with its name and encoder, where that is known.
    """

    def __init__(
        self,
        train: Rows,
        validation: Rows | None,
        test: Rows | None,
        batch_size: int | None,
        seed: int,
        data: Data | None = None,
    ) -> None:
        super().__init__()
        self.data = data
        self.rows: dict[str, Rows | None] = {"train": train, "validation": validation, "test": test}
        self.batch_size, self.seed = batch_size, seed

    def train_dataloader(self) -> Any:
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> Any:
        return self._loader("validation", shuffle=False)

    def test_dataloader(self) -> Any:
        return self._loader("test", shuffle=False)

    def _loader(self, part: str, shuffle: bool) -> Any:
        rows = self.rows[part]
        if rows is None:
            return []
        if not is_dataset(rows):
            return rows
        if part != "train" and not len(rows):
            return []
        return BatchLoader(
            rows,
            self.batch_size,
            shuffle=shuffle and self.batch_size is not None,
            seed=self.seed,
            rank=self.trainer.global_rank if self.trainer else 0,
            world_size=self.trainer.world_size if self.trainer else 1,
        )


def is_dataset(rows: Any) -> TypeGuard[Dataset]:
    """Whether rows can be read several at a time, rather than batch by batch."""
    return isinstance(rows, Dataset) and not isinstance(rows, list | tuple)


def as_data_module(
    data: Any,
    validation: Any = None,
    test: Any = None,
    batch_size: int | str | None = "auto",
    seed: int = 0,
    processes: int = 1,
) -> pl.LightningDataModule:
    """Data as a LightningDataModule.

    Args:
        data: `Data`, a `Dataset`, tensors (x, y, …), a loader, or a LightningDataModule.
        validation, test: further rows of the same sorts; they belong to none of `Data` and a LightningDataModule.
        batch_size: rows per process and step; `auto` takes a sixteenth of the training rows, 16 to 512.
        processes: how many share a step.

    Raises:
        LikelihoodError: rows of another sort.
    """
    if isinstance(data, pl.LightningDataModule | Data):
        if validation is not None or test is not None:
            raise LikelihoodError(f"{type(data).__name__} holds validation and test rows itself: leave them out")
        if isinstance(data, pl.LightningDataModule):
            data.prepare_data()
            data.setup("fit")
            return data
        parts: tuple[Rows | None, ...] = (data.train, data.validation, data.test)
    else:
        parts = (_rows(data), *(None if rows is None else _rows(rows) for rows in (validation, test)))
    train, validation, test = parts
    count = len(train) if is_dataset(train) else 0
    size = chosen_batch_size(batch_size, count, processes)
    known = data if isinstance(data, Data) else None
    return DataModule(train, validation, test, size, seed, known)  # type: ignore[arg-type]


def has_validation(data: Any, validation: Any) -> bool:
    """Whether there are validation rows, by whose NLL training stops early."""
    if isinstance(data, Data):
        return len(data.validation) > 0
    if isinstance(data, DataModule):
        rows = data.rows["validation"]
        return rows is not None and (not is_dataset(rows) or len(rows) > 0)
    if isinstance(data, pl.LightningDataModule):
        return type(data).val_dataloader is not pl.LightningDataModule.val_dataloader
    return validation is not None


def _rows(rows: Any) -> Rows:
    if isinstance(rows, Batch | tuple):
        return Examples(*Batch.of(rows))
    if is_dataset(rows) or isinstance(rows, Iterable):
        chosen: Rows = rows
        return chosen
    raise LikelihoodError(
        f"fit cannot read rows from {type(rows).__name__}: pass Data, a Dataset, tensors (x, y), a DataLoader, or a "
        "LightningDataModule"
    )


def chosen_batch_size(given: Any, rows: int, processes: int) -> int | None:
    """Rows per process and step; `auto` takes many steps on small tables and large ones on large tables.

    Raises:
        LikelihoodError: it is no whole number above 0.
    """
    if given == "auto":
        return max(1, min(max(rows // 16, 16), 512) // processes)
    if given is not None and (not isinstance(given, int) or isinstance(given, bool) or given < 1):
        raise LikelihoodError(
            f"data.batch_size is {given}; it must be a whole number above 0, auto, or null for all rows"
        )
    return given


def rows_per_step(module: pl.LightningDataModule, processes: int, accumulated: int) -> int:
    """How many rows a step has over all processes; of a loader's those of its first batch."""
    train = part_of(module, "train")
    if isinstance(module, DataModule) and is_dataset(train):
        size = module.batch_size
        return len(train) if size is None else min(len(train), size * processes * accumulated)
    size = getattr(train, "batch_size", None) or len(next(batches(train)).y)  # type: ignore[arg-type]
    return int(size) * processes * accumulated


def part_of(module: pl.LightningDataModule, part: str) -> Rows:
    """The rows of a part, for scoring: in their own order where they are a data set."""
    if isinstance(module, DataModule):
        rows = module.rows[part]
        return [] if rows is None else rows
    hooks = {"train": "train_dataloader", "validation": "val_dataloader", "test": "test_dataloader"}
    hook = hooks[part]
    if getattr(type(module), hook) is getattr(pl.LightningDataModule, hook):
        return []
    return _flat(getattr(module, hook)())


def _flat(loaders: Any) -> Rows:
    """One iterable of batches out of a loader, or of several."""
    if isinstance(loaders, list | tuple) and loaders and not isinstance(loaders, Batch):
        return [batch for loader in loaders for batch in batches(loader)]
    rows: Rows = loaders if loaders is not None else []
    return rows


def first_input(rows: pl.LightningDataModule) -> Any:
    """The inputs x of a first few training rows."""
    train = part_of(rows, "train")
    return next(batches(train if not is_dataset(train) else [train[0:2]])).x


def targets(rows: pl.LightningDataModule) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """y, weight, exposure and mask of all training rows, which may lie in several batches.

    Raises:
        LikelihoodError: there are no rows, or no targets.
    """
    parts = [batch[1:] for batch in batches(part_of(rows, "train"))]
    if not parts or parts[0][0] is None:
        raise LikelihoodError("the training rows have no target: give data.target=COLUMN, or batches (x, y)")
    columns = [_joined(column) for column in zip(*parts, strict=True)]
    return tuple(columns)  # type: ignore[return-value]


def _joined(column: Sequence[Tensor | None]) -> Tensor | None:
    return None if column[0] is None else torch.cat([part for part in column if part is not None])
