"""What a synthetic set is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

#: Inputs of a story by name, each (n,).
Inputs = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Story:
    """Inputs, the true distribution of y in each row, and what the target columns are called.

    Attributes:
        inputs: columns (n,) by name.
        truth: a Pyro distribution of batch_shape (n,), in float64.
        target: one name for each component of y.
        labels: for class labels and rankings, the text in the table for each index, in sorted order.
    """

    inputs: Inputs
    truth: Any
    target: list[str]
    labels: list[str] | None = None


@dataclass(frozen=True)
class Synthetic:
    """A table with a known truth.

    Attributes:
        frame: inputs and targets, n rows.
        target: the target columns.
        truth: the distribution that y was drawn from, batch_shape (n,), float64.
        y: the draw, (n,) or (n, D).
        name: of the set.
    """

    frame: pd.DataFrame
    target: list[str]
    truth: Any
    y: Tensor = field(repr=False)
    name: str = ""

    @property
    def log_prob(self) -> Tensor:
        """The oracle: the log-probability (n,) of each row's y under the truth."""
        value: Tensor = self.truth.log_prob(self.y)
        return value


Teller = Callable[[np.random.Generator, int], Story]


def tensor(values: NDArray[Any]) -> Tensor:
    """Values as float64."""
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float64))


def stack(*columns: NDArray[Any]) -> Tensor:
    """Columns (n,) as (n, D), float64."""
    return tensor(np.stack(columns, axis=-1))


def bump(values: NDArray[Any], centre: float, width: float) -> NDArray[Any]:
    """A smooth bump of height 1."""
    curve: NDArray[Any] = np.exp(-0.5 * ((values - centre) / width) ** 2)
    return curve


def rise(values: NDArray[Any], centre: float, width: float) -> NDArray[Any]:
    """A smooth step from 0 to 1."""
    curve: NDArray[Any] = 1.0 / (1.0 + np.exp(-(values - centre) / width))
    return curve
