"""Target columns of a table to the tensor y: numbers, class labels, rankings, angles; fitted on the training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from likelihead.errors import LikelihoodError, TargetError
from likelihead.target_types import rankings
from likelihead.target_types.cells import (
    as_list,
    describe_cells,
    is_text,
    label,
    labels,
    numbers,
    require_columns,
    sort_labels,
)
from likelihead.target_types.check import settle, squeeze_edges, to_tensor
from likelihead.target_types.faults import MISSING, Values, refuse
from likelihead.target_types.kinds import Kind

NAMED = ("label", "level", "binary")


@dataclass(frozen=True)
class TargetEncoder:
    """What the target columns mean, fitted on the training rows.

    Attributes:
        columns: the target columns; `single` says that y is (n,) rather than (n, D).
        kind: what the family asks for.
        labels: the classes in the order of their codes, or the items of a ranking; None for numbers.
        edges: by how much `boundary=squeeze` moves a value inside, for each column; None where it is `error`.
        angles: the unit of a direction, `radians` or `degrees`.
        ranking: `orders` (the item at each rank), `ranks` (the rank of each item) or `text` (`a>b>c` in one column).
    """

    columns: list[str]
    kind: Kind
    labels: list[str] | None = None
    edges: list[float] | None = None
    angles: str = "radians"
    ranking: str = "orders"

    @classmethod
    def fit(
        cls, frame: pd.DataFrame, kind: Kind, columns: str | Sequence[str], options: Mapping[str, Any]
    ) -> TargetEncoder:
        """Learn labels, items and squeezing distances from the training rows.

        Args:
            options: `boundary`, `angles`, `ranking`, `levels` as in `DEFAULTS` of likelihead.data.options.

        Raises:
            LikelihoodError: a column is missing.
            TargetError: the columns cannot be targets of this family.
        """
        names = as_list(columns)
        require_columns(frame, names, "target")
        _check_number(names, kind)
        if kind.value == "order":
            style = "text" if len(names) == 1 else options["ranking"]
            return cls(names, kind, rankings.items_of(frame, names, style), ranking=style)
        angles = options["angles"] if kind.value == "angle" else "radians"
        named = _labels_of(frame, names, kind, _levels(options["levels"])) if kind.value in NAMED else None
        encoder = cls(names, kind, named, angles=angles)
        if options["boundary"] != "squeeze":
            return encoder
        return cls(names, kind, named, squeeze_edges(encoder.values(frame), kind), angles)

    @property
    def single(self) -> bool:
        """Whether y is one number in each row, of shape (n,)."""
        return len(self.columns) == 1 and self.ranking != "text"

    @property
    def event_size(self) -> int | None:
        """The number of classes or items, or the length of the vector; None for a family without a size of its own."""
        if self.kind.value in ("label", "level", "order"):
            return len(self.labels or ())
        return len(self.columns) if self.kind.vector else None

    def values(self, frame: pd.DataFrame) -> Values:
        """The target columns as numbers (n, D), NaN where a cell is empty; not yet checked against the support."""
        require_columns(frame, self.columns, "target")
        if self.kind.value == "order":
            return rankings.orders(frame, self.columns, self.labels or [], self.ranking)
        columns = [self._column(frame[name]) for name in self.columns]
        values = np.stack(columns, axis=1)
        return np.deg2rad(values) if self.angles == "degrees" else values

    def encode(self, frame: pd.DataFrame) -> Tensor:
        """The targets, checked: (n,) or (n, D), float32, or int64 for class labels and rankings.

        Raises:
            TargetError: a value outside the support or a label that no training row has.
        """
        values = self.values(frame)
        missing = {MISSING: np.isnan(values)}
        refuse({k: m for k, m in missing.items() if m.any()}, values, self.kind, self._names(values), _rows(frame))
        boundary = "error" if self.edges is None else "squeeze"
        size = self.event_size if self.kind.value in ("label", "level") else None
        values = settle(values, self.kind, self._names(values), _rows(frame), boundary, size, self.edges)
        y = to_tensor(values, self.kind)
        return y[:, 0] if self.single else y

    def _names(self, values: Values) -> list[str]:
        return self.columns if len(self.columns) == values.shape[1] else self.columns * values.shape[1]

    def _column(self, series: pd.Series) -> Values:
        if self.labels is None:
            return _numbers(series, self.kind)
        codes = {name: float(code) for code, name in enumerate(self.labels)}
        text = labels(series)
        values = text.map(codes).to_numpy(dtype=np.float64, na_value=np.nan)
        unseen = np.isnan(values) & text.notna().to_numpy(dtype=bool)
        if unseen.any():
            raise TargetError(
                f"target column {series.name!r}: {int(unseen.sum())} of {len(series)} rows have a label that no "
                f"training row has ({describe_cells(series, unseen)}); the labels are {_few(self.labels)}: leave "
                "these rows out, or split with another seed"
            )
        return values

    def state(self) -> dict[str, Any]:
        """Plain values only."""
        return {
            "columns": self.columns,
            "kind": self.kind.state(),
            "labels": self.labels,
            "edges": self.edges,
            "angles": self.angles,
            "ranking": self.ranking,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> TargetEncoder:
        """The encoder that `state()` describes."""
        return cls(**{**state, "kind": Kind(**state["kind"])})


def missing_rows(frame: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Which rows (n,) lack a target."""
    missing: np.ndarray = frame[list(columns)].isna().any(axis=1).to_numpy(dtype=bool)
    return missing


