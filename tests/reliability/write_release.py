"""python tests/reliability/write_release.py keeps small checkpoints of this release, and what they predict.

Run it once for each release; the files are never changed afterwards, and every later version has to load them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from sklearn.datasets import load_diabetes

from likelihead import load

RELEASES = Path(__file__).parent / "releases"
RUNS = {
    "linear": ["distribution=normal", "architecture=linear"],
    "mlp": ["distribution=gamma", "architecture.width=4", "architecture.bins=3", "architecture.embedding_size=2"],
    "ensemble": ["distribution=student_t", "architecture=linear", "ensemble=3"],
}
ROWS = 5


def main() -> None:
    RELEASES.mkdir(exist_ok=True)
    for name, words in RUNS.items():
        file = RELEASES / f"{version('likelihead')}-{name}.ckpt"
        with tempfile.TemporaryDirectory() as folder:
            given = [*words, "data=diabetes", "strategy=cpu", "trainer.max_epochs=3", f"hydra.run.dir={folder}/run"]
            subprocess.run([sys.executable, "-m", "likelihead", "train", *given], check=True)
            shutil.copy(Path(folder) / "run" / "checkpoints" / "best.ckpt", file)
        load(file).predict(load_diabetes(as_frame=True).data.head(ROWS)).to_csv(file.with_suffix(".csv"), index=False)


if __name__ == "__main__":
    main()
