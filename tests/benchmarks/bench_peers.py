"""Quality and time of default fits side by side: likelihead and the libraries that are installed, on the same splits.

For each table and fit: the mean log-likelihood of the test rows (higher is better), their mean continuous ranked
probability score (lower is better) and the processor seconds of fit and prediction with one thread, each a mean over
splits with its standard error. likelihead runs as typed, with all its files except the report.
"""

from __future__ import annotations

import json
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scoringrules

from .peer_tables import Split, Table, tables
from .peers import PEERS
from .timing import Row, run_command


class Scores(NamedTuple):
    """Of one fit on one split: mean log-likelihood and CRPS of the test rows, and seconds of fit and prediction."""

    log_likelihood: float
    crps: float
    seconds: float


UNITS = {"log_likelihood": "nats", "crps": "", "seconds": "s"}


def of_likelihead(distribution: str, *overrides: str) -> Callable[[Split], Scores]:
    """`likelihead train` on the rows of a split."""

    def fit(split: Split) -> Scores:
        with tempfile.TemporaryDirectory() as folder:
            for part, x, y in (("train", split.train_x, split.train_y), ("test", split.test_x, split.test_y)):
                names = [f"x{column}" for column in range(x.shape[1])]
                pd.DataFrame(x, columns=names).assign(y=y).to_csv(f"{folder}/{part}.csv", index=False)
            start = time.process_time()
            run_command([
                "train", f"distribution={distribution}", "data=table", f"data.path={folder}/train.csv",
                f"data.test_path={folder}/test.csv", "data.target=y", "report=false", f"hydra.run.dir={folder}/run",
                *overrides,
            ])  # fmt: skip
            seconds = time.process_time() - start
            found = json.loads(Path(folder, "run", "metrics.json").read_text())["test"]
        return Scores(-found["nll"], found["crps"], seconds)

    return fit


def of_peer(adapter: Callable[[Split], Any]) -> Callable[[Split], Scores]:
    """An adapter's fit, scored by scipy's log-density and closed forms of the CRPS."""

    def fit(split: Split) -> Scores:
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            predicted = adapter(split)
        seconds = time.process_time() - start
        return Scores(log_likelihood(predicted, split.test_y), crps(predicted, split.test_y), seconds)

    return fit


def log_likelihood(predicted: Any, y: Any) -> float:
    """The mean log-density, or log-mass, of y under a frozen distribution of scipy."""
    score = predicted.logpdf if hasattr(predicted.dist, "pdf") else predicted.logpmf
    return float(np.mean(score(y)))


def crps(predicted: Any, y: Any) -> float:
    """The mean CRPS of y under a frozen normal, Poisson or gamma distribution of scipy."""
    name, (args, options) = predicted.dist.name, (predicted.args, predicted.kwds)
    if name == "norm":
        values = scoringrules.crps_normal(y, *args)
    elif name == "poisson":
        values = scoringrules.crps_poisson(y, *args)
    else:
        values = scoringrules.crps_gamma(y, *args, scale=options["scale"])
    return float(np.mean(values))


def fits(distribution: str) -> dict[str, Callable[[Split], Scores]]:
    """What is compared on a table of this family, by name: ours, then each installed peer that has the family."""
    found = {
        "likelihead": of_likelihead(distribution),
        "likelihead, ensemble=8": of_likelihead(distribution, "ensemble=8"),
    }
    for name, peer in PEERS.items():
        if distribution in peer.adapters and peer.is_installed():
            found[name] = of_peer(peer.adapters[distribution])
    return found  # fmt: skip


def compared(table: Table, splits: int, quick: bool) -> list[Row]:
    """All fits of one table; on each split they take turns."""
    chosen = fits(table.distribution)
    if quick:
        chosen["likelihead"] = of_likelihead(table.distribution, "trainer.max_epochs=2")
        del chosen["likelihead, ensemble=8"]
    scores: dict[str, list[Scores]] = {name: [] for name in chosen}
    for split in table.splits(splits):
        for name, fit in chosen.items():
            scores[name].append(fit(split))
    return [row for name, found in scores.items() for row in summary(table.name, name, found)]


def summary(table: str, name: str, scores: list[Scores]) -> list[Row]:
    """Means over splits with standard errors."""
    rows = []
    for field, unit in UNITS.items():
        values = [getattr(each, field) for each in scores]
        error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
        rows.append(
            Row("peers", f"{table}: {field.replace('_', '-')}", name, float(np.mean(values)), None, unit, error)
        )
    return rows


def run(quick: bool = False, folder: Path | None = None, splits: int = 5) -> Iterator[Row]:
    """All tables; says which peers are not installed."""
    missing = [name for name, peer in PEERS.items() if not peer.is_installed()]
    if missing:
        print(f"Cannot be imported, so not compared: {', '.join(missing)}.")
    for table in tables(folder)[2:3] if quick else tables(folder):
        yield from compared(table, 1 if quick else splits, quick)