def _levels(levels: Any) -> list[str]:
    given = [levels] if isinstance(levels, str) else levels or []
    return [label(level) for level in given]


def _rows(frame: pd.DataFrame) -> np.ndarray:
    return np.asarray(frame.index)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")


def _check_number(names: Sequence[str], kind: Kind) -> None:
    if not names:
        raise TargetError("no target column is named: give data.target=COLUMN")
    if len(set(names)) < len(names):
        raise TargetError(f"data.target names a column twice: {', '.join(names)}")
    if kind.vector and kind.value != "order" and len(names) == 1:
        raise TargetError(
            f"{kind.name} takes a vector in each row, but data.target names one column, {names[0]!r}: "
            f"name all of them, data.target=[{names[0]},…]"
        )


def _numbers(series: pd.Series, kind: Kind) -> Values:
    if is_text(series) and series.notna().any():
        mask = series.notna().to_numpy(dtype=bool)
        try:
            return numbers(series, "target column", "")
        except LikelihoodError:
            raise TargetError(
                f"target column {series.name!r} holds text ({describe_cells(series, mask)}), but {kind.name} takes "
                f"{kind.words}: name a column of numbers, or take categorical, ordinal or bernoulli for labels"
            ) from None
    try:
        return numbers(series, "target column", f"{kind.name} takes {kind.words}")
    except LikelihoodError as error:
        raise TargetError(str(error)) from None


def _labels_of(frame: pd.DataFrame, names: Sequence[str], kind: Kind, levels: list[str]) -> list[str] | None:
    """The class labels in the order of their codes; None for a binary target that is already 0 and 1."""
    if levels:
        if kind.value == "binary" and len(levels) != 2:
            raise TargetError(f"data.levels names {len(levels)} labels, but {kind.name} takes two")
        return levels
    columns = [frame[name] for name in names]
    text = any(is_text(column) for column in columns)
    if kind.value == "binary" and not text:
        return None
    declared = _declared_order(columns)
    if declared is not None:
        return declared
    if text and kind.value == "level":
        raise TargetError(
            f"target column {names[0]!r} holds text, whose order {kind.name} cannot know: give it, lowest first, as "
            f"data.levels=[{','.join(_found(columns)[:5])}]"
        )
    if not text:
        _check_codes(columns, kind)
    found = _found(columns)
    wanted = 2 if kind.value == "binary" else None
    if len(found) < 2 or (wanted and len(found) > wanted):
        raise TargetError(
            f"target column {names[0]!r} has {len(found)} different labels in the training rows ({_few(found)}), but "
            f"{kind.name} takes {wanted or 'at least 2'}" + (": take categorical for more" if wanted else "")
        )
    return found


def _found(columns: Sequence[pd.Series]) -> list[str]:
    return sort_labels(name for column in columns for name in labels(column).dropna())


def _declared_order(columns: Sequence[pd.Series]) -> list[str] | None:
    """The order that a Parquet file declares for its categories."""
    first = columns[0].dtype
    if len(columns) == 1 and isinstance(first, pd.CategoricalDtype) and first.ordered:
        return [label(level) for level in first.categories]
    return None


def _check_codes(columns: Sequence[pd.Series], kind: Kind) -> None:
    for column in columns:
        values = _numbers(column, kind)[:, None]
        bad = ~np.isnan(values) & ((values < 0) | (values != np.floor(values)))
        mask = {"negative or not whole": bad} if bad.any() else {}
        refuse(mask, values, kind, [str(column.name)], _rows(column.to_frame()))
