"""A run on graphs of the user's from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

WORDS = (
    *("distribution=normal", "architecture=graph", "data=arrays", "data.path=graphs.npz", "architecture.width=8"),
    *("trainer.max_epochs=2", "strategy=cpu", "hydra.run.dir=run"),
)


def graphs(rows: int, seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    edges = np.triu(generator.integers(0, 2, (rows, 5, 5)), 1)
    edges = edges + edges.transpose(0, 2, 1)
    return {"x": generator.normal(size=(rows, 5, 2)), "adjacency": edges, "y": edges.sum((1, 2)) / 2.0}


def test_a_run_on_graphs(in_folder: Path, command: Callable[..., None]) -> None:
    np.savez(in_folder / "graphs.npz", **graphs(120, 0))
    command("train", *WORDS, "report=true")
    assert "<h1>" in (in_folder / "run" / "report.html").read_text()
    metrics = json.loads((in_folder / "run" / "metrics.json").read_text())
    command("evaluate", "checkpoint=run", "output=scores.json")
    assert json.loads((in_folder / "scores.json").read_text())["nll"] == pytest.approx(metrics["test"]["nll"], rel=1e-9)
    new = graphs(7, 1)
    new.pop("y")
    np.savez(in_folder / "new.npz", **new)
    order = np.random.default_rng(2).permutation(5)
    np.savez(in_folder / "permuted.npz", x=new["x"][:, order], adjacency=new["adjacency"][:, order][:, :, order])
    for name in ("new", "permuted"):
        command("predict", "checkpoint=run", f"data.path={name}.npz", f"output={name}.csv")
    first, second = (pd.read_csv(in_folder / f"{name}.csv") for name in ("new", "permuted"))
    assert len(first) == 7 and "log_prob" not in first
    np.testing.assert_allclose(first, second, rtol=1e-4)


def test_a_target_at_every_node(in_folder: Path, command: Callable[..., None]) -> None:
    """The number of edges of each node; one that is not known does not count."""
    given = graphs(120, 0)
    degrees = given["adjacency"].sum(2).astype(float)
    degrees[::3, 0] = np.nan
    np.savez(in_folder / "graphs.npz", **{**given, "y": degrees})
    command("train", *WORDS, "architecture.pool=null")
    metrics = json.loads((in_folder / "run" / "metrics.json").read_text())
    assert np.isfinite(metrics["test"]["nll"])
    command("predict", "checkpoint=run", "output=predictions.csv")
    assert {f"mean.{node}" for node in range(1, 6)} <= set(pd.read_csv(in_folder / "predictions.csv"))


def test_arrays_without_edges_are_refused(
    in_folder: Path, command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(in_folder / "graphs.npz", **{key: values for key, values in graphs(120, 0).items() if key != "adjacency"})
    with pytest.raises(SystemExit) as stopped:
        command("train", *WORDS)
    assert stopped.value.code and "save an array adjacency" in capsys.readouterr().err
