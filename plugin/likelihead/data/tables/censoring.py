"""Censored and truncated targets of a table: between what a target lies where it is not observed itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from likelihead.data.tables.target_encoder import TargetEncoder
from likelihead.errors import TargetError
from likelihead.target_types.bounds import representative
from likelihead.target_types.cells import as_list, describe_cells, numbers, require_columns
from likelihead.target_types.numbers import Number
from likelihead.target_types.target_type import Mask, TargetType, Values


@dataclass(frozen=True)
class Censoring:
    """Which columns of a table say between what the targets lie.

    A target is observed where its own cell is filled, or where both of its bounds are and are equal. Elsewhere it is
    at least `lower` and at most `upper`, both included; an empty cell is no bound.

    Attributes:
        lower, upper: the column of the bounds of each target, or empty.
        truncation_lower, truncation_upper: a column or a number: rows with a target outside these limits could not
            have come into the table. None for no limit.
    """

    lower: list[str]
    upper: list[str]
    truncation_lower: str | float | None = None
    truncation_upper: str | float | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any], target: Sequence[str]) -> Censoring | None:
        """What the options `lower`, `upper`, `truncation_lower` and `truncation_upper` say; None if all are None.

        Raises:
            TargetError: as many columns as there are targets are not named.
        """
        lower, upper = as_list(options["lower"]), as_list(options["upper"])
        for end, names in (("lower", lower), ("upper", upper)):
            if names and len(names) != len(target):
                raise TargetError(
                    f"data.{end} names {len(names)} columns for {len(target)} targets: name one for each target"
                )
        limits = (options["truncation_lower"], options["truncation_upper"])
        return cls(lower, upper, *limits) if lower or upper or limits != (None, None) else None

    @property
    def columns(self) -> list[str]:
        """The columns of the table that are named, none of which is an input."""
        limits = (self.truncation_lower, self.truncation_upper)
        return [*self.lower, *self.upper, *(limit for limit in limits if isinstance(limit, str))]

    def helpers(self, target: Sequence[str]) -> list[str]:
        """The columns that `filled` adds."""
        return [f"{name} ({end})" for name in target for end in ("lower", "upper") if self.lower or self.upper]

    def filled(self, frame: pd.DataFrame, target: Sequence[str], target_type: TargetType) -> pd.DataFrame:
        """The table with a target in each row that has bounds, and with the columns `helpers` that `bounds` reads.

        What is filled in lies between the bounds and serves as a starting point only.

        Raises:
            LikelihoodError: a missing column, or bounds that are not numbers.
            TargetError: a lower bound above the upper one, or a target outside its bounds.
        """
        require_columns(frame, self.columns, "bound")
        if not (self.lower or self.upper):
            return frame
        added: dict[str, pd.Series] = {}
        for index, name in enumerate(target):
            empty = pd.Series(np.nan, index=frame.index, dtype=object)
            cells = [frame[names[index]] if names else empty for names in (self.lower, self.upper)]
            own = frame[name] if name in frame.columns else empty
            is_known = own.notna().to_numpy(dtype=bool)
            if isinstance(target_type, Number):
                ends = [numbers(cell, "bound column", "it must hold numbers") for cell in cells]
                _check_order(own, is_known, ends, cells, target_type)
                value: Any = representative(_or_infinite(ends[0], 0), _or_infinite(ends[1], 1), target_type)
            else:
                value = cells[0].where(cells[0].notna(), cells[1]).to_numpy()
            has_bound = np.logical_or.reduce([cell.notna().to_numpy(dtype=bool) for cell in cells])
            added[name] = own.where(is_known | ~has_bound, pd.Series(value, index=frame.index))
            for end, cell in zip(("lower", "upper"), cells, strict=True):
                added[f"{name} ({end})"] = cell.where(~is_known, own)
        return frame.assign(**{name: column.infer_objects() for name, column in added.items()})

    def bounds(self, frame: pd.DataFrame, target: TargetEncoder) -> Tensor | None:
        """The bounds of the targets of a table that `filled` returned, (n, 2) or (n, D, 2); None without bounds."""
        if not (self.lower or self.upper):
            return None
        ends = []
        for side, end in enumerate(("lower", "upper")):
            names = [f"{name} ({end})" for name in target.names]
            values = target.target_type.read(frame, replace(target.columns, names=names))
            ends.append(_or_infinite(values, side))
        crossed = np.asarray(ends[0] > ends[1]).any(axis=1)
        if crossed.any():
            raise TargetError(f"{int(crossed.sum())} of {len(frame)} rows have a lower bound above the upper one")
        return _pairs(ends, target)

    def truncation(self, frame: pd.DataFrame, target: TargetEncoder) -> Tensor | None:
        """The limits of the targets, (n, 2) or (n, D, 2); None for no truncation.

        Raises:
            LikelihoodError: a missing column, or limits that are not numbers.
            TargetError: a target outside the limits.
        """
        limits = (self.truncation_lower, self.truncation_upper)
        if limits == (None, None):
            return None
        ends = [np.broadcast_to(_limit(frame, limit, side), (len(frame),)) for side, limit in enumerate(limits)]
        values = target.values(frame)
        outside = np.logical_or(values < ends[0][:, None], values > ends[1][:, None]).any(axis=1)
        if outside.any():
            cells = describe_cells(frame[target.names[0]], np.asarray(outside))
            raise TargetError(
                f"{int(outside.sum())} of {len(frame)} targets lie outside data.truncation_lower and "
                f"data.truncation_upper ({cells}): such rows could not be in "
                "the table; correct the limits or leave these rows out"
            )
        return _pairs([np.broadcast_to(end[:, None], values.shape) for end in ends], target)

    def state(self) -> dict[str, Any]:
        """The columns as plain values."""
        return asdict(self)


def _check_order(own: pd.Series, is_known: Mask, ends: list[Values], cells: list[pd.Series], of: TargetType) -> None:
    """Raise a TargetError if a lower bound is above the upper one, or an observed target is not between them."""
    observed = np.where(is_known, of.read_numbers(own), np.nan)
    crossed: Mask = ends[0] > ends[1]
    outside: Mask = np.logical_or(observed < ends[0], observed > ends[1])
    if crossed.any():
        raise TargetError(
            f"{int(crossed.sum())} of {len(own)} rows have a lower bound above the upper one "
            f"({describe_cells(cells[0], crossed)}): correct or leave out these rows"
        )
    if outside.any():
        raise TargetError(
            f"{int(outside.sum())} of {len(own)} rows have a target outside its own bounds "
            f"({describe_cells(own, outside)}): leave the target empty where it is not observed"
        )


def _limit(frame: pd.DataFrame, limit: str | float | None, side: int) -> Values:
    if isinstance(limit, str):
        require_columns(frame, [limit], "truncation")
        return _or_infinite(numbers(frame[limit], "truncation column", "it must hold numbers"), side)
    return _or_infinite(np.asarray(np.nan if limit is None else float(limit)), side)


def _or_infinite(end: Values, side: int) -> Values:
    """Lower (side 0) or upper ends with minus or plus infinity where there is none."""
    return np.where(np.isnan(end), np.inf if side else -np.inf, end)


def _pairs(ends: Sequence[Values], target: TargetEncoder) -> Tensor:
    pairs = torch.from_numpy(np.stack(ends, axis=-1).astype(np.float32))
    return pairs[:, 0] if target.target_type.is_single(target.columns) else pairs
