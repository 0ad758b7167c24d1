"""Answers that are labels: one of two, one of several, or one of several in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch

from likelihead.errors import TargetError
from likelihead.target_types.cells import as_list, describe_cells, is_text, label, labels, sort_labels
from likelihead.target_types.target_type import (
    CellFaults,
    Mask,
    Table,
    TargetColumns,
    TargetType,
    Values,
    label_columns,
    output_columns,
)

#: More distinct whole numbers than this are not proposed as class labels.
MANY_LABELS = 20


@dataclass(frozen=True)
class Labels(TargetType):
    """Labels, as text or whole numbers; y holds the code of each."""

    shown_parameters: ClassVar[tuple[str, ...]] = ("probs",)
    scores: ClassVar[tuple[str, ...]] = ("nll", "accuracy", "brier")

    def learn(self, frame: pd.DataFrame, names: list[str], options: Mapping[str, Any]) -> TargetColumns:
        """The labels in the order of their codes: as `levels` gives them, else sorted."""
        return TargetColumns(names, self._labels([frame[name] for name in names], _levels(options["levels"])))

    def code_faults(self, frame: pd.DataFrame, names: Sequence[str], options: Mapping[str, Any]) -> CellFaults | None:
        """Numbers that are no codes, where the columns hold numbers and nothing else names the labels."""
        columns = [frame[name] for name in names]
        if options["levels"] or any(is_text(column) for column in columns) or _declared_order(columns) is not None:
            return None
        values = np.stack([self.read_numbers(column) for column in columns], axis=1)
        bad = ~np.isnan(values) & ((values < 0) | (values != np.floor(values)))
        return values, {"negative or not whole": bad} if bad.any() else {}

    def _labels(self, columns: Sequence[pd.Series], levels: list[str]) -> list[str] | None:
        if levels:
            return levels
        declared = _declared_order(columns)
        if declared is not None:
            return declared
        self._check_order(columns)
        known = _known_labels(columns)
        self._check_number(columns[0], known)
        return known

    def _check_order(self, columns: Sequence[pd.Series]) -> None:
        """Raise a TargetError where an order is needed that text does not give."""

    def _check_number(self, column: pd.Series, known: Sequence[str]) -> None:
        if len(known) < 2:
            raise TargetError(_wrong_number(column, known, f"{self.family} takes at least 2"))

    def read(self, frame: pd.DataFrame, columns: TargetColumns) -> Values:
        """The code of each label, (n, D)."""
        if columns.labels is None:
            return super().read(frame, columns)
        codes = {name: float(code) for code, name in enumerate(columns.labels)}
        return np.stack([_codes(frame[name], codes) for name in columns.names], axis=1)

    def write(self, name: str, values: Values, columns: TargetColumns) -> Table:
        """The label of each code; the mean and what has an entry for each class stay numbers."""
        if columns.labels is None:
            return output_columns(name, values, columns.names)
        if name == "mean":
            return labelled_columns(name, values, columns)
        return output_columns(name, np.asarray(columns.labels, dtype=object)[values.astype(np.int64)], columns.names)


@dataclass(frozen=True)
class Binary(Labels):
    """0 or 1, true or false, or two labels."""

    name: ClassVar[str] = "binary"

    @property
    def words(self) -> str:
        """Where y may lie, for a reader."""
        return "0 or 1, true or false, or two labels"

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Cells that are neither 0 nor 1."""
        return {"neither 0 nor 1": (values != 0) & (values != 1)}

    def code_faults(self, frame: pd.DataFrame, names: Sequence[str], options: Mapping[str, Any]) -> CellFaults | None:
        """None: numbers are taken as 0 and 1, and checked as those."""
        return None

    def _labels(self, columns: Sequence[pd.Series], levels: list[str]) -> list[str] | None:
        """None for a target that is already 0 and 1."""
        if levels and len(levels) != 2:
            raise TargetError(f"data.levels names {len(levels)} labels, but {self.family} takes two")
        return super()._labels(columns, levels) if levels or any(is_text(column) for column in columns) else None

    def _check_number(self, column: pd.Series, known: Sequence[str]) -> None:
        if len(known) != 2:
            raise TargetError(_wrong_number(column, known, f"{self.family} takes 2: take categorical for more"))


