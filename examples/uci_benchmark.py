"""Test log-likelihoods of the shipped defaults, without tuning, on standard splits of regression tables.

    python examples/uci_benchmark.py FOLDER bostonHousing concrete yacht

FOLDER/<set>/ holds data.txt (numbers, no header), index_features.txt, index_target.txt and splits.npz with the rows of
each test split, as in the repository of Gal & Ghahramani (2016). Each split is one run of
`python train.py distribution=normal data=table …`; the result is the mean test log-likelihood per row, with its
standard error over the splits. `--splits=5` takes only the first five. Arguments after `--` are passed to train.py:

    python examples/uci_benchmark.py FOLDER yacht -- ensemble=8
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]


def table(folder: Path) -> pd.DataFrame:
    """The features, named by column number, and the target `y`."""
    values = np.loadtxt(folder / "data.txt")
    features = np.loadtxt(folder / "index_features.txt").astype(int)
    target = int(np.atleast_1d(np.loadtxt(folder / "index_target.txt"))[0])
    return pd.DataFrame({**{f"x{column}": values[:, column] for column in features}, "y": values[:, target]})


def test_rows(folder: Path) -> np.ndarray:
    """The rows of each test split, (splits, rows)."""
    splits = np.load(folder / "splits.npz")
    rows: np.ndarray = splits["test_index"]
    return rows


def log_likelihood(frame: pd.DataFrame, test: np.ndarray, seed: int, overrides: list[str]) -> float:
    """Train on all rows except `test`, and return the mean log-likelihood of the rows `test`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frame.drop(index=test).to_csv(folder / "train.csv", index=False)
        frame.loc[test].to_csv(folder / "test.csv", index=False)
        data = [f"data.path={folder}/train.csv", f"data.test_path={folder}/test.csv", "data.target=y"]
        run = ["distribution=normal", "data=table", *data, f"seed={seed}", f"hydra.run.dir={folder}/run", *overrides]
        command = [sys.executable, str(ROOT / "train.py"), "report=false", *run]
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        return -float(json.loads((folder / "run" / "metrics.json").read_text())["test"]["nll"])


def main(arguments: list[str]) -> None:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    sets = [word for word in arguments[:end] if not word.startswith("--splits=")]
    first = next((int(word.partition("=")[2]) for word in arguments[:end] if word.startswith("--splits=")), None)
    root, *sets = sets
    for name in sets:
        folder = Path(root) / name
        frame, splits = table(folder), test_rows(folder)
        values = [log_likelihood(frame, test, seed, arguments[end + 1 :]) for seed, test in enumerate(splits[:first])]
        error = np.std(values, ddof=1) / np.sqrt(len(values))
        print(f"{name}: {np.mean(values):.3f} ± {error:.3f} over {len(values)} splits", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
