"""Two configurations on the same splits of a table, paired: is a change of the defaults a gain?

    python examples/compare_defaults.py TABLE.csv TARGET DISTRIBUTION [SPLITS] [data options] -- FIRST [-- SECOND]

FIRST and SECOND are words of `python train.py`, such as `architecture.bins=0 callbacks.dropout=null`; without SECOND
the first is compared with the shipped defaults. A split is a seed, with which both get the same rows. The figures are
mean test log-likelihoods per row; the difference is paired, with its standard error over the splits.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]


def log_likelihood(words: list[str]) -> float:
    """The mean test log-likelihood of one run."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "train.py"), *words, "report=false", f"hydra.run.dir={folder}/run"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return -float(json.loads((Path(folder) / "run" / "metrics.json").read_text())["test"]["nll"])


def main(words: list[str]) -> None:
    cuts = [index for index, word in enumerate(words) if word == "--"] + [len(words)]
    table, target, family, *rest = words[: cuts[0]]
    splits = int(rest.pop(0)) if rest and rest[0].isdigit() else 5
    data = ["data=table", f"data.path={table}", f"data.target={target}", f"distribution={family}", *rest]
    first = words[cuts[0] + 1 : cuts[1]] if len(cuts) > 1 else []
    second = words[cuts[1] + 1 : cuts[2]] if len(cuts) > 2 else []
    pairs = np.array([
        [log_likelihood([*data, f"seed={seed}", *chosen]) for chosen in (first, second)] for seed in range(splits)
    ])  # fmt: skip
    gain = pairs[:, 1] - pairs[:, 0]
    error = gain.std(ddof=1) / np.sqrt(splits)
    means = pairs.mean(axis=0)
    print(
        f"{Path(table).parent.name} {family}: {means[0]:.4f} {means[1]:.4f} gain {gain.mean():+.4f} ± {error:.4f}",
        flush=True,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
