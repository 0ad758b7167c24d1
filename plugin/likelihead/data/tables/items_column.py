"""The encoder of the items of each row: the columns speed_1, speed_2, …, and those that all items share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from likelihead.data.tables.categorical_column import CategoricalColumn
from likelihead.data.tables.date_column import DateColumn
from likelihead.data.tables.formatted_column import FormattedColumn
from likelihead.data.tables.numeric_column import Block, NumericColumn, Term
from likelihead.errors import LikelihoodError
from likelihead.target_types.cells import as_list

#: Columns of a table, of which x has some columns for each.
TableColumn = NumericColumn | CategoricalColumn | DateColumn | FormattedColumn
#: The options that may name all columns of an input of items at once.
OPTIONS = ("features", "ignore", "categorical")


def numbered(columns: Sequence[str], name: str) -> dict[int, str]:
    """The columns `name_1`, `name_2`, … or `name1`, `name2`, … by their number, in that order.

    >>> numbered(["speed_2", "speed_1", "speed"], "speed")
    {1: 'speed_1', 2: 'speed_2'}
    """
    matches = {column: re.fullmatch(rf"{re.escape(name)}_?(\d+)", column) for column in map(str, columns)}
    found = {int(match[1]): column for column, match in matches.items() if match}
    return dict(sorted(found.items()))


def columns_of_items(columns: Sequence[str], names: Sequence[str]) -> dict[str, list[str]]:
    """The columns of each input of items, in the order of the items.

    Raises:
        LikelihoodError: an input without numbered columns, or not the same numbers for all.
    """
    found = {name: numbered(columns, name) for name in names}
    first = next(iter(found))
    for name, own in found.items():
        if len(own) < 2:
            raise LikelihoodError(
                f"data.items names {name!r}, but the table has no columns {name}_1, {name}_2, …: there must be one for "
                "each item"
            )
        if own.keys() != found[first].keys():
            alone = min(own.keys() ^ found[first].keys())
            raise LikelihoodError(
                f"data.items: {first!r} and {name!r} must have the same numbers, but only one of them has a column for "
                f"item {alone}"
            )
    return {name: list(own.values()) for name, own in found.items()}


def of_items(
    columns: Sequence[str], options: Mapping[str, Any], target: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    """The options and the target, with each name that stands for the columns of all items replaced by them.

    A target with a column for each item, such as its place in a race, holds ranks.

    Args:
        columns: the columns of the table.
        options: options of the `data` config group, `items` among them.
        target: the target columns.

    >>> of_items(["speed_1", "speed_2", "place_1", "place_2"], {"items": ["speed"]}, ["place"])[1]
    ['place_1', 'place_2']
    """
    items = as_list(options["items"])
    if not items:
        return dict(options), list(target)
    columns_of_items(columns, items)

    def expanded(names: Sequence[str]) -> list[str]:
        each = [[name] if name in columns else list(numbered(columns, name).values()) or [name] for name in names]
        return [name for own in each for name in own]

    changed: dict[str, Any] = {key: expanded(as_list(options[key])) for key in OPTIONS if options.get(key) is not None}
    found = expanded(target)
    if found != list(target):
        changed["ranking"] = "ranks"
    return {**options, **changed}, found


@dataclass(frozen=True)
class ItemsColumn:
    """The items of each row as x (n, K, inputs): their own columns, then those that all items of a row share.

    The columns of an input, such as speed_1 and speed_2, are encoded alike, as one column of all items is. An item
    whose own cells are all empty is absent: its inputs are NaN.

    Attributes:
        columns: the table's columns of each input, in the order of the items.
        own: the encoder of each of these inputs.
        shared: the encoders of the columns that all items share.
    """

    columns: dict[str, list[str]]
    own: list[TableColumn]
    shared: list[TableColumn]

    name = "items"

    @classmethod
    def fit(
        cls, frame: pd.DataFrame, items: Sequence[str], fit_one: Callable[[pd.Series, Sequence[str]], Any]
    ) -> ItemsColumn:
        """Fit the encoders to the training rows.

        Args:
            frame: the inputs of the training rows.
            items: the names of the inputs that each item has of its own.
            fit_one: fits the encoder of a column, given the names by which the options may call it.

        Raises:
            LikelihoodError: columns that do not go together, or that cannot be inputs.
        """
        columns = columns_of_items(list(frame.columns), items)
        present = ~_absent(frame, columns)
        if not present.any():
            raise LikelihoodError("no training row has an item: the columns of data.items are all empty")
        own = [
            fit_one(_stacked(frame, name, names)[present.ravel()], [name, *names]) for name, names in columns.items()
        ]
        taken = {name for names in columns.values() for name in names}
        shared = [fit_one(frame[name], [name]) for name in frame.columns if name not in taken]
        for column in (*own, *shared):
            if not isinstance(column, TableColumn):
                raise LikelihoodError(
                    f"input column {column.name!r} holds text or arrays, which an item cannot have: leave it out with "
                    f"data.ignore=[{column.name}]"
                )
        return cls(columns, own, shared)

    @property
    def table_columns(self) -> list[str]:
        """The table's columns: those of the items, then the shared ones."""
        return [*(name for names in self.columns.values() for name in names), *(column.name for column in self.shared)]

    def encoder_of(self, table_column: str) -> TableColumn:
        """The encoder of one of the table's columns."""
        own = {name: column for column, names in zip(self.own, self.columns.values(), strict=True) for name in names}
        return {**own, **{column.name: column for column in self.shared}}[table_column]

    @property
    def count(self) -> int:
        """The number of items, K."""
        return len(next(iter(self.columns.values())))

    @property
    def inputs(self) -> list[str]:
        """The names of the inputs of an item."""
        return [name for column in (*self.own, *self.shared) for name in column.names]

    @property
    def names(self) -> list[str]:
        return [f"{name}.{item + 1}" for item in range(self.count) for name in self.inputs]

    @property
    def terms(self) -> list[Term]:
        """The columns of x in the table's own units."""
        each = [term for column in (*self.own, *self.shared) for term in column.terms]
        return [term._replace(name=f"{term.name}.{item + 1}") for item in range(self.count) for term in each]

    def encode(self, frame: pd.DataFrame, ignore_unseen: bool) -> Block:
        """The items of n rows, (n, K * inputs)."""
        absent, count = _absent(frame, self.columns), self.count
        blocks = []
        for column, (name, names) in zip(self.own, self.columns.items(), strict=True):
            block = np.full((count * len(frame), len(column.names)), np.nan, dtype=np.float32)
            present = ~absent.ravel()
            block[present] = column.encode(_stacked(frame, name, names)[present], ignore_unseen)
            blocks.append(block.reshape(count, len(frame), -1))
        for column in self.shared:
            shared = column.encode(frame[column.name], ignore_unseen)
            blocks.append(np.broadcast_to(shared, (count, *shared.shape)))
        items = np.concatenate(blocks, axis=-1)
        items[absent] = np.nan
        return np.ascontiguousarray(items.transpose(1, 0, 2)).reshape(len(frame), len(self.names))

    def shaped(self, x: Tensor) -> Tensor:
        """The columns of x as (n, K, inputs)."""
        return x.reshape(len(x), self.count, len(self.inputs))

    def state(self) -> dict[str, Any]:
        parts = {"own": self.own, "shared": self.shared}
        return {
            "type": "items",
            "columns": self.columns,
            **{key: [column.state() for column in part] for key, part in parts.items()},
        }


def _stacked(frame: pd.DataFrame, name: str, columns: Sequence[str]) -> pd.Series:
    """The cells of all items in one column, item after item."""
    return pd.concat([frame[column] for column in columns]).rename(name)


def _absent(frame: pd.DataFrame, columns: Mapping[str, Sequence[str]]) -> NDArray[np.bool_]:
    """Where all cells of an item are empty, (K, n)."""
    empty = [frame[list(names)].isna().to_numpy(dtype=bool).T for names in columns.values()]
    absent: NDArray[np.bool_] = np.logical_and.reduce(empty)
    return absent
