"""Targets that order some of the items: those present, or the first few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch

from likelihead.distributions.partial_plackett_luce import UNLISTED, partial_permutation
from likelihead.errors import TargetError
from likelihead.target_types.cells import describe_cells, label, labels, sort_labels
from likelihead.target_types.ranking import Ranking, from_ranks, item_cells, items_of, numbers_of
from likelihead.target_types.target_type import Mask, TargetColumns, Values, rows_to_cells


@dataclass(frozen=True)
class PartialRanking(Ranking):
    """An order of some of K items; y (K,) holds their indices, the best first, then -1."""

    name: ClassVar[str] = "partial_ranking"

    @property
    def support_text(self) -> str:
        """The values that y may take, in words."""
        return "rankings: each item at most once in each row"

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Rows that hold an item twice, or something else than items before the empty ranks."""
        inside = partial_permutation.check(torch.from_numpy(np.ascontiguousarray(values))).numpy()
        reason = f"not different items from 0 to {values.shape[1] - 1}, then -1"
        return {reason: rows_to_cells(~inside, values)}

    def suits(self, values: Values) -> bool:
        """Only where a row leaves out an item: `Ranking` suits the others."""
        return super().suits(values) and bool((values == UNLISTED).any())

    def missing(self, frame: pd.DataFrame, names: Sequence[str]) -> Mask:
        """Rows (n,) without any item."""
        empty: Mask = frame[list(names)].isna().all(axis=1).to_numpy(dtype=bool)
        return empty

    def fit_columns(self, frame: pd.DataFrame, names: list[str], options: Mapping[str, Any]) -> TargetColumns:
        """The items, which may be more than the ranks, and how the columns encode their order."""
        style = "text" if len(names) == 1 else options["ranking"]
        if options["levels"]:
            items = [label(item) for item in options["levels"]]
        elif style == "ranks" and options["items"]:
            items = numbers_of(names)
        elif style == "orders":
            items = sort_labels(item for name in names for item in labels(frame[name]).dropna())
        else:
            items = items_of(frame, names, style)
        return TargetColumns(names, items, ranking=style)

    def read(self, frame: pd.DataFrame, columns: TargetColumns) -> Values:
        """The index of the item at each rank, then -1, (n, K); NaN in rows without any item."""
        values, bad = self._read(frame, columns)
        unknown = self._unknown(frame, columns)
        if unknown:
            raise TargetError(
                f"target columns {columns.names[0]!r}, …: no training row ranks {', '.join(map(repr, unknown[:5]))}"
                f"{', …' if len(unknown) > 5 else ''}: name all items, data.levels=[…], or leave these rows out"
            )
        if bad.any():
            texts = frame[columns.names].astype(str).agg(" ".join, axis=1)
            raise TargetError(
                f"target columns {columns.names[0]!r}, …: {int(bad.sum())} of {len(frame)} rows are no rankings "
                f"({describe_cells(texts, bad)}); a row must name items of the training rows, each at most once, "
                "without a gap between ranks: correct these rows or leave them out"
            )
        return values

    def readable_rows(self, frame: pd.DataFrame, columns: TargetColumns) -> Mask:
        """Rows (n,) that hold at least one item, and none twice."""
        values, bad = self._read(frame, columns)
        return ~bad & ~np.isnan(values).any(axis=1)

    def _unknown(self, frame: pd.DataFrame, columns: TargetColumns) -> list[str]:
        """The items that are not among those of the training rows."""
        if columns.ranking == "ranks":
            return []
        cells = item_cells(frame, columns.names, columns.ranking, partial=True)
        return sort_labels({item for row in cells for item in row or [] if item} - set(columns.labels or []))

    def _read(self, frame: pd.DataFrame, columns: TargetColumns) -> tuple[Values, Mask]:
        items = columns.labels or []
        if columns.ranking == "ranks":
            return from_ranks(frame, columns.names, partial=True)
        codes = {item: float(code) for code, item in enumerate(items)}
        values = np.full((len(frame), len(items)), np.nan)
        bad = np.zeros(len(frame), dtype=bool)
        for number, row in enumerate(item_cells(frame, columns.names, columns.ranking, partial=True)):
            listed = [codes.get(item, np.nan) for item in row or []]
            bad[number] = len(set(listed)) < len(listed) or bool(np.isnan(listed).any())
            if listed:
                values[number] = UNLISTED
                values[number, : len(listed)] = 0.0 if bad[number] else listed
        return values, bad
