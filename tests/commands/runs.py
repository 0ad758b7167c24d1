"""A small table, and what the tests of the commands read of a run on it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Command = Callable[..., None]
ROWS = 240


def table(path: Path) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    size, kind = generator.normal(size=ROWS), generator.choice(["a", "b"], size=ROWS)
    noise = generator.normal(size=(ROWS, 2))
    frame = pd.DataFrame(
        {
            "size": size,
            "kind": kind,
            "mass": 3.0 * size + noise[:, 0],
            "amount": np.exp(0.5 * size + 0.3 * noise[:, 1]),
            "visits": generator.poisson(np.exp(0.3 * size)),
        }
    )
    frame.to_csv(path, index=False)
    return frame


def words(directory: str, *more: str) -> list[str]:
    chosen = ["distribution=normal", "data=table", "data.path=rows.csv", "data.target=mass", "strategy=cpu"]
    features = ["data.features=[size,kind]", "data.batch_size=32"]
    return [*chosen, *features, f"hydra.run.dir={directory}", *more]


def metrics(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    return found


def epochs(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
