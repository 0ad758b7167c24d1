"""Targets of different types in one row, each in a column of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd

from likelihead.errors import LikelihoodError, TargetError
from likelihead.target_types.target_type import Mask, TargetType, Values


@dataclass(frozen=True)
class JointType(TargetType):
    """A number for each target, NaN where it is missing.

    Attributes:
        parts: the target type of each target by its name.
    """

    parts: dict[str, TargetType] = field(default_factory=dict)

    name: ClassVar[str] = "joint"

    @classmethod
    def of(cls, parts: Mapping[str, TargetType]) -> JointType:
        """From the target type of each target.

        Raises:
            LikelihoodError: a family of vectors or rankings among them.
        """
        for name, part in parts.items():
            if part.is_vector:
                raise LikelihoodError(
                    f"target {name!r}: {part.family} takes a vector in each row, but a joint distribution has one "
                    "column for each of its targets"
                )
        return cls(f"joint of {', '.join(part.family for part in parts.values())}", True, dict(parts))

    @property
    def support_text(self) -> str:
        """The values that y may take, in words."""
        return "; ".join(f"{name}: {part.support_text}" for name, part in self.parts.items())

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Those of each target, in its column."""
        faults: dict[str, Mask] = {}
        for column, part in enumerate(self.parts.values()):
            for reason, mask in part.faults(values[:, [column]]).items():
                whole = faults.setdefault(reason, np.zeros(values.shape, dtype=bool))
                whole[:, [column]] |= mask
        return faults

    def check_columns(self, names: Sequence[str]) -> None:
        """Raise a TargetError unless the columns are those that have a family, in any order."""
        if set(names) != set(self.parts):
            raise TargetError(
                f"data.target names {', '.join(names)}, but the families are for {', '.join(self.parts)}: name a "
                "family for each target column"
            )

    def missing(self, frame: pd.DataFrame, names: Sequence[str]) -> Mask:
        """Rows (n,) in which every target is missing."""
        missing: Mask = frame[list(names)].isna().all(axis=1).to_numpy(dtype=bool)
        return missing