@dataclass(frozen=True)
class Class(Labels):
    """One of K classes without order."""

    name: ClassVar[str] = "class"
    dtype: ClassVar[torch.dtype] = torch.int64

    @property
    def words(self) -> str:
        """Where y may lie, for a reader."""
        return "class labels (text, or whole numbers not below 0)"

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Cells that are no code of one of `size` classes."""
        reasons = {"not a whole number": values != np.floor(values), "below 0": values < 0}
        return reasons if size is None else {**reasons, f"above {size - 1}": values > size - 1}

    def suits(self, values: Values) -> bool:
        """Whether there are few enough whole numbers to be labels."""
        return len(np.unique(values)) <= MANY_LABELS and super().suits(values)

    def event_size(self, columns: TargetColumns) -> int | None:
        """The number of classes."""
        return len(columns.labels or ())

    def class_count(self, size: int | None) -> int | None:
        """`size` itself."""
        return size


@dataclass(frozen=True)
class Level(Class):
    """One of K classes in order."""

    name: ClassVar[str] = "level"
    scores: ClassVar[tuple[str, ...]] = ("nll", "accuracy", "brier", "crps", "absolute_error")

    @property
    def words(self) -> str:
        """Where y may lie, for a reader."""
        return "ordered class labels (text with data.levels, or whole numbers not below 0)"

    def _check_order(self, columns: Sequence[pd.Series]) -> None:
        if any(is_text(column) for column in columns):
            raise TargetError(
                f"target column {str(columns[0].name)!r} holds text, whose order {self.family} cannot know: give it, "
                f"lowest first, as data.levels=[{','.join(_known_labels(columns)[:5])}]"
            )

    def mean(self, expected: Values, probabilities: Values | None, columns: TargetColumns) -> Values | None:
        """The expected level where the labels are numbers; None where they are not."""
        if columns.labels is None or probabilities is None:
            return expected
        try:
            return probabilities @ np.array([float(level) for level in columns.labels])
        except ValueError:
            return None


def labelled_columns(name: str, values: Values, columns: TargetColumns) -> Table:
    """Columns of values (n, …), with labels behind the name where there is one value for each."""
    if columns.labels is not None and values.ndim > 1 and values.shape[1] == len(columns.labels):
        return label_columns(name, values, columns.labels)
    return output_columns(name, values, columns.names)


def _levels(levels: Any) -> list[str]:
    return [label(level) for level in ([levels] if isinstance(levels, str) else levels or [])]


def _known_labels(columns: Sequence[pd.Series]) -> list[str]:
    return sort_labels(name for column in columns for name in labels(column).dropna())


def _declared_order(columns: Sequence[pd.Series]) -> list[str] | None:
    """The order that a Parquet file declares for its categories."""
    first = columns[0].dtype
    if len(columns) == 1 and isinstance(first, pd.CategoricalDtype) and first.ordered:
        return [label(level) for level in first.categories]
    return None


def _codes(series: pd.Series, codes: Mapping[str, float]) -> Values:
    text = labels(series)
    values: Values = text.map(codes).to_numpy(dtype=np.float64, na_value=np.nan)
    unseen = np.isnan(values) & text.notna().to_numpy(dtype=bool)
    if unseen.any():
        raise TargetError(
            f"target column {series.name!r}: {int(unseen.sum())} of {len(series)} rows have a label that no "
            f"training row has ({describe_cells(series, unseen)}); the labels are {_few(as_list(list(codes)))}: leave "
            "these rows out, or split with another seed"
        )
    return values


def _wrong_number(column: pd.Series, known: Sequence[str], wanted: str) -> str:
    return (
        f"target column {str(column.name)!r} has {len(known)} different labels in the training rows ({_few(known)}), "
        f"but {wanted}"
    )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
