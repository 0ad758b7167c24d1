"""The encoder of target columns of different families, each by itself, with its missing cells masked."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from likelihead.data.tables.array_column import has_arrays
from likelihead.data.tables.site_target_encoder import SiteTargetEncoder
from likelihead.data.tables.target_encoder import TargetEncoder
from likelihead.data.tables.text_column import TextColumn
from likelihead.errors import TargetError
from likelihead.target_types.cells import as_list, require_columns
from likelihead.target_types.joint import JointType
from likelihead.target_types.target_type import TargetColumns, TargetType

log = logging.getLogger("likelihead.data")


@dataclass(frozen=True)
class JointTargetEncoder:
    """Encodes target columns as y (n, D), NaN where a cell is empty.

    Attributes:
        parts: the encoder of each target by its column, in the order of the families.
    """

    parts: dict[str, TargetEncoder]

    @classmethod
    def fit(
        cls, frame: pd.DataFrame, target_type: JointType, columns: str | Sequence[str], options: Mapping[str, Any]
    ) -> JointTargetEncoder:
        """Fit the encoder of each target to the training rows in which it is known.

        Raises:
            LikelihoodError: a missing column.
            TargetError: columns other than those that have a family, or that cannot be targets of it.
        """
        target_type.check_columns(as_list(columns))
        require_columns(frame, target_type.parts, "target")
        parts = {}
        for name, part in target_type.parts.items():
            known = frame[name].notna()
            if not known.any():
                raise TargetError(f"target column {name!r} is empty in every training row: leave it out")
            parts[name] = TargetEncoder.fit(frame[known], part, [name], options)
            if not known.all():
                text = "%s: %d of %d training rows have no label; they count for the other targets"
                log.info(text, name, int((~known).sum()), len(frame))
        return cls(parts)

    @property
    def target_type(self) -> JointType:
        """The target types of all targets."""
        return JointType.of({name: part.target_type for name, part in self.parts.items()})

    @property
    def names(self) -> list[str]:
        """The names of the target columns."""
        return list(self.parts)

    @property
    def columns(self) -> dict[str, TargetColumns]:
        """What was fitted to each target column."""
        return {name: part.columns for name, part in self.parts.items()}

    @property
    def class_count(self) -> dict[str, int | None]:
        """The number of classes of each target; None for other targets."""
        return {name: part.class_count for name, part in self.parts.items()}

    def part(self, name: str) -> TargetEncoder:
        """The encoder of a target column."""
        return self.parts[name]

    def encode(self, frame: pd.DataFrame) -> Tensor:
        """The targets (n, D) float32, checked; NaN where a cell is empty.

        Raises:
            TargetError: a row without any label, a value outside the support of its family, or a label that no training
                row has.
        """
        require_columns(frame, self.names, "target")
        empty = self.target_type.missing(frame, self.names)
        if empty.any():
            raise TargetError(
                f"target columns {', '.join(self.names)}: {int(empty.sum())} of {len(frame)} rows have no label at all "
                f"(missing; the first is row {frame.index[np.flatnonzero(empty)[0]]}): leave them out, or "
                "data.missing_target=drop"
            )
        y = torch.full((len(frame), len(self.parts)), torch.nan)
        for column, (name, part) in enumerate(self.parts.items()):
            known = frame[name].notna().to_numpy(dtype=bool, copy=True)
            if known.any():
                y[torch.from_numpy(known), column] = part.encode(frame[known]).float()
        return y

    def usable_rows(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """The rows (n,) that have a target, and none that `encode` cannot take."""
        usable = ~self.target_type.missing(frame, self.names)
        for name, part in self.parts.items():
            known = np.flatnonzero(frame[name].notna())
            usable[known] &= part.usable_rows(frame.iloc[known])
        return usable

    def state(self) -> dict[str, Any]:
        """The encoder as plain values."""
        return {"joint": {name: part.state() for name, part in self.parts.items()}}


#: The encoder of one family's target, at every site of a row, or of several targets.
AnyTargetEncoder = TargetEncoder | SiteTargetEncoder | JointTargetEncoder


def fit_target(
    frame: pd.DataFrame, target_type: TargetType, columns: Sequence[str], options: Mapping[str, Any]
) -> AnyTargetEncoder:
    """Fit the encoder of the target columns to the training rows; a text that is also the input predicts its words."""
    if len(columns) == 1 and columns[0] == options["text"]:
        text = TextColumn.fit(frame[columns[0]], options["max_words"], options["max_length"])
        return SiteTargetEncoder.fit(frame, target_type, columns[0], options, text)
    if len(columns) == 1 and has_arrays(frame[columns[0]]):
        return SiteTargetEncoder.fit(frame, target_type, columns[0], options)
    if isinstance(target_type, JointType):
        return JointTargetEncoder.fit(frame, target_type, columns, options)
    return TargetEncoder.fit(frame, target_type, columns, options)


def target_from_state(state: Mapping[str, Any]) -> AnyTargetEncoder:
    """Rebuild an encoder from its `state()`.

    Raises:
        LikelihoodError: an earlier version wrote the state.
    """
    if "site" in state:
        return SiteTargetEncoder.from_state(state)
    if "joint" in state:
        return JointTargetEncoder({name: TargetEncoder.from_state(part) for name, part in state["joint"].items()})
    return TargetEncoder.from_state(state)


def encode_with_mask(target: AnyTargetEncoder, frame: pd.DataFrame) -> tuple[Tensor, Tensor | None]:
    """The targets y of a table, checked, and the mask of sites without one; None where there are no such sites."""
    return target.encode_sites(frame) if isinstance(target, SiteTargetEncoder) else (target.encode(frame), None)
