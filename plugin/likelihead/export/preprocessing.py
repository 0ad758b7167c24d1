"""The encoding of a table as arithmetic on tensors, so that it can be part of an exported program."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from likelihead.data.tables.categorical_column import CategoricalColumn
from likelihead.data.tables.columns import InputColumn, ShapedColumn
from likelihead.data.tables.date_column import PERIODS, DateColumn
from likelihead.data.tables.encoder import TableEncoder
from likelihead.data.tables.formatted_column import FormattedColumn
from likelihead.data.tables.numeric_column import NumericColumn
from likelihead.errors import LikelihoodError

#: 1 January 1970 was a Thursday; weeks start on Monday.
FIRST_WEEKDAY = 3


class Preprocessing(nn.Module):
    """Maps the cells of a table (N, C), float64, to the inputs x (N, p), float32, of a network.

    Each column holds numbers, the codes of labels, or days since 1970; NaN where a cell is empty. The result is that of
    `encoder.encode`, in which a label without a code (−1) gets no category.

    >>> import pandas as pd
    >>> from likelihead.data import split_table
    >>> frame = pd.DataFrame({"age": range(100), "visits": [0, 1, 2, 3] * 25})
    >>> encoder = split_table(frame, "poisson", "visits").encoder
    >>> x = Preprocessing(encoder)(torch.tensor([[18.0], [47.0]], dtype=torch.float64))
    >>> bool((x == encoder.encode(pd.DataFrame({"age": [18, 47]}))).all())
    True
    """

    def __init__(self, encoder: TableEncoder) -> None:
        super().__init__()
        self.columns = nn.ModuleList([_module_of(column) for column in encoder.columns])

    def forward(self, cells: Tensor) -> Tensor:
        """The inputs x (N, p) of cells (N, C)."""
        if not len(self.columns):
            return cells.new_zeros((cells.shape[0], 1), dtype=torch.float32)
        return torch.cat([column(cells[:, index]) for index, column in enumerate(self.columns)], dim=1)


def _module_of(column: InputColumn) -> nn.Module:
    if isinstance(column, ShapedColumn):
        raise LikelihoodError(
            f"input column {column.name!r} holds text or arrays, which an exported program does not encode: use "
            "likelihead predict, or load(path) in Python"
        )
    if isinstance(column, FormattedColumn):
        column = column.values
    if isinstance(column, CategoricalColumn):
        return Labels(column)
    return Dates(column) if isinstance(column, DateColumn) else Numbers(column)


class Numbers(nn.Module):
    """Numbers (N,) to their standardised values and, where the column has one, the indicator of empty cells: (N, k)."""

    mean: Tensor
    scale: Tensor

    def __init__(self, column: NumericColumn) -> None:
        super().__init__()
        # Tensors, as the conversion to ONNX rounds Python's numbers to float32.
        self.register_buffer("mean", torch.tensor(column.mean, dtype=torch.float64))
        self.register_buffer("scale", torch.tensor(column.scale, dtype=torch.float64))
        self.indicator = column.indicator

    def forward(self, cells: Tensor) -> Tensor:
        missing = cells.isnan()
        standardised = ((cells - self.mean) / self.scale).masked_fill(missing, 0.0)
        return torch.stack([standardised, missing.double()] if self.indicator else [standardised], dim=1).float()


class Labels(nn.Module):
    """Codes of labels (N,) to one column per level: (N, k)."""

    def __init__(self, column: CategoricalColumn) -> None:
        super().__init__()
        self.size = len(column.names)
        self.missing_code = self.size - 1 if column.missing else -1

    def forward(self, cells: Tensor) -> Tensor:
        codes = torch.where(cells.isnan(), float(self.missing_code), cells)
        return (codes.unsqueeze(1) == torch.arange(self.size, device=cells.device)).float()


class Dates(nn.Module):
    """Days since 1970 (N,) to their trend and the sine and cosine of their position in each cycle: (N, k)."""

    first: Tensor

    def __init__(self, column: DateColumn) -> None:
        super().__init__()
        self.register_buffer("first", torch.tensor(column.first, dtype=torch.float64))
        self.cycles = column.cycles
        self.trend = Numbers(column.trend)

    def forward(self, cells: Tensor) -> Tensor:
        parts = [self.trend(cells - self.first)]
        for cycle in self.cycles:
            angle = 2.0 * torch.pi * _days_into(cells, cycle) / PERIODS[cycle]
            waves = torch.stack([angle.sin(), angle.cos()], dim=1)
            parts.append(waves.masked_fill(cells.isnan().unsqueeze(1), 0.0).float())
        return torch.cat(parts, dim=1)


def _days_into(cells: Tensor, cycle: str) -> Tensor:
    """The days, with fraction, that have passed in the current year, week or day."""
    day = cells.floor()
    # Whole seconds, as the encoder counts them; float64 keeps days since 1970 to a microsecond.
    time_of_day = ((cells - day) * 86_400.0 + 1e-3).floor() / 86_400.0
    if cycle == "week":
        shifted = day + FIRST_WEEKDAY
        return shifted - 7.0 * (shifted / 7.0).floor() + time_of_day
    return day - _new_year(day) + time_of_day if cycle == "year" else time_of_day


def _new_year(day: Tensor) -> Tensor:
    """The first day of the year that holds `day`, both in days since 1970, in the Gregorian calendar."""
    year = 1970.0 + (day / 365.2425).floor()
    # The estimate is off by one at most.
    year = torch.where(_first_day(year) > day, year - 1.0, year)
    year = torch.where(_first_day(year + 1.0) <= day, year + 1.0, year)
    return _first_day(year)


def _first_day(year: Tensor) -> Tensor:
    before = year - 1.0
    leap_days = (before / 4.0).floor() - (before / 100.0).floor() + (before / 400.0).floor()
    return 365.0 * (year - 1970.0) + leap_days - 477.0
