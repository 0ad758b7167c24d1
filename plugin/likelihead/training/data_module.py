"""The LightningDataModule of whatever `fit` takes as data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from likelihead.data.batch import Batch
from likelihead.data.dataset import Data, Dataset, Examples
from likelihead.data.loader import BatchLoader
from likelihead.data.own_loader import OwnLoader, deals_out_rows
from likelihead.data.stream import StreamedRows
from likelihead.data.views import Subset
from likelihead.errors import LikelihoodError
from likelihead.evaluation.evaluate import batches

#: About the most targets that the marginal fit uses: more hardly change it, and a stream of batches may be endless.
MAX_TARGETS = 250_000
#: How many training rows a network is fitted to before training.
SAMPLE = 10_000
DatasetOrLoader = Dataset | Iterable[Any]


class DataModule(pl.LightningDataModule):
    """Training, validation and test rows.

    Data sets are read by a `BatchLoader`, created once the process knows its rank, and training loaders by an
    `OwnLoader`; other loaders are passed on unchanged.

    Args:
        train, validation, test: a `Dataset`, a loader such as torch's DataLoader, or None.
        batch_size: rows per process and step of data sets; None for all rows at once.
        seed: determines the order of the rows in each epoch.
        data: the `Data` that the rows belong to, with its name and encoder, if there is one.
    """

    def __init__(
        self,
        train: DatasetOrLoader,
        validation: DatasetOrLoader | None,
        test: DatasetOrLoader | None,
        batch_size: int | None,
        seed: int,
        data: Data | None = None,
    ) -> None:
        super().__init__()
        self.data = data
        self.rows: dict[str, DatasetOrLoader | None] = {"train": train, "validation": validation, "test": test}
        #: Rows that only the calibration of quantiles sees.
        self.rows["calibration"] = None
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
        rank = self.trainer.global_rank if self.trainer else 0
        world_size = self.trainer.world_size if self.trainer else 1
        if not has_length(rows):
            return OwnLoader(rows, self.seed, rank, world_size) if part == "train" else rows  # type: ignore[arg-type]
        if part != "train" and not len(rows):
            return []
        shuffle = shuffle and self.batch_size is not None
        if isinstance(rows, StreamedRows):
            return rows.loader(self.batch_size, shuffle, self.seed, rank, world_size)
        steps = self._steps_at_once() if part == "train" and isinstance(rows, Examples) else 1
        return BatchLoader(rows, self.batch_size, shuffle, self.seed, rank, world_size, steps)

    def _steps_at_once(self) -> int:
        """How many batches the module takes at a time."""
        if not self.trainer or self.batch_size is None:
            return 1
        return getattr(self.trainer.lightning_module, "steps_at_once", lambda: 1)()


def with_calibration_rows(
    rows: pl.LightningDataModule, calibrate: str | None, is_ensemble: bool = False
) -> pl.LightningDataModule:
    """The rows with every second validation row in a part of its own, unless there is one; an ensemble needs none.

    Raises:
        LikelihoodError: an unknown choice, or validation rows that are too few or not read by index.
    """
    if calibrate not in (None, "conformal"):
        raise LikelihoodError(f"calibrate is {calibrate!r}; the choices are null and conformal")
    if calibrate is None or is_ensemble:
        return rows
    parts: dict[str, DatasetOrLoader | None] = rows.rows if isinstance(rows, DataModule) else {}
    if parts.get("calibration") is not None:
        return rows
    validation = parts.get("validation")
    if validation is None or not is_dataset(validation) or len(validation) < 2:
        raise LikelihoodError(
            "calibrate=conformal takes half of the validation rows, which must be at least two and read by index: hold "
            "some out, with data.validation_fraction"
        )
    index = np.arange(len(validation))
    parts |= {"validation": Subset(validation, index[::2]), "calibration": Subset(validation, index[1::2])}
    return rows


def is_dataset(rows: Any) -> TypeGuard[Dataset]:
    """Whether rows are a data set that is read by index, rather than a loader of batches."""
    return isinstance(rows, Dataset) and not isinstance(rows, list | tuple)


def has_length(rows: Any) -> TypeGuard[Dataset | StreamedRows]:
    """Whether rows are a data set or a stream of known length, which are dealt out to processes here."""
    return isinstance(rows, StreamedRows) or is_dataset(rows)


def as_data_module(
    data: Any,
    validation: Any = None,
    test: Any = None,
    batch_size: int | str | None = "auto",
    seed: int = 0,
    processes: int = 1,
) -> pl.LightningDataModule:
    """Wrap data in a LightningDataModule, unless they are one.

    Args:
        data: `Data`, a `Dataset`, tensors (x, y, …), a loader, or a LightningDataModule.
        validation, test: validation and test rows as a `Dataset`, tensors or a loader; not allowed if `data` is `Data`
            or a LightningDataModule, which have their own.
        batch_size: rows per process and step; None for all rows at once; `auto` for a sixteenth of the training rows,
            between 16 and 512.
        seed: determines the order of the rows in each epoch.
        processes: the number of processes that share a step.

    Raises:
        LikelihoodError: rows of another type, or validation and test rows given twice.
    """
    if isinstance(data, pl.LightningDataModule | Data):
        if validation is not None or test is not None:
            raise LikelihoodError(f"{type(data).__name__} holds validation and test rows itself: leave them out")
        if isinstance(data, pl.LightningDataModule):
            data.prepare_data()
            data.setup("fit")
            return data
        parts: tuple[DatasetOrLoader | None, ...] = (data.train, data.validation, data.test)
    else:
        parts = (_rows(data), *(None if rows is None else _rows(rows) for rows in (validation, test)))
    train, validation, test = parts
    count = len(train) if has_length(train) else 0
    size = chosen_batch_size(batch_size, count, processes)
    known = data if isinstance(data, Data) else None
    return DataModule(train, validation, test, size, seed, known)  # type: ignore[arg-type]


def has_validation(data: Any, validation: Any) -> bool:
    """Whether there are validation rows, whose NLL decides about early stopping."""
    if isinstance(data, Data):
        return len(data.validation) > 0
    if isinstance(data, DataModule):
        rows = data.rows["validation"]
        return rows is not None and (not is_dataset(rows) or len(rows) > 0)
    if isinstance(data, pl.LightningDataModule):
        return type(data).val_dataloader is not pl.LightningDataModule.val_dataloader
    rows = None if validation is None else _rows(validation)
    return rows is not None and (not is_dataset(rows) or len(rows) > 0)


def validates(trainer: pl.Trainer) -> bool:
    """Whether a Trainer that has started to fit has validation rows."""
    rows = getattr(trainer, "datamodule", None)
    return bool(trainer.enable_validation) and (not isinstance(rows, DataModule) or has_validation(rows, None))


def _rows(rows: Any) -> DatasetOrLoader:
    if isinstance(rows, Batch | tuple):
        return Examples(**Batch.of(rows)._asdict())
    if is_dataset(rows) or isinstance(rows, Iterable):
        chosen: DatasetOrLoader = rows
        return chosen
    raise LikelihoodError(
        f"fit cannot read rows from {type(rows).__name__}: pass Data, a Dataset, tensors (x, y), a DataLoader, or a "
        "LightningDataModule"
    )


def chosen_batch_size(given: Any, rows: int, processes: int) -> int | None:
    """Rows per process and step; `auto` gives small tables many steps and large tables large batches.

    Raises:
        LikelihoodError: the batch size is not a positive whole number, `auto` or None.
    """
    if given == "auto":
        return max(1, min(max(rows // 16, 16), 512) // processes)
    if given is not None and (not isinstance(given, int) or isinstance(given, bool) or given < 1):
        raise LikelihoodError(
            f"data.batch_size is {given}; it must be a whole number above 0, auto, or null for all rows"
        )
    return given


def rows_per_step(module: pl.LightningDataModule, processes: int, accumulated: int) -> int:
    """The number of rows per step over all processes, judged by the first batch if the training rows are a loader."""
    train = part_of(module, "train")
    if isinstance(module, DataModule) and has_length(train):
        size = module.batch_size
        return len(train) if size is None else min(len(train), size * processes * accumulated)
    size = getattr(train, "batch_size", None) or len(next(batches(train)).y)  # type: ignore[arg-type]
    is_shared = isinstance(module, DataModule) and not deals_out_rows(train)
    return int(size) * (1 if is_shared else processes) * accumulated


def part_of(module: pl.LightningDataModule, part: str) -> DatasetOrLoader:
    """The rows of a part (train, validation, test or calibration), for scoring; data sets are not shuffled."""
    if isinstance(module, DataModule):
        rows = module.rows[part]
        return [] if rows is None else rows
    hooks = {"train": "train_dataloader", "validation": "val_dataloader", "test": "test_dataloader"}
    if part not in hooks:
        return []
    hook = hooks[part]
    if getattr(type(module), hook) is getattr(pl.LightningDataModule, hook):
        return []
    return _flat(getattr(module, hook)())


def _flat(loaders: Any) -> DatasetOrLoader:
    """One iterable of batches from one loader or several."""
    if isinstance(loaders, list | tuple) and loaders and not isinstance(loaders, Batch):
        return [batch for loader in loaders for batch in batches(loader)]
    rows: DatasetOrLoader = loaders if loaders is not None else []
    return rows


def sample_inputs(rows: pl.LightningDataModule) -> Any:
    """The inputs x of about `SAMPLE` training rows: evenly spaced ones, or the first of a loader."""
    train = part_of(rows, "train")
    if is_dataset(train):
        spaced = torch.linspace(0, len(train) - 1, min(len(train), SAMPLE)).long()
        return Batch.of(train[spaced]).x
    inputs: list[Any] = []
    for batch in train.sample(SAMPLE) if isinstance(train, StreamedRows) else batches(train):
        inputs.append(batch.x)
        if not isinstance(batch.x, Tensor) or sum(map(len, inputs)) >= SAMPLE:
            break
    if not inputs:
        raise LikelihoodError("the training data have no rows, so there is nothing to fit")
    return torch.cat(inputs) if isinstance(inputs[0], Tensor) else inputs[0]


def input_columns(rows: pl.LightningDataModule) -> list[int] | None:
    """How many columns of x each input of the table has; None if the rows did not come from a table."""
    encoder = getattr(getattr(rows, "data", None), "encoder", None)
    return None if encoder is None else encoder.input_columns


def targets(rows: DatasetOrLoader) -> tuple[Any, ...]:
    """y and the other fields of `Batch` after it, of a data set or a loader, from `MAX_TARGETS` rows or a few more.

    Those of a larger data set or stream are evenly spaced; a loader is read from its beginning.

    Raises:
        LikelihoodError: there are no rows or no targets.
    """
    parts: list[tuple[Any, ...]] = []
    every = max(1, -(-len(rows) // MAX_TARGETS)) if is_dataset(rows) else 1
    for batch in rows.sample(MAX_TARGETS) if isinstance(rows, StreamedRows) else batches(rows, every):
        parts.append(batch[1:])
        if batch.y is None or sum(len(part[0]) for part in parts) >= MAX_TARGETS:
            break
    if not parts or parts[0][0] is None:
        raise LikelihoodError("the training rows have no target: give data.target=COLUMN, or batches (x, y)")
    columns = [_concatenated(column) for column in zip(*parts, strict=True)]
    return tuple(columns)


def _concatenated(column: Sequence[Tensor | None]) -> Tensor | None:
    return None if column[0] is None else torch.cat([part for part in column if part is not None])
