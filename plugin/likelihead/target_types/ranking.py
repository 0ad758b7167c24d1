"""Targets that are rankings: `a>b>c` in one column, the item at each rank, or the rank of each item."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from likelihead.errors import TargetError
from likelihead.target_types.cells import describe_cells, labels, sort_labels
from likelihead.target_types.classes import class_columns
from likelihead.target_types.target_type import Mask, OutputColumns, TargetColumns, TargetType, Values, rows_to_cells

SEPARATOR = ">"


@dataclass(frozen=True)
class Ranking(TargetType):
    """An order of K items; y[..., 0] is the index of the best item."""

    name: ClassVar[str] = "ranking"
    dtype: ClassVar[torch.dtype] = torch.int64
    scores: ClassVar[tuple[str, ...]] = ("nll", "kendall_tau", "accuracy")
    figures: ClassVar[tuple[str, ...]] = ("ranks", "rankings")
    response: ClassVar[str] = "ranks"
    is_checked_by_row: ClassVar[bool] = True
    has_items: ClassVar[bool] = True

    @property
    def support_text(self) -> str:
        """The values that y may take, in words."""
        return "rankings: every item exactly once in each row"

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Rows that do not hold every item exactly once."""
        in_order = np.sort(values, axis=1) == np.arange(values.shape[1])
        return {f"not a permutation of 0 to {values.shape[1] - 1}": rows_to_cells(~in_order.all(axis=1), values)}

    def advice(self) -> list[str]:
        """Suggest the other way of writing a ranking."""
        return ["data.ranking=ranks reads ranks by item instead of items by rank"]

    def check_columns(self, names: Sequence[str]) -> None:
        """Accept any columns: even one may hold a whole ranking."""

    def fit_columns(self, frame: pd.DataFrame, names: list[str], options: Mapping[str, Any]) -> TargetColumns:
        """The items, and how the columns encode their order."""
        style = "text" if len(names) == 1 else options["ranking"]
        items = numbers_of(names) if style == "ranks" and options["items"] else items_of(frame, names, style)
        return TargetColumns(names, items, ranking=style)

    def read(self, frame: pd.DataFrame, columns: TargetColumns) -> Values:
        """The index of the item at each rank, (n, K)."""
        return orders(frame, columns.names, columns.labels or [], columns.ranking)

    def readable_rows(self, frame: pd.DataFrame, columns: TargetColumns) -> Mask:
        """Rows (n,) that hold every item once."""
        values, bad = _read_orders(frame, columns.names, columns.labels or [], columns.ranking)
        return ~bad & ~np.isnan(values).any(axis=1)

    def event_size(self, columns: TargetColumns) -> int | None:
        """The number of items."""
        return len(columns.labels or ())

    def is_single(self, columns: TargetColumns) -> bool:
        """Never: y is an order of all items."""
        return False

    def write(self, name: str, values: Values, columns: TargetColumns) -> OutputColumns:
        """Orders as `a>b>c`, without items that are absent (-1), and expected ranks by item."""
        if columns.labels is None or name == "mean":
            return class_columns(name, values, columns)
        labels = columns.labels
        return {name: [SEPARATOR.join(labels[int(item)] for item in order if item >= 0) for order in values]}


def _split(series: pd.Series) -> pd.Series:
    return series.astype(object).map(
        lambda cell: [item.strip() for item in str(cell).split(SEPARATOR)], na_action="ignore"
    )


def numbers_of(columns: Sequence[str]) -> list[str]:
    """The numbers of the items whose ranks are in columns such as place_1, place_2, …; or else their names.

    >>> numbers_of(["place_1", "place_2"])
    ['1', '2']
    """
    matches = [re.search(r"\d+$", name) for name in columns]
    return [match[0] if match else name for match, name in zip(matches, columns, strict=True)]


def items_of(frame: pd.DataFrame, columns: Sequence[str], style: str) -> list[str]:
    """The items that the training rows rank, in sorted order: item k has index k in y.

    With style `ranks` they are the target columns, in the given order.

    Raises:
        TargetError: the number of items differs from that of ranks.
    """
    if style == "ranks":
        return list(columns)
    if style == "text":
        items = sort_labels(item for row in _split(frame[columns[0]]).dropna() for item in row)
        if len(items) < 2:
            raise TargetError(
                f"target column {columns[0]!r} has no rankings: write each as text with {SEPARATOR!r}, as in b>a>c, "
                "or name one column for each rank, data.target=[first,second,…]"
            )
        return items
    items = sort_labels(item for name in columns for item in labels(frame[name]).dropna())
    if len(items) != len(columns):
        raise TargetError(
            f"columns {columns[0]!r} to {columns[-1]!r}: {len(columns)} ranks hold {len(items)} different items, "
            "but every row must rank each item once: leave out rows or items, or take data.ranking=ranks "
            "where the columns hold the rank of each item"
        )
    return items


