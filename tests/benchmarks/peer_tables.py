"""Tables on which fits are compared: some that come with libraries, and those of a folder with standard splits."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes
from sklearn.model_selection import ShuffleSplit

from .timing import ROOT

UCI = runpy.run_path(str(ROOT / "examples" / "uci_benchmark.py"))


@dataclass(frozen=True)
class Split:
    """Training and test rows: inputs (n, p), numbers only, and targets (n,)."""

    train_x: NDArray[np.float64]
    train_y: NDArray[np.float64]
    test_x: NDArray[np.float64]
    test_y: NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """A table with a target `y`, the family of its targets, and the test rows of each split."""

    name: str
    distribution: str
    frame: pd.DataFrame
    test: list[NDArray[np.int64]]

    def splits(self, count: int) -> Iterator[Split]:
        """The first `count` splits."""
        x, y = self.frame.drop(columns="y").to_numpy(np.float64), self.frame["y"].to_numpy(np.float64)
        for rows in self.test[:count]:
            kept = np.setdiff1d(np.arange(len(y)), rows)
            yield Split(x[kept], y[kept], x[rows], y[rows])


def _random(name: str, distribution: str, frame: pd.DataFrame) -> Table:
    """A table of which a tenth is tested in each of 20 random splits."""
    splits = ShuffleSplit(20, test_size=0.1, random_state=0).split(frame)
    return Table(name, distribution, frame.reset_index(drop=True), [rows for _, rows in splits])


def tables(folder: Path | None) -> list[Table]:
    """Numbers, counts and positive numbers that come with scikit-learn and statsmodels, then those of the folder."""
    diabetes = load_diabetes(as_frame=True).frame.rename(columns={"target": "y"})
    visits = sm.datasets.randhie.load_pandas().data.rename(columns={"mdvis": "y"}).sample(1_500, random_state=0)
    spending = sm.datasets.engel.load_pandas().data.rename(columns={"foodexp": "y"})
    found = [
        _random("diabetes", "normal", diabetes),
        _random("doctor visits", "poisson", visits),
        _random("food spending", "gamma", spending),
    ]
    for place in sorted(folder.iterdir()) if folder else []:
        if (place / "splits.npz").exists():
            found.append(Table(place.name, "normal", UCI["table"](place), list(UCI["test_rows"](place))))
    return found
