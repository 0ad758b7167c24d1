"""The encoder of a table's target columns as y: fitted on the training rows, stored as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from likelihead.data.tables.text_formats import (
    TextFormat,
    fit_format,
    format_from_state,
    format_state,
    read_formatted,
    readable_cells,
)
from likelihead.errors import LikelihoodError, TargetError
from likelihead.target_types.cells import as_list, require_columns
from likelihead.target_types.check import check_and_convert, to_tensor
from likelihead.target_types.detect import fitting_families, target_type_from
from likelihead.target_types.faults import MISSING, find_faults, raise_for_faults
from likelihead.target_types.target_type import TargetColumns, TargetType, Values


@dataclass(frozen=True)
class TargetEncoder:
    """Encodes the target columns of a table as y.

    Attributes:
        target_type: the target type of the family.
        columns: the target columns, with their labels, items and units.
        distances: how far `boundary=squeeze` moves a value on the boundary, per column; None with `boundary=error`.
        layouts: the formats of the columns whose text stands for numbers or durations.
    """

    target_type: TargetType
    columns: TargetColumns
    distances: list[float] | None = None
    layouts: dict[str, TextFormat] = field(default_factory=dict)

    @classmethod
    def fit(
        cls, frame: pd.DataFrame, target_type: TargetType, columns: str | Sequence[str], options: Mapping[str, Any]
    ) -> TargetEncoder:
        """Take labels, items and squeezing distances from the training rows.

        Args:
            frame: the training rows only.
            target_type: the target type of the family.
            columns: the target column or columns.
            options: `boundary`, `angles`, `ranking` and `levels`, as in likelihead.data.options.

        Raises:
            LikelihoodError: a missing column.
            TargetError: columns that cannot be targets of this family.
        """
        names = as_list(columns)
        require_columns(frame, names, "target")
        _check_names(names)
        target_type.check_columns(names)
        layouts = _layouts(frame, target_type, names)
        frame = _read(frame, layouts)
        checked = target_type.code_faults(frame, names, options)
        if checked is not None:
            values, faults = checked
            raise_for_faults(
                faults, values, target_type, names, _rows(frame), fitting_families(values) if faults else ()
            )
        encoder = cls(target_type, target_type.fit_columns(frame, names, options), None, layouts)
        if options["boundary"] != "squeeze":
            return encoder
        return replace(encoder, distances=target_type.squeeze_distances(encoder.values(frame)))

    @property
    def names(self) -> list[str]:
        """The names of the target columns."""
        return self.columns.names

    @property
    def event_size(self) -> int | None:
        """The number of classes or items, or the length of the vector; None for a family without such a dimension."""
        return self.target_type.event_size(self.columns)

    @property
    def class_count(self) -> int | None:
        """The number of classes; None for other targets."""
        return self.target_type.class_count(self.event_size)

    def values(self, frame: pd.DataFrame) -> Values:
        """The target columns as numbers (n, D), NaN where a cell is empty; not yet checked against the support."""
        require_columns(frame, self.names, "target")
        return self.target_type.read(_read(frame, self.layouts), self.columns)

    def part(self, name: str) -> TargetEncoder:
        """The encoder of a target column: this one, which encodes all of them."""
        return self

    def encode(self, frame: pd.DataFrame) -> Tensor:
        """The targets, checked: (n,) or (n, D), float32, or int64 for class labels and rankings.

        Raises:
            TargetError: a missing cell, a value outside the support, or a label that no training row has.
        """
        values, rows = self.values(frame), _rows(frame)
        names = self.names if len(self.names) == values.shape[1] else self.names * values.shape[1]
        missing = np.isnan(values)
        raise_for_faults({MISSING: missing} if missing.any() else {}, values, self.target_type, names, rows)
        boundary = "error" if self.distances is None else "squeeze"
        values = check_and_convert(values, self.target_type, names, rows, boundary, self.class_count, self.distances)
        y = to_tensor(values, self.target_type)
        return y[:, 0] if self.target_type.is_single(self.columns) else y

    def usable_rows(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """The rows (n,) whose targets `encode` can take."""
        readable = [readable_cells(frame[name], layout) for name, layout in self.layouts.items()]
        usable = np.logical_and.reduce([np.ones(len(frame), dtype=bool), *readable])
        usable[usable] = self.target_type.readable_rows(_read(frame[usable], self.layouts), self.columns)
        faults = find_faults(self.values(frame[usable]), self.target_type, self.class_count)
        if self.distances is not None:
            faults = {reason: mask for reason, mask in faults.items() if not reason.startswith("exactly")}
        if faults:
            faulty = np.logical_or.reduce(list(faults.values())).any(axis=1)
            usable[np.flatnonzero(usable)[faulty]] = False
        return usable

    def state(self) -> dict[str, Any]:
        """The encoder as plain values."""
        layouts = {name: format_state(layout) for name, layout in self.layouts.items()}
        further = {"distances": self.distances, "layouts": layouts}
        return {"target_type": self.target_type.state(), **asdict(self.columns), **further}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> TargetEncoder:
        """Rebuild an encoder from its `state()`.

        Raises:
            LikelihoodError: an earlier version wrote the state.
        """
        if "target_type" not in state:
            raise LikelihoodError("an earlier version of likelihead stored how the table was encoded: train it again")
        columns = {key: value for key, value in state.items() if key not in ("target_type", "distances", "layouts")}
        layouts = {name: format_from_state(layout) for name, layout in state.get("layouts", {}).items()}
        return cls(target_type_from(state["target_type"]), TargetColumns(**columns), state["distances"], layouts)


def _layouts(frame: pd.DataFrame, target_type: TargetType, names: Sequence[str]) -> dict[str, TextFormat]:
    """The formats of the target columns whose text stands for numbers or durations; labels and items stay text."""
    if target_type.has_labels or target_type.has_items:
        return {}
    found = {name: fit_format(frame[name], ("number", "duration")) for name in names}
    return {name: layout for name, layout in found.items() if layout is not None}


def _read(frame: pd.DataFrame, layouts: Mapping[str, TextFormat]) -> pd.DataFrame:
    """The frame, with the columns that have a format as numbers."""
    if not layouts:
        return frame
    return frame.assign(
        **{name: read_formatted(frame[name], layout, "target column") for name, layout in layouts.items()}
    )


def _rows(frame: pd.DataFrame) -> np.ndarray:
    return np.asarray(frame.index)


def _check_names(names: Sequence[str]) -> None:
    if not names:
        raise TargetError("no target column is named: give data.target=COLUMN")
    if len(set(names)) < len(names):
        raise TargetError(f"data.target names a column twice: {', '.join(names)}")
