"""Targets that are directions in the plane."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from likelihead.target_types.target_type import (
    Mask,
    OutputColumns,
    TargetColumns,
    TargetType,
    Values,
    output_columns,
)

log = logging.getLogger("likelihead.data")

#: Angles more than one turn from 0 are taken to be in degrees.
TURN = 2.0 * np.pi


@dataclass(frozen=True)
class Angle(TargetType):
    """Angles in (−π, π], in radians or, in a table, in degrees."""

    name: ClassVar[str] = "angle"
    scores: ClassVar[tuple[str, ...]] = ("nll", "angular_error", "coverage_0.9", "width_0.9")
    figures: ClassVar[tuple[str, ...]] = ("rose", "directions", "pit", "pit_reliability", "coverage")
    response: ClassVar[str] = "direction"
    extra_parameters: ClassVar[tuple[str, ...]] = ("loc", "concentration")

    @property
    def support_text(self) -> str:
        """The values that y may take, in words."""
        return "angles in (−π, π]"

    def faults(self, values: Values, size: int | None = None) -> dict[str, Mask]:
        """Cells that are more than one turn from 0."""
        return {"more than one turn (2π) from 0": np.abs(values) > TURN}

    def advice(self) -> list[str]:
        """Suggest the other unit."""
        return ["data.angles=degrees reads degrees"]

    def suits(self, values: Values) -> bool:
        """Never: any small numbers would fit."""
        return False

    def converted(self, values: Values, names: Sequence[str]) -> Values:
        """The angles wrapped into (−π, π]; the number of rows that change is logged."""
        outside = (values <= -np.pi) | (values > np.pi)
        if outside.any():
            text = "%s: %d of %d rows were angles outside (-pi, pi] and were wrapped into it"
            log.info(text, ", ".join(names), int(outside.any(axis=1).sum()), len(values))
        wrapped = values - 2.0 * np.pi * np.ceil((values - np.pi) / (2.0 * np.pi))
        return np.where(outside, wrapped, values)

    def fit_columns(self, frame: pd.DataFrame, names: list[str], options: Mapping[str, Any]) -> TargetColumns:
        """The columns, with the unit `options["angles"]`."""
        return TargetColumns(names, angles=options["angles"])

    def read(self, frame: pd.DataFrame, columns: TargetColumns) -> Values:
        """The columns in radians, (n, D)."""
        values = super().read(frame, columns)
        return np.deg2rad(values) if columns.angles == "degrees" else values

    def threshold(self, text: str, columns: TargetColumns) -> float:
        """An angle in radians."""
        value = super().threshold(text, columns)
        return float(np.deg2rad(value)) if columns.angles == "degrees" else value

    def write(self, name: str, values: Values, columns: TargetColumns) -> OutputColumns:
        """Columns in the unit of the table."""
        return output_columns(name, np.rad2deg(values) if columns.angles == "degrees" else values, columns.names)
