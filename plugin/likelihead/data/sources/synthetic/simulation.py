"""A simulated data set before and after y is drawn, and the curves that simulators are built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

#: Input columns by name, each (n,).
Inputs = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Simulation:
    """The inputs of n rows and the true distribution of y in each of them.

    Attributes:
        inputs: columns (n,) by name.
        truth: a Pyro distribution of batch_shape (n,), in float64.
        target: the target columns, one per component of y.
        labels: the label of each class, or the name of each item of a ranking, in sorted order; None for numbers.
        exposure: the input column that is the exposure of the target; None for none.
        observed: what the table shows of y.
        text: the input column that holds text; None for none. If it is the target too, its words are.
        items: the inputs that each item of a row has of its own; the target columns then hold the rank of each item.
        graph: the input column that holds graphs, as `ArrayColumn` takes them; None for none.
    """

    inputs: Inputs
    truth: Any
    target: list[str]
    labels: list[str] | None = None
    exposure: str | None = None
    observed: Callable[[Tensor], Tensor] = lambda y: y
    text: str | None = None
    items: tuple[str, ...] = ()
    graph: str | None = None


@dataclass(frozen=True)
class Synthetic:
    """A simulated table, with the true distribution of its targets.

    Attributes:
        frame: inputs and targets, n rows.
        target: the target columns.
        truth: the distribution that y was drawn from, batch_shape (n,), float64.
        y: the targets, (n,) or (n, D).
        name: the name of the data set.
        exposure: the column that is the exposure of the target; None for none.
        text: the input column that holds text; None for none.
        items: the inputs that each item of a row has of its own.
        graph: the input column that holds graphs; None for none.
    """

    frame: pd.DataFrame
    target: list[str]
    truth: Any
    y: Tensor = field(repr=False)
    name: str = ""
    exposure: str | None = None
    text: str | None = None
    items: tuple[str, ...] = ()
    graph: str | None = None

    @property
    def log_prob(self) -> Tensor:
        """The log-probability (n,) of each row's y under the true distribution."""
        value: Tensor = self.truth.log_prob(self.y)
        return value


#: Simulates the given number of rows.
Simulator = Callable[[np.random.Generator, int], Simulation]


def tensor(values: NDArray[Any]) -> Tensor:
    """Values as float64."""
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float64))


def stack(*columns: NDArray[Any]) -> Tensor:
    """Columns (n,) as (n, D), float64."""
    return tensor(np.stack(columns, axis=-1))


def bump(values: NDArray[Any], centre: float, width: float) -> NDArray[Any]:
    """A Gaussian curve of height 1, elementwise."""
    curve: NDArray[Any] = np.exp(-0.5 * ((values - centre) / width) ** 2)
    return curve


def rise(values: NDArray[Any], centre: float, width: float) -> NDArray[Any]:
    """A logistic step from 0 to 1, elementwise."""
    curve: NDArray[Any] = 1.0 / (1.0 + np.exp(-(values - centre) / width))
    return curve
