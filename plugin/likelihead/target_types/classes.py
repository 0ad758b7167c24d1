"""Targets that are labels: binary, one of K classes, or one of K classes in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch

from likelihead.errors import LikelihoodError, TargetError, suggest
from likelihead.target_types.cells import as_list, describe_cells, is_text, label, labels, sort_labels
from likelihead.target_types.target_type import (
    CellFaults,
    Mask,
    OutputColumns,
    TargetColumns,
    TargetType,
    Values,
    numbered_columns,
    output_columns,
)

#: Targets with more distinct values than this are not suggested to be class labels.
MAX_LABELS = 20
#: The labels of a column of booleans.
BOOLEANS = ["False", "True"]


@dataclass(frozen=True)
class Labels(TargetType):
    """Labels, given as text or whole numbers; y holds their codes."""

    has_labels: ClassVar[bool] = True
    has_order: ClassVar[bool] = False
    extra_parameters: ClassVar[tuple[str, ...]] = ("probs",)
    scores: ClassVar[tuple[str, ...]] = ("nll", "accuracy", "brier")
    figures: ClassVar[tuple[str, ...]] = ("probabilities", "class_reliability", "confusion")
    response: ClassVar[str] = "probabilities"

    def fit_columns(self, frame: pd.DataFrame, names: list[str], options: Mapping[str, Any]) -> TargetColumns:
        """The labels in the order of their codes: as in `options["levels"]`, else sorted."""
        return TargetColumns(names, self._labels([frame[name] for name in names], _levels(options["levels"])))

    def code_faults(self, frame: pd.DataFrame, names: Sequence[str], options: Mapping[str, Any]) -> CellFaults | None:
        """Numbers that cannot be codes, if the columns hold numbers and no option or dtype names the labels."""
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
        self._check_label_count(columns[0], known)
        return known

    def _check_order(self, columns: Sequence[pd.Series]) -> None:
        """Raise a TargetError if the labels must have an order and the columns do not define one."""

    def _check_label_count(self, column: pd.Series, known: Sequence[str]) -> None:
        if len(known) < 2:
            raise TargetError(_wrong_label_count(column, known, f"{self.family} takes at least 2"))

    def read(self, frame: pd.DataFrame, columns: TargetColumns) -> Values:
        """The code of each label, (n, D)."""
        if columns.labels is None:
            return super().read(frame, columns)
        codes = {name: float(code) for code, name in enumerate(columns.labels)}
        return np.stack([_codes(frame[name], codes) for name in columns.names], axis=1)

    def readable_rows(self, frame: pd.DataFrame, columns: TargetColumns) -> Mask:
        """Rows (n,) whose labels are all known."""
        if columns.labels is None:
            return super().readable_rows(frame, columns)
        known = [labels(frame[name]).isin(columns.labels).to_numpy(dtype=bool) for name in columns.names]
        return np.logical_and.reduce(known)

    def threshold(self, text: str, columns: TargetColumns) -> float:
        """The code of a label."""
        if columns.labels is None:
            return super().threshold(text, columns)
        if text not in columns.labels:
            raise LikelihoodError(f"{text!r} is not a class of {columns.names[0]!r}: {suggest(text, columns.labels)}")
        return float(columns.labels.index(text))

    def write(self, name: str, values: Values, columns: TargetColumns) -> OutputColumns:
        """The label of each code; means, and values with one entry per class, stay numbers."""
        if columns.labels is None:
            return output_columns(name, values, columns.names)
        if name == "mean":
            return class_columns(name, values, columns)
        return output_columns(name, np.asarray(columns.labels, dtype=object)[values.astype(np.int64)], columns.names)


@dataclass(frozen=True)
class Binary(Labels):
    """0 or 1, true or false, or two labels."""

    name: ClassVar[str] = "binary"
    max_labels: ClassVar[int | None] = 2

    @property
    def support_text(self) -> str:
        """The values that y may take, in words."""
        return "0 or 1, true or false, or two labels"

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Cells that are neither 0 nor 1."""
        return {"neither 0 nor 1": (values != 0) & (values != 1)}

    def code_faults(self, frame: pd.DataFrame, names: Sequence[str], options: Mapping[str, Any]) -> CellFaults | None:
        """None: numbers must be 0 and 1, which `faults` checks."""
        return None

    def _labels(self, columns: Sequence[pd.Series], levels: list[str]) -> list[str] | None:
        """`BOOLEANS` for one column of booleans; None for other targets that are already 0 and 1."""
        if levels and len(levels) != 2:
            raise TargetError(f"data.levels names {len(levels)} labels, but {self.family} takes two")
        if not levels and len(columns) == 1 and _is_boolean(columns[0]):
            return BOOLEANS
        return super()._labels(columns, levels) if levels or any(is_text(column) for column in columns) else None

    def read(self, frame: pd.DataFrame, columns: TargetColumns) -> Values:
        """The code of each label, (n, D); where the training rows hold booleans, 0 and 1 are taken too."""
        if columns.labels == BOOLEANS and not is_text(frame[columns.names[0]]):
            columns = replace(columns, labels=None)
        return super().read(frame, columns)

    def readable_rows(self, frame: pd.DataFrame, columns: TargetColumns) -> Mask:
        """Rows (n,) whose labels are known."""
        if columns.labels == BOOLEANS and not is_text(frame[columns.names[0]]):
            columns = replace(columns, labels=None)
        return super().readable_rows(frame, columns)

    def threshold(self, text: str, columns: TargetColumns) -> float:
        """The code of a label; for booleans also 0, 1, true and false."""
        if columns.labels == BOOLEANS and text.lower() in ("0", "1", "false", "true"):
            return float(text.lower() in ("1", "true"))
        return super().threshold(text, columns)

    def write(self, name: str, values: Values, columns: TargetColumns) -> OutputColumns:
        """The label of each code, or a boolean; means stay numbers."""
        if columns.labels == BOOLEANS and name != "mean":
            return output_columns(name, values.astype(bool), columns.names)
        return super().write(name, values, columns)

    def _check_label_count(self, column: pd.Series, known: Sequence[str]) -> None:
        if len(known) != 2:
            raise TargetError(_wrong_label_count(column, known, f"{self.family} takes 2: take categorical for more"))


