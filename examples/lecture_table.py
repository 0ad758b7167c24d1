"""Train each distribution of the lecture's table on its default data set, and print the results as Markdown.

    python examples/lecture_table.py                 # the thirteen distributions of the lecture
    python examples/lecture_table.py weibull ordinal # any others

Each row is one run of `python train.py distribution=NAME`; the numbers are read from its metrics.json. `way` is how far
the trained model is on the way from the marginal fit (0 %) to the true distribution (100 %), on test rows.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LECTURE = (
    "normal", "laplace", "student_t", "gaussian_mixture", "exponential", "gamma", "beta", "multivariate_normal",
    "von_mises", "bernoulli", "categorical", "poisson", "plackett_luce",
)  # fmt: skip


def train(name: str, folder: Path) -> dict[str, float]:
    """Run the command of one row; return its test, marginal and oracle NLL and its duration in seconds."""
    started = time.perf_counter()
    command = [sys.executable, str(ROOT / "train.py"), f"distribution={name}", "report=false"]
    command.append(f"hydra.run.dir={folder / name}")
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    metrics = json.loads((folder / name / "metrics.json").read_text())
    return {
        "marginal": metrics["marginal"]["nll"],
        "trained": metrics["test"]["nll"],
        "oracle": metrics["oracle"]["nll"],
        "seconds": time.perf_counter() - started,
    }


def main(names: list[str]) -> None:
    print("| command | marginal | trained | oracle | way |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            row = train(name, Path(folder))
            way = (row["marginal"] - row["trained"]) / (row["marginal"] - row["oracle"])
            numbers = f"{row['marginal']:.3f} | {row['trained']:.3f} | {row['oracle']:.3f} | {way:.1%}"
            print(f"| `python train.py distribution={name}` | {numbers} |", flush=True)
            print(f"{name}: {row['seconds']:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:] or list(LECTURE))