def orders(frame: pd.DataFrame, columns: Sequence[str], items: Sequence[str], style: str) -> NDArray[np.float64]:
    """The index of the item at each rank, best first, (n, K); NaN in rows with an empty cell.

    Raises:
        TargetError: a row is not a ranking of all items.
    """
    values, bad = _read_orders(frame, columns, items, style)
    ranks = f"each of the ranks 1 to {len(columns)} once, without ties"
    _raise_for_rows(
        bad, frame, columns, ranks if style == "ranks" else f"each of the items {', '.join(items[:10])} once"
    )
    return values


def _read_orders(frame: pd.DataFrame, columns: Sequence[str], items: Sequence[str], style: str) -> tuple[Values, Mask]:
    """The order of each row (n, K), NaN if a cell is empty, and the rows (n,) that are not rankings of all items."""
    if style == "ranks":
        return from_ranks(frame, columns)
    codes = {item: float(code) for code, item in enumerate(items)}
    cells = item_cells(frame, columns, style)
    values = np.full((len(frame), len(items)), np.nan)
    bad = np.zeros(len(frame), dtype=bool)
    for number, row in enumerate(cells):
        if row is not None:
            bad[number] = sorted(row) != sorted(items)
            values[number] = 0.0 if bad[number] else [codes[item] for item in row]
    return values, bad


def item_cells(
    frame: pd.DataFrame, columns: Sequence[str], style: str, partial: bool = False
) -> list[list[str] | None]:
    """The items of each row in their order; None where it has an empty cell.

    With `partial`, empty cells after the last item are left out, and an empty text stands for one before it.
    """
    if style == "text":
        return [row if isinstance(row, list) else None for row in _split(frame[columns[0]])]
    table = pd.concat([labels(frame[name]) for name in columns], axis=1)
    if not partial:
        return [None if row.isna().any() else list(row) for _, row in table.iterrows()]
    rows = [["" if pd.isna(cell) else str(cell) for cell in row] for _, row in table.iterrows()]
    lengths = [max((place + 1 for place, cell in enumerate(row) if cell), default=0) for row in rows]
    return [row[:length] or None for row, length in zip(rows, lengths, strict=True)]


def from_ranks(frame: pd.DataFrame, columns: Sequence[str], partial: bool = False) -> tuple[Values, Mask]:
    """The order of each row (n, K) from the ranks of its items, NaN where it is missing, and the faulty rows (n,).

    With `partial`, an item without a rank is not listed: the row ends with -1 for each of them.
    """
    cells = frame[list(columns)]
    ranks = cells.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    empty = cells.isna().to_numpy(dtype=bool)
    missing = empty.all(axis=1) if partial else empty.any(axis=1)
    # Ranks from 1; ranks that do not matter are put behind the others.
    listed = (~empty).sum(axis=1, keepdims=True) if partial else np.full((len(frame), 1), len(columns))
    first = np.where(np.nanmin(np.where(empty, np.inf, ranks), axis=1, keepdims=True, initial=np.inf) == 0.0, 0, 1)
    places = np.arange(len(columns)) + first
    ordered = np.sort(np.where(empty, np.inf, ranks), axis=1)
    valid = np.where(np.arange(len(columns)) < listed, ordered == places, True).all(axis=1)
    values = np.argsort(np.where(empty, np.inf, ranks), axis=1, kind="stable").astype(np.float64)
    values = np.where(np.arange(len(columns)) < listed, values, -1.0)
    values[missing] = np.nan
    return values, ~valid & ~missing


def _raise_for_rows(bad: NDArray[np.bool_], frame: pd.DataFrame, columns: Sequence[str], expected: str) -> None:
    if bad.any():
        texts = frame[list(columns)].astype(str).agg(" ".join, axis=1)
        names = ", ".join(map(repr, columns[:3])) + (", …" if len(columns) > 3 else "")
        raise TargetError(
            f"target columns {names}: {int(bad.sum())} of {len(frame)} rows are not rankings "
            f"({describe_cells(texts, bad)}); a row must hold {expected}: correct these rows or leave them out"
        )
