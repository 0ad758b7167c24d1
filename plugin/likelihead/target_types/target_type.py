"""The base class of target types, which say what y may be and how to check, encode, score and write it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from likelihead.errors import LikelihoodError, TargetError
from likelihead.target_types.cells import describe_cells, is_text, numbers, parsed_numbers

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
#: Cells (n, D), and masks (n, D) of the faulty ones by reason.
CellFaults = tuple[Values, dict[str, Mask]]
#: Columns of a table of predictions, by name.
OutputColumns = dict[str, Any]


@dataclass(frozen=True)
class TargetColumns:
    """The target columns of a table, with what was fitted to the training rows.

    Attributes:
        names: the columns.
        labels: the classes in the order of their codes, or the items of a ranking; None for numbers.
        angles: the unit of directions, `radians` or `degrees`.
        ranking: how rankings are written: `orders` (the item at each rank), `ranks` (the rank of each item) or `text`
            (`a>b>c` in one column).
        sites: how many dimensions the sites of a row have, such as 2 for the pixels of an image; 0 for none.
    """

    names: list[str]
    labels: list[str] | None = None
    angles: str = "radians"
    ranking: str = "orders"
    sites: int = 0


@dataclass(frozen=True)
class TargetType(ABC):
    """The kind of target that a family predicts: its dtype, support, checks, scores and columns.

    Attributes:
        family: the name of the family, for messages.
        is_vector: whether an event is a vector, as opposed to one of several independent outputs.
    """

    family: str
    is_vector: bool = False

    name: ClassVar[str]
    dtype: ClassVar[torch.dtype] = torch.float32
    #: The scores that suit it, by their names in `likelihead.evaluation.scores`.
    scores: ClassVar[tuple[str, ...]] = ("nll",)
    #: The figures of a report that suit it, by their names in `likelihead.report.figures`.
    figures: ClassVar[tuple[str, ...]] = ()
    #: What the effect of an input on the predictions is measured by: `mean`, `ranks`, `probabilities`, …
    response: ClassVar[str] = "mean"
    #: Attributes of the distribution that predictions include besides its parameters.
    extra_parameters: ClassVar[tuple[str, ...]] = ()
    #: Whether faults belong to whole rows rather than to single cells.
    is_checked_by_row: ClassVar[bool] = False
    #: Whether the components of a vector are codes of named items.
    has_items: ClassVar[bool] = False
    #: Whether y holds the codes of labels, and at most how many there are.
    has_labels: ClassVar[bool] = False
    max_labels: ClassVar[int | None] = None
    #: Whether values have an order, so that one may be above another.
    has_order: ClassVar[bool] = True
    #: Whether y counts something.
    is_count: ClassVar[bool] = False

    @property
    @abstractmethod
    def support_text(self) -> str:
        """The values that y may take, in words."""

    @abstractmethod
    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Masks (n, D) of the faulty cells of finite `values` (n, D), by reason; `size` is the number of classes."""

    def advice(self) -> list[str]:
        """Options that read the targets differently, for error messages."""
        return []

    def suits(self, values: Values) -> bool:
        """Whether to suggest a family of this type for `values` (n, D)."""
        is_wide_enough = values.shape[1] > 1 or not self.is_vector
        return is_wide_enough and not any(mask.any() for mask in self.faults(values).values())

    def converted(self, values: Values, names: Sequence[str]) -> Values:
        """Checked values (n, D) converted to what the family takes; changes are logged under the column `names`."""
        return values

    def squeeze_distances(self, values: Values) -> list[float]:
        """How far `boundary=squeeze` moves values on the boundary, for each column of `values` (n, D)."""
        return [0.0] * values.shape[1]

    def squeezed(self, values: Values, on_boundary: Mask, distances: Values) -> Values:
        """`values` (n, D) with the cells `on_boundary` (n, D) moved inside the support."""
        return values

    def check_columns(self, names: Sequence[str]) -> None:
        """Raise a TargetError if the family's targets cannot be made of these columns."""
        if self.is_vector and len(names) == 1:
            raise TargetError(
                f"{self.family} takes a vector in each row, but data.target names one column, {names[0]!r}: "
                f"name all of them, data.target=[{names[0]},…]"
            )

    def fit_columns(self, frame: pd.DataFrame, names: list[str], options: Mapping[str, Any]) -> TargetColumns:
        """Fit the target columns to the training rows, with the options `angles`, `ranking` and `levels`."""
        return TargetColumns(names)

    def code_faults(self, frame: pd.DataFrame, names: Sequence[str], options: Mapping[str, Any]) -> CellFaults | None:
        """Cells of the training rows that cannot be codes of labels; None if there is nothing to check."""
        return None

    def read(self, frame: pd.DataFrame, columns: TargetColumns) -> Values:
        """The target columns as numbers (n, D), NaN where a cell is empty; not yet checked against the support."""
        return np.stack([self.read_numbers(frame[name]) for name in columns.names], axis=1)

    def missing(self, frame: pd.DataFrame, names: Sequence[str]) -> Mask:
        """Rows (n,) without a target."""
        missing: Mask = frame[list(names)].isna().any(axis=1).to_numpy(dtype=bool)
        return missing

    def readable_rows(self, frame: pd.DataFrame, columns: TargetColumns) -> Mask:
        """Rows (n,) whose target cells are neither empty nor such that `read` raises an error."""
        return np.logical_and.reduce([~np.isnan(parsed_numbers(frame[name])) for name in columns.names])

    def trials(self, y: Tensor) -> Tensor | None:
        """The number of trials (n,) where y (n, …) itself says it; None for other targets."""
        return None

    def event_size(self, columns: TargetColumns) -> int | None:
        """The number of classes or items, or the length of the vector; None for a family without such a dimension."""
        return len(columns.names) if self.is_vector else None

    def is_single(self, columns: TargetColumns) -> bool:
        """Whether y is one number in each row, of shape (n,)."""
        return len(columns.names) == 1

    def class_count(self, size: int | None) -> int | None:
        """`size` if it is a number of classes, which bounds the values; otherwise None."""
        return None

    def write(self, name: str, values: Values, columns: TargetColumns) -> OutputColumns:
        """Output columns of the statistic `name` (mean, mode, q0.05, …), `values` (n, …), in the table's units."""
        return output_columns(name, values, columns.names)

    def mean(self, expected: Values, probabilities: Values | None, columns: TargetColumns) -> Values | None:
        """The mean in the table's units, given the expectation of y; None if the table's values have no mean."""
        return expected

    def read_numbers(self, series: pd.Series) -> Values:
        """A column of numbers (n,), NaN where a cell is empty.

        Raises:
            TargetError: a cell is not a number.
        """
        if is_text(series) and series.notna().any():
            mask = series.notna().to_numpy(dtype=bool)
            try:
                return numbers(series, "target column", "")
            except LikelihoodError:
                raise TargetError(
                    f"target column {series.name!r} holds text ({describe_cells(series, mask)}), but {self.family} "
                    f"takes {self.support_text}: name a column of numbers, or take categorical, ordinal or bernoulli "
                    "for labels"
                ) from None
        try:
            return numbers(series, "target column", f"{self.family} takes {self.support_text}")
        except LikelihoodError as error:
            raise TargetError(str(error)) from None

    def threshold(self, text: str, columns: TargetColumns) -> float:
        """A value in the table's units, as text, on the scale of y, to compare y with.

        Raises:
            LikelihoodError: it is not a value of this type.
        """
        try:
            return float(text)
        except ValueError:
            raise LikelihoodError(f"{text!r} is not a number, and {columns.names[0]!r} holds numbers") from None

    def state(self) -> dict[str, Any]:
        """The target type as plain values, for `target_type_from`."""
        return {"type": self.name, **asdict(self)}


def rows_to_cells(rows: Mask, values: Values) -> Mask:
    """Expand a mask of rows (n,) to all their cells, (n, D)."""
    return np.broadcast_to(rows[:, None], values.shape)


def output_columns(name: str, values: Values, outputs: Sequence[str]) -> OutputColumns:
    """Output columns of values (n, …): `output.name` for several outputs, otherwise `name`, or `name.1`, `name.2`, …"""
    if values.ndim > 1 and len(outputs) > 1 and values.shape[1] == len(outputs):
        is_square = values.ndim == 3 and values.shape[2] == values.shape[1]
        if not is_square:
            columns: OutputColumns = {}
            for index, output in enumerate(outputs):
                columns |= numbered_columns(f"{output}.{name}", values[:, index])
            return columns
    return numbered_columns(name, values)


def numbered_columns(name: str, values: Values) -> OutputColumns:
    """Output columns of values (n, …), with one index from 1 appended to the name per further dimension."""
    if values.ndim == 1:
        return {name: values}
    columns: OutputColumns = {}
    for index in range(values.shape[1]):
        columns |= numbered_columns(f"{name}.{index + 1}", values[:, index])
    return columns
