"""The encoder of a target with a value at every site of a row: the pixels of an image, the words of a text."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from likelihead.data.tables.array_column import stacked
from likelihead.data.tables.target_encoder import TargetEncoder
from likelihead.data.tables.text_column import TextColumn, words_of
from likelihead.errors import TargetError
from likelihead.target_types.cells import require_columns
from likelihead.target_types.target_type import TargetColumns, TargetType

log = logging.getLogger("likelihead.data")


@dataclass(frozen=True)
class SiteTargetEncoder:
    """Encodes a target column as y (n, *sites) and a mask, False at sites without a target.

    The cells are arrays, NaN or None where a site has no target; or texts, of which the target at each place is the
    next word.

    Attributes:
        name: the target column.
        sites: the shape of the sites of a row.
        site: the encoder of the target at a site.
        is_text: whether the cells are texts.
    """

    name: str
    sites: list[int]
    site: TargetEncoder
    is_text: bool = False

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        target_type: TargetType,
        name: str,
        options: Mapping[str, Any],
        text: TextColumn | None = None,
    ) -> SiteTargetEncoder:
        """Fit the encoder to the training rows.

        Args:
            frame: the training rows only.
            target_type: the target type of the family.
            name: the target column.
            options: as in `TargetEncoder.fit`.
            text: the encoder of the texts, whose places and vocabulary the targets have; None for arrays.

        Raises:
            LikelihoodError: arrays of several shapes.
            TargetError: a target that the family cannot take.
        """
        if target_type.is_vector or target_type.has_items:
            raise TargetError(
                f"target column {name!r} holds a value at every site, but {target_type.family} takes a vector in each "
                "row: take a family of single values, such as categorical or normal"
            )
        cells = stacked(frame[name], "target column") if text is None else _next_words(frame[name], text.length)
        known = _column(name, cells)[~_is_empty(cells).ravel()]
        known = known if text is None else known[known.isin(text.words)]
        if not len(known):
            raise TargetError(f"target column {name!r} is empty at every site of the training rows")
        site = TargetEncoder.fit(known.reset_index(drop=True).to_frame(), target_type, [name], options)
        sites = list(cells.shape[1:])
        site = replace(site, columns=replace(site.columns, sites=len(sites)))
        return cls(name, sites, site, text is not None)

    @property
    def target_type(self) -> TargetType:
        """The target type at a site."""
        return self.site.target_type

    @property
    def names(self) -> list[str]:
        """The names of the target columns: one."""
        return [self.name]

    @property
    def columns(self) -> TargetColumns:
        """What was fitted to the target."""
        return self.site.columns

    @property
    def class_count(self) -> int | None:
        """The number of classes; None for other targets."""
        return self.site.class_count

    def part(self, name: str) -> TargetEncoder:
        """The encoder of the target at a site."""
        return self.site

    def _cells(self, frame: pd.DataFrame) -> NDArray[Any]:
        require_columns(frame, [self.name], "target")
        if self.is_text:
            return _next_words(frame[self.name], self.sites[0])
        cells = stacked(frame[self.name], "target column")
        if list(cells.shape[1:]) != self.sites:
            raise TargetError(
                f"target column {self.name!r} holds arrays of shape {cells.shape[1:]}, but those of the training rows "
                f"have {tuple(self.sites)}"
            )
        return cells

    def encode_sites(self, frame: pd.DataFrame) -> tuple[Tensor, Tensor | None]:
        """The targets (n, *sites) and the mask, None where every site has one; words that are not known have none.

        Raises:
            TargetError: a value outside the support, or a label that no training row has.
        """
        cells = self._cells(frame)
        column = _column(self.name, cells)
        known = ~_is_empty(cells).ravel()
        if self.is_text:
            usable = column[known].isin(self.columns.labels or []).to_numpy(dtype=bool)
            if not usable.all():
                text = "target column %r: %d of %d words are not in the training rows and do not count"
                log.info(text, self.name, int((~usable).sum()), len(usable))
            known[known] = usable
        y = torch.zeros(len(column), dtype=self.target_type.dtype)
        if known.any():
            rows = np.repeat(np.asarray(frame.index), int(np.prod(self.sites)))[known]
            values = self.site.encode(pd.DataFrame({self.name: column[known].to_numpy()}, index=rows))
            y[:] = values[0]
            y[torch.from_numpy(known)] = values
        mask = torch.from_numpy(known.reshape(cells.shape))
        return y.reshape(cells.shape), None if known.all() else mask

    def encode(self, frame: pd.DataFrame) -> Tensor:
        """The targets y of `encode_sites`."""
        return self.encode_sites(frame)[0]

    def usable_rows(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """The rows (n,) with a target: those whose cell is not empty."""
        return ~self.target_type.missing(frame, self.names)

    def state(self) -> dict[str, Any]:
        """The encoder as plain values."""
        return {"sites": self.sites, "name": self.name, "site": self.site.state(), "is_text": self.is_text}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> SiteTargetEncoder:
        """Rebuild an encoder from its `state()`."""
        return cls(state["name"], state["sites"], TargetEncoder.from_state(state["site"]), state["is_text"])


def _next_words(series: pd.Series, length: int) -> NDArray[Any]:
    """The word after each place, (n, length); None where the text has ended."""
    cells = np.full((len(series), length), None, dtype=object)
    for row, text in enumerate(series):
        words: Sequence[str] = words_of(text)[1 : length + 1]
        cells[row, : len(words)] = words
    return cells


def _column(name: str, cells: NDArray[Any]) -> pd.Series:
    return pd.Series(cells.ravel(), name=name)


def _is_empty(cells: NDArray[Any]) -> NDArray[np.bool_]:
    empty: NDArray[np.bool_] = pd.isna(cells)
    return empty
