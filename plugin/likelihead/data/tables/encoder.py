"""The encoder of a table's columns as tensors: fitted on the training rows, stored as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from likelihead.data.options import table_defaults
from likelihead.data.row_splits import RowNumbers
from likelihead.data.tables.censoring import Censoring
from likelihead.data.tables.columns import (
    InputColumn,
    column_from_state,
    encode_into,
    fit_columns,
    shaped_column,
    table_columns,
)
from likelihead.data.tables.description import NAMES, Entry, check_described, describe_columns
from likelihead.data.tables.joint_target_encoder import (
    AnyTargetEncoder,
    fit_target,
    target_from_state,
)
from likelihead.data.tables.numeric_column import Term
from likelihead.data.tables.target_encoder import TargetEncoder
from likelihead.errors import LikelihoodError
from likelihead.target_types.cells import as_list, describe_cells, is_text, numbers, require_columns
from likelihead.target_types.joint import JointType
from likelihead.target_types.target_type import TargetType


@dataclass(frozen=True)
class TableEncoder:
    """Encodes a table as x, y, weight and exposure. Columns are looked up by name; others are ignored.

    - Numbers are standardised by the mean and standard deviation of the training rows (a constant column is only
      centred). Empty cells become the training mean; if the training rows have any, a second column is 1 where the
      cell is empty.
    - Dates and times, also as text, become a trend and the sine and cosine of their position in the year, the week
      and the day, as far as the training rows cover two of these: see `DateColumn`.
    - Other text, booleans and categories are one-hot encoded, one column per level of the training rows, in sorted
      order. Empty cells count as a level if a training row has one. A level that no training row has is an error, or
      with `unseen=ignore` all zeros, which is logged.
    - Of more than `max_levels` levels, the most frequent of those with at least `min_level_count` rows have a column
      each, and all others share one, unseen ones included.
    - Text that stands for numbers (`1.234,5`, `12 %`, `€ 5`), durations (`1:30:00`) or truth values (yes and no) is
      read in the format of the training rows: see `text_formats`.
    - A column of arrays, or of text in the order of its words, is the only input and gives x its shape, as the items
      of `items` do: see `ArrayColumn`, `TextColumn` and `ItemsColumn`.
    - A table without inputs gets one column of zeros.

    Further attributes: `weight`, `exposure` and `unseen` as in the options; `description`, see `describe`; `text`,
    the columns that were text in the training table, which `read_table` reads as text again; and `source`, how new
    rows are read, for `likelihead.data.sources.read_again`.

    >>> from likelihead.target_types import target_type_of
    >>> frame = pd.DataFrame({"size": [1.0, 3.0], "colour": ["blue", "red"], "y": [0, 4]})
    >>> encoder = TableEncoder.fit(frame, target_type_of("poisson"), "y")
    >>> encoder.names
    ['size', 'colour=blue', 'colour=red']
    >>> encoder.encode(frame)
    tensor([[-1.,  1.,  0.],
            [ 1.,  0.,  1.]])
    >>> encoder.encode_target(frame)
    tensor([0., 4.])
    """

    columns: list[InputColumn]
    target: AnyTargetEncoder
    weight: str | None = None
    exposure: str | None = None
    unseen: str = "error"
    description: list[Entry] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    censoring: Censoring | None = None
    source: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        target_type: TargetType,
        target: str | Sequence[str],
        options: Mapping[str, Any] | None = None,
        rows: RowNumbers | None = None,
    ) -> TableEncoder:
        """Fit the encoder to the training rows.

        Args:
            frame: n rows; with `rows` None, the training rows only.
            target_type: the target type of the family.
            target: the target column or columns.
            options: `features`, `ignore`, `categorical`, `weight`, `exposure`, `unseen`, `max_levels`,
                `min_level_count`, and those of `Censoring.of` and `TargetEncoder.fit`.
            rows: the numbers of the training rows; None for all.

        Raises:
            LikelihoodError: a missing column, or one that cannot be used as an input.
            TargetError: columns that cannot be targets of this family.
        """
        full = {**table_defaults(), **(options or {})}
        rows = np.arange(len(frame)) if rows is None else rows
        names = as_list(target)
        censoring = Censoring.of(full, names)
        require_columns(frame, names, "target")
        if censoring is not None and isinstance(target_type, JointType):
            raise LikelihoodError(
                "the targets of a joint distribution can be neither censored nor truncated: leave out data.lower, "
                "data.upper and data.truncation_…"
            )
        targets = fit_target(frame[names].iloc[rows], target_type, names, full)
        _check_roles(frame, targets.names, full["weight"], full["exposure"])
        taken = [*targets.names, *as_list(full["weight"]), *as_list(full["exposure"])]
        if censoring is not None:
            taken += [*censoring.columns, *censoring.helpers(names)]
        # The target of a text that is the target too is the next word at each place.
        taken = [name for name in taken if name != full["text"]]
        inputs = _inputs(frame, full, taken)
        columns = fit_columns(frame[inputs].iloc[rows], full)
        description = describe_columns(frame, rows, columns, targets, full)
        text = [name for name in [*inputs, *targets.names] if is_text(frame[name])]
        encoder = cls(columns, targets, full["weight"], full["exposure"], full["unseen"], description, text, censoring)
        weight = encoder.encode_weight(frame[as_list(full["weight"])].iloc[rows])
        if weight is not None and not weight.any():
            raise LikelihoodError(f"weight column {encoder.weight!r} is 0 in every training row: no row would count")
        return encoder

    @property
    def names(self) -> list[str]:
        """The names of the columns of x."""
        return [name for column in self.columns for name in column.names] or ["(no inputs)"]

    @property
    def terms(self) -> list[Term]:
        """What each column of x says in the table's own units."""
        return [term for column in self.columns for term in column.terms] or [Term(name) for name in self.names]

    @property
    def inputs(self) -> list[str]:
        """The table's columns that are encoded in x."""
        return [name for column in self.columns for name in table_columns(column)]

    @property
    def input_columns(self) -> list[int]:
        """How many columns of x each of the inputs has."""
        return [len(column.names) for column in self.columns] or [1]

    def encode(self, frame: pd.DataFrame) -> Tensor:
        """The inputs x, (n, p) float32.

        Raises:
            LikelihoodError: a missing column, a label that no training row has, or text or infinity in a numeric
                column.
        """
        return self.encode_parts(frame, [np.arange(len(frame))])[0]

    def encode_parts(self, frame: pd.DataFrame, parts: Sequence[RowNumbers]) -> list[Tensor]:
        """The inputs x of several sets of rows, each (m, p) float32, or (m, …) of a column that has a shape.

        They are encoded column by column, so that none is held twice.

        Args:
            frame: n rows.
            parts: the row numbers (m,) of each set.

        Raises:
            LikelihoodError: as in `encode`.
        """
        require_columns(frame, self.inputs, "input")
        outputs = [np.zeros((len(rows), len(self.names)), dtype=np.float32) for rows in parts]
        encode_into(outputs, parts, self.columns, frame, self.unseen == "ignore")
        return [self.shaped(torch.from_numpy(output)) for output in outputs]

    def shaped(self, x: Tensor) -> Tensor:
        """The columns (m, p) of x as the network takes them: (m, …) of a column that has a shape."""
        column = shaped_column(self.columns)
        return x if column is None else column.shaped(x)

    def encode_target(self, frame: pd.DataFrame) -> Tensor:
        """The targets y, (n,) or (n, D), checked: see `TargetEncoder.encode`."""
        return self.target.encode(frame)

    def encode_weight(self, frame: pd.DataFrame) -> Tensor | None:
        """The weights (n,) float32, finite and not negative; None without a weight column."""
        if self.weight is None:
            return None
        values = _checked_numbers(frame, "weight", self.weight, "negative", "finite and not negative")
        return torch.from_numpy(values.astype(np.float32))

    def encode_exposure(self, frame: pd.DataFrame) -> Tensor | None:
        """The exposures (n,) float32, finite and above 0; None without an exposure column."""
        if self.exposure is None:
            return None
        values = _checked_numbers(frame, "exposure", self.exposure, "not above 0", "finite and above 0")
        return torch.from_numpy(values.astype(np.float32))

    def describe(self) -> pd.DataFrame:
        """What was decided about each column of the training table, in its order.

        Returns:
            A frame with the columns `column`, `role` (input, target, weight, exposure or left out), `type`, `why`,
            `missing` (empty training cells), `levels`, `lowest` and `highest`, and `inputs`, the number of columns of
            x. Cells that do not apply are None.

        >>> from likelihead.data import split_table
        >>> frame = pd.DataFrame({"id": range(40), "size": range(40), "y": [0, 1] * 20})
        >>> encoder = split_table(frame, "poisson", "y", ignore="id").encoder
        >>> encoder.describe()[["column", "role", "type", "why"]].values.tolist()[:2]
        [['id', 'left out', None, 'data.ignore'], ['size', 'input', 'number', 'its cells are numbers']]
        """
        return pd.DataFrame(self.description, columns=list(NAMES), dtype=object)

    def encode_bounds(self, frame: pd.DataFrame) -> tuple[Tensor | None, Tensor | None]:
        """The bounds and the truncation limits of the targets, (n, 2) or (n, D, 2) each; see `Censoring`."""
        if self.censoring is None or not isinstance(self.target, TargetEncoder):
            return None, None
        return self.censoring.bounds(frame, self.target), self.censoring.truncation(frame, self.target)

    def state(self) -> dict[str, Any]:
        """The encoder as plain values, which torch.load(weights_only=True) accepts."""
        return {
            "columns": [column.state() for column in self.columns],
            "target": self.target.state(),
            "weight": self.weight,
            "exposure": self.exposure,
            "unseen": self.unseen,
            "description": self.description,
            "text": self.text,
            "censoring": None if self.censoring is None else self.censoring.state(),
            "source": self.source,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> TableEncoder:
        """Rebuild an encoder from its `state()`; a LikelihoodError where an input has lost its encoding."""
        columns = [column_from_state(column) for column in state["columns"]]
        target, censoring = target_from_state(state["target"]), state.get("censoring")
        # An earlier version kept neither a description nor which columns were text, nor a source.
        kept = {"description": state.get("description", []), "text": state.get("text", [])}
        kept["source"] = state.get("source", {})
        check_described(columns, kept["description"])
        known = None if censoring is None else Censoring(**censoring)
        return cls(columns, target, state["weight"], state["exposure"], state["unseen"], **kept, censoring=known)


def _check_roles(frame: pd.DataFrame, target: Sequence[str], weight: str | None, exposure: str | None) -> None:
    for what, name in (("weight", weight), ("exposure", exposure)):
        if name is None:
            continue
        require_columns(frame, [name], what)
        if name in target or (what == "exposure" and name == weight):
            raise LikelihoodError(
                f"data.{what} names {name!r}, which is already the target or the weight: name another column"
            )


def _inputs(frame: pd.DataFrame, options: Mapping[str, Any], taken: Sequence[str]) -> list[str]:
    ignored, features = as_list(options["ignore"]), as_list(options["features"])
    require_columns(frame, [*ignored, *features], "input")
    for key, names in (("ignore", ignored), ("features", features)):
        for name in names:
            if name in taken:
                raise LikelihoodError(
                    f"data.{key} names {name!r}, which is the target, weight, exposure or a bound: leave it out"
                )
    if len(set(features)) < len(features):
        raise LikelihoodError(f"data.features names a column twice: {', '.join(features)}")
    # A group stands for the rows that are held out: what is learned about it is of no use for other groups.
    others = [name for name in frame.columns if name not in taken and name != options["group"]]
    if options["text"] is not None:
        require_columns(frame, [options["text"]], "text")
        others = [options["text"]]
    return [name for name in (others if options["features"] is None else features) if name not in ignored]


def _checked_numbers(frame: pd.DataFrame, what: str, name: str, fault: str, condition: str) -> NDArray[np.float64]:
    """A column (n,) of numbers that are not `fault`, one of `negative` and `not above 0`."""
    require_columns(frame, [name], what)
    values = numbers(frame[name], f"{what} column", f"it must be {condition}")
    infinite = np.isinf(values)
    is_low = (values < 0 if fault == "negative" else values <= 0) & ~infinite
    reasons = {fault: is_low, "missing": np.isnan(values), "infinite": infinite}
    bad = np.logical_or.reduce(list(reasons.values()))
    if bad.any():
        counts = ", ".join(f"{int(mask.sum())} {reason}" for reason, mask in reasons.items() if mask.any())
        raise LikelihoodError(
            f"{what} column {name!r}: {int(bad.sum())} of {len(values)} cells cannot be {what}s ({counts}; "
            f"{describe_cells(frame[name], bad)}); they must be {condition}: correct them or leave these rows out"
        )
    return values