@dataclass(frozen=True)
class Class(Labels):
    """One of K classes without order."""

    name: ClassVar[str] = "class"
    dtype: ClassVar[torch.dtype] = torch.int64

    @property
    def support_text(self) -> str:
        """The values that y may take, in words."""
        return "class labels (text, or whole numbers not below 0)"

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Cells that are not the code of one of `size` classes."""
        reasons = {"not a whole number": values != np.floor(values), "below 0": values < 0}
        return reasons if size is None else {**reasons, f"above {size - 1}": values > size - 1}

    def suits(self, values: Values) -> bool:
        """Whether the values are few enough whole numbers to be labels."""
        return len(np.unique(values)) <= MAX_LABELS and super().suits(values)

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
    has_order: ClassVar[bool] = True
    scores: ClassVar[tuple[str, ...]] = ("nll", "accuracy", "brier", "crps", "absolute_error")
    figures: ClassVar[tuple[str, ...]] = (*Class.figures, "pit", "pit_reliability")

    @property
    def support_text(self) -> str:
        """The values that y may take, in words."""
        return "ordered class labels (text with data.levels, or whole numbers not below 0)"

    def _check_order(self, columns: Sequence[pd.Series]) -> None:
        if any(is_text(column) for column in columns):
            raise TargetError(
                f"target column {str(columns[0].name)!r} holds text, whose order {self.family} cannot know: give it, "
                f"lowest first, as data.levels=[{','.join(_known_labels(columns)[:5])}]"
            )

    def mean(self, expected: Values, probabilities: Values | None, columns: TargetColumns) -> Values | None:
        """The expected level if the labels are numbers; otherwise None."""
        if columns.labels is None or probabilities is None:
            return expected
        try:
            return probabilities @ np.array([float(level) for level in columns.labels])
        except ValueError:
            return None


def class_columns(name: str, values: Values, columns: TargetColumns) -> OutputColumns:
    """Output columns of values (n, …), named `name.label` if there is one value per class or item.

    Those of sites (n, *sites, classes) are named `name.label.1`, `name.label.2`, …
    """
    if columns.sites:
        each = columns.labels if columns.labels and values.ndim == columns.sites + 2 else None
        if each is None or values.shape[-1] != len(each):
            return numbered_columns(name, values)
        named: OutputColumns = {}
        for index, text in enumerate(each):
            named |= numbered_columns(f"{name}.{text}", values[..., index])
        return named
    if columns.labels is not None and values.ndim > 1 and values.shape[1] == len(columns.labels):
        return {f"{name}.{text}": values[:, index] for index, text in enumerate(columns.labels)}
    return output_columns(name, values, columns.names)


def _is_boolean(column: pd.Series) -> bool:
    known = column.dropna()
    return len(known) > 0 and bool(known.map(lambda cell: isinstance(cell, bool | np.bool_)).all())


def _levels(levels: Any) -> list[str]:
    return [label(level) for level in ([levels] if isinstance(levels, str) else levels or [])]


def _known_labels(columns: Sequence[pd.Series]) -> list[str]:
    return sort_labels(name for column in columns for name in labels(column).dropna())


def _declared_order(columns: Sequence[pd.Series]) -> list[str] | None:
    """The labels of an ordered categorical column, as a Parquet file may hold, in their order; otherwise None."""
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
            f"training row has ({describe_cells(series, unseen)}); the labels are "
            f"{_abbreviated(as_list(list(codes)))}: leave these rows out, or split with another seed"
        )
    return values


def _wrong_label_count(column: pd.Series, known: Sequence[str], expected: str) -> str:
    return (
        f"target column {str(column.name)!r} has {len(known)} different labels in the training rows "
        f"({_abbreviated(known)}), but {expected}"
    )


def _abbreviated(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
