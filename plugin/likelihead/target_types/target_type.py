"""A target type: what sort of answer y is. One class holds its dtype, wording, faults, scores and columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from likelihead.errors import LikelihoodError, TargetError
from likelihead.target_types.cells import describe_cells, is_text, numbers

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
#: Cells (n, D) and the masks (n, D) of those that are faulty, by reason.
CellFaults = tuple[Values, dict[str, Mask]]
#: Columns of a table by name.
Table = dict[str, Any]


@dataclass(frozen=True)
class TargetColumns:
    """What the target columns of a table mean, learned from the training rows.

    Attributes:
        names: the columns.
        labels: the classes in the order of their codes, or the items of a ranking; None for numbers.
        angles: the unit of a direction, `radians` or `degrees`.
        ranking: `orders` (the item at each rank), `ranks` (the rank of each item) or `text` (`a>b>c` in one column).
    """

    names: list[str]
    labels: list[str] | None = None
    angles: str = "radians"
    ranking: str = "orders"


@dataclass(frozen=True)
class TargetType(ABC):
    """What sort of answer a family predicts.

    Attributes:
        family: the name of the family, for messages.
        is_vector: whether one answer is a vector, whatever the number of independent outputs.
    """

    family: str
    is_vector: bool = False

    name: ClassVar[str]
    dtype: ClassVar[torch.dtype] = torch.float32
    #: The scores that suit it, by their names in `likelihead.evaluation.scores`.
    scores: ClassVar[tuple[str, ...]] = ("nll",)
    #: Parameters that are shown beside those that were predicted.
    shown_parameters: ClassVar[tuple[str, ...]] = ()
    #: Whether a row is wrong as a whole, rather than one of its cells.
    is_checked_by_row: ClassVar[bool] = False
    #: Whether the components of a vector are codes of named items.
    has_items: ClassVar[bool] = False

    @property
    @abstractmethod
    def words(self) -> str:
        """Where y may lie, for a reader."""

    @abstractmethod
    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """The faulty cells of finite `values` (n, D) by reason, masks (n, D); `size` is the number of classes."""

    def advice(self) -> list[str]:
        """Options that read the targets in another way, for an error message."""
        return []

    def suits(self, values: Values) -> bool:
        """Whether to propose a family of this type for `values` (n, D)."""
        has_room = values.shape[1] > 1 or not self.is_vector
        return has_room and not any(mask.any() for mask in self.faults(values).values())

    def converted(self, values: Values, names: Sequence[str]) -> Values:
        """Checked values (n, D) as the family takes them; a change is logged under the columns' `names`."""
        return values

    def squeeze_distances(self, values: Values) -> list[float]:
        """By how much `boundary=squeeze` moves a value on an end of the support, for each column of `values` (n, D)."""
        return [0.0] * values.shape[1]

    def squeezed(self, values: Values, on_edge: Mask, distances: Values) -> Values:
        """`values` (n, D) with the cells `on_edge` moved inside the support."""
        return values

    def check_columns(self, names: Sequence[str]) -> None:
        """Raise a TargetError where one answer cannot be made of these columns."""
        if self.is_vector and len(names) == 1:
            raise TargetError(
                f"{self.family} takes a vector in each row, but data.target names one column, {names[0]!r}: "
                f"name all of them, data.target=[{names[0]},…]"
            )

    def learn(self, frame: pd.DataFrame, names: list[str], options: Mapping[str, Any]) -> TargetColumns:
        """What the columns mean, from the training rows and the options `angles`, `ranking`, `levels`."""
        return TargetColumns(names)

    def code_faults(self, frame: pd.DataFrame, names: Sequence[str], options: Mapping[str, Any]) -> CellFaults | None:
        """Cells of the training rows from which no label can be learned; None where there is nothing to check."""
        return None

    def read(self, frame: pd.DataFrame, columns: TargetColumns) -> Values:
        """The target columns as numbers (n, D), NaN where a cell is empty; not yet checked against the support."""
        return np.stack([self.read_numbers(frame[name]) for name in columns.names], axis=1)

    def event_size(self, columns: TargetColumns) -> int | None:
        """The number of classes or items, or the length of the vector; None for a family without a size of its own."""
        return len(columns.names) if self.is_vector else None

    def is_single(self, columns: TargetColumns) -> bool:
        """Whether y is one number in each row, of shape (n,)."""
        return len(columns.names) == 1

    def class_count(self, size: int | None) -> int | None:
        """`size` where it is a number of classes, which bounds the values; else None."""
        return None

    def write(self, name: str, values: Values, columns: TargetColumns) -> Table:
        """Columns for the point `name` (mean, mode, q0.05, …) of predictions (n, …), in the units of the table."""
        return output_columns(name, values, columns.names)

    def mean(self, expected: Values, probabilities: Values | None, columns: TargetColumns) -> Values | None:
        """The mean to show, from the distribution's expectation; None where the table's cells have none."""
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
                    f"takes {self.words}: name a column of numbers, or take categorical, ordinal or bernoulli for "
                    "labels"
                ) from None
        try:
            return numbers(series, "target column", f"{self.family} takes {self.words}")
        except LikelihoodError as error:
            raise TargetError(str(error)) from None

    def state(self) -> dict[str, Any]:
        """The type as plain values, which `target_type_from` reads."""
        return {"type": self.name, **asdict(self)}


def whole_rows(rows: Mask, values: Values) -> Mask:
    """A fault of rows (n,) as one of all their cells, (n, D)."""
    return np.broadcast_to(rows[:, None], values.shape)


def output_columns(name: str, values: Values, outputs: Sequence[str]) -> Table:
    """Columns of values (n, …): with the output's name in front where there are several, else with numbers behind."""
    if values.ndim > 1 and len(outputs) > 1 and values.shape[1] == len(outputs):
        square = values.ndim == 3 and values.shape[2] == values.shape[1]
        if not square:
            columns: Table = {}
            for index, output in enumerate(outputs):
                columns |= numbered_columns(f"{output}.{name}", values[:, index])
            return columns
    return numbered_columns(name, values)


def label_columns(name: str, values: Values, labels: Sequence[str]) -> Table:
    """Columns of values (n, K), with a label behind the name of each."""
    return {f"{name}.{label}": values[:, index] for index, label in enumerate(labels)}


def numbered_columns(name: str, values: Values) -> Table:
    """Columns of values (n, …), with a number behind the name for each further dimension."""
    if values.ndim == 1:
        return {name: values}
    columns: Table = {}
    for index in range(values.shape[1]):
        columns |= numbered_columns(f"{name}.{index + 1}", values[:, index])
    return columns
