"""The encoder of an input column of labels."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from likelihead.data.tables.numeric_column import Block, Term
from likelihead.errors import LikelihoodError
from likelihead.target_types.cells import describe_cells, labels, sort_labels

log = logging.getLogger("likelihead.data")

#: A text column with more than `STRAY_LEVELS` levels, a share of `STRAY_SHARE` of which are numbers, is taken to be
#: a numeric column with some stray text.
STRAY_LEVELS, STRAY_SHARE = 20, 0.9


@dataclass(frozen=True)
class CategoricalColumn:
    """A column of labels, one-hot encoded: a column of x for each level.

    Attributes:
        name: the column of the table.
        levels: the levels that have a column of x, in sorted order.
        missing: whether the training rows have empty cells, which then get a column of x too.
        other: whether all further levels share one column of x.
    """

    name: str
    levels: list[str]
    missing: bool
    other: bool = False

    @classmethod
    def fit(cls, series: pd.Series, max_levels: int, min_level_count: int) -> CategoricalColumn:
        """Take the levels of the training rows.

        If there are more than `max_levels`, the most frequent of them that occur at least `min_level_count` times
        keep a column of their own, and the others share one.

        Raises:
            LikelihoodError: an empty column, numbers with stray text, or labels that identify single rows.
        """
        name, text = str(series.name), labels(series)
        counts = text.value_counts()
        levels = sort_labels(counts.index)
        if not levels:
            raise LikelihoodError(f"input column {name!r} is empty in all training rows: leave it out")
        _check_stray(series, text, levels)
        missing = bool(text.isna().any())
        if len(levels) <= max_levels:
            return cls(name, levels, missing)
        if len(levels) > len(series) / 2:
            raise LikelihoodError(
                f"input column {name!r} is text with {len(levels)} values in {len(series)} training rows, so it "
                f"identifies rows rather than groups of rows: leave it out with data.ignore=[{name}], or turn it into "
                "numbers"
            )
        frequent = _frequent(counts, max_levels, min_level_count)
        if not frequent:
            raise LikelihoodError(
                f"input column {name!r} is text with {len(levels)} values, none of them in {min_level_count} or more "
                f"of {len(series)} training rows: leave it out with data.ignore=[{name}], or lower data.min_level_count"
            )
        rest = int(counts.sum() - counts[frequent].sum())
        log.warning(
            "input column %r has %d levels: the %d most frequent ones have a column of x each, and the other %d, in "
            "%d of %d training rows, share one (data.max_levels=%d, data.min_level_count=%d)",
            *(name, len(levels), len(frequent), len(levels) - len(frequent), rest, len(series)),
            *(max_levels, min_level_count),
        )
        return cls(name, sort_labels(frequent), missing, other=True)

    @property
    def names(self) -> list[str]:
        names = [f"{self.name}={level}" for level in self.levels]
        further = {f"{self.name} (other)": self.other, f"{self.name} (missing)": self.missing}
        return names + [name for name, is_used in further.items() if is_used]

    @property
    def terms(self) -> list[Term]:
        """The columns of x, each compared with the first level."""
        return [Term(name, reference=self.names[0]) for name in self.names]

    def encode(self, series: pd.Series, ignore_unseen: bool) -> Block:
        codes = self._codes(labels(series))
        unseen = codes < 0
        if unseen.any() and not ignore_unseen:
            advice = "correct them, leave these rows out, or give data.unseen=ignore, which gives them no category"
            raise LikelihoodError(f"{self._unseen(series, unseen)}: {advice}")
        if unseen.any():
            log.warning("%s: they get no category", self._unseen(series, unseen))
        block = np.zeros((len(series), len(self.names)), dtype=np.float32)
        rows = np.flatnonzero(~unseen)
        block[rows, codes[rows]] = 1.0
        return block

    def decode(self, block: Block) -> pd.Series:
        """The labels (n,) of columns of x; missing where the cell was empty, and `(other)` without a column."""
        others = ["(other)"] * self.other + [None] * self.missing
        labels = np.array([*self.levels, *others, "(other)"], dtype=object)
        codes = np.where(block.any(axis=1), block.argmax(axis=1), len(labels) - 1)
        return pd.Series(labels[codes], name=self.name, dtype="string")

    def _codes(self, text: pd.Series) -> NDArray[np.int64]:
        """The column of x of each cell, (n,); −1 where there is none."""
        known = {level: code for code, level in enumerate(self.levels)}
        codes = text.map(known).to_numpy(np.float64, na_value=np.nan, copy=True)
        empty = text.isna().to_numpy(dtype=bool)
        last = len(self.names) - 1
        if self.missing:
            codes[empty] = last
        if self.other:
            codes[np.isnan(codes) & ~empty] = last - self.missing
        return np.where(np.isnan(codes), -1.0, codes).astype(np.int64)

    def _unseen(self, series: pd.Series, unseen: NDArray[np.bool_]) -> str:
        levels = ", ".join(self.levels[:10]) + (", …" if len(self.levels) > 10 else "")
        empty = labels(series)[unseen].isna().all()
        what = "are empty, but no training cell is" if empty else "hold an unseen category"
        return (
            f"input column {self.name!r}: {int(unseen.sum())} of {len(series)} cells {what} "
            f"({describe_cells(series, unseen)}); the training rows have {levels}"
        )

    def state(self) -> dict[str, Any]:
        return {"type": "category", **asdict(self)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> CategoricalColumn:
        return cls(state["name"], list(state["levels"]), state["missing"], state.get("other", False))


def _frequent(counts: pd.Series, max_levels: int, min_level_count: int) -> list[str]:
    """At most `max_levels` levels that occur at least `min_level_count` times, the most frequent ones first."""
    often = counts[counts >= min_level_count]
    ordered = sorted(often.index, key=lambda level: (-int(often[level]), level))
    return ordered[:max_levels]


def _check_stray(series: pd.Series, text: pd.Series, levels: list[str]) -> None:
    parsed = pd.to_numeric(pd.Series(levels), errors="coerce").notna()
    if len(levels) > STRAY_LEVELS and STRAY_SHARE <= parsed.mean() < 1.0:
        stray = pd.to_numeric(text, errors="coerce").isna() & text.notna()
        raise LikelihoodError(
            f"input column {str(series.name)!r} holds numbers except in {int(stray.sum())} of {len(series)} cells "
            f"({describe_cells(series, stray.to_numpy(dtype=bool))}): correct them or leave the cells empty"
        )
