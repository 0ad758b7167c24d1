"""Peak memory and rows per second of data.stream=true beside the in-memory path, on a table made on the spot.

python tests/benchmarks/bench_stream.py --rows 50000000 --only stream
python tests/benchmarks/bench_stream.py --rows 1000000
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COLUMNS, GROUP_ROWS, FILE_ROWS, BATCH = 20, 100_000, 1_000_000, 8192


def make(folder: Path, rows: int) -> None:
    """Write a table of 20 standard normal inputs and a target, some files of ten row groups each."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    for start in range(0, rows, FILE_ROWS):
        count = min(FILE_ROWS, rows - start)
        x = rng.normal(size=(COLUMNS, count)).astype(np.float32)
        y = x[0] + x[1] * x[2] + rng.normal(size=count).astype(np.float32)
        columns = {**{f"x{index}": column for index, column in enumerate(x)}, "y": y}
        pq.write_table(pa.table(columns), folder / f"{start:012d}.parquet", row_group_size=GROUP_ROWS)


def status(name: str) -> int:
    """A memory figure of this process in MB, as Linux counts it."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) // 1024


def measure(folder: Path, stream: bool) -> None:
    """Print what one epoch takes: the memory above that of the libraries at rest, and rows per second."""
    import torch

    from likelihead import DistributionHead, LikelihoodModule, fit
    from likelihead.data import load_data

    network = torch.nn.Sequential(torch.nn.Linear(COLUMNS, 64), torch.nn.SiLU(), torch.nn.Linear(64, 64))
    module = LikelihoodModule(network, DistributionHead("normal", in_features=64))
    warm = torch.randn(256, COLUMNS), torch.randn(256)
    fit(LikelihoodModule(torch.nn.Identity(), DistributionHead("normal", in_features=COLUMNS)), warm, max_epochs=1)
    at_rest = status("VmRSS")
    start = time.perf_counter()
    options = {"kind": "table", "path": str(folder), "target": "y", "stream": stream}
    data = load_data("normal", options, seed=0)
    loaded, loaded_peak = time.perf_counter(), status("VmHWM")
    Path("/proc/self/clear_refs").write_text("5")  # the peak from here on
    outcome = fit(module, data, max_epochs=1, batch_size=BATCH)
    assert outcome is not None
    seconds = time.perf_counter() - loaded
    rows = sum(len(part) for part in data.parts.values())
    found = {
        "path": "stream" if stream else "memory",
        "rows": rows,
        "float32 MB": rows * COLUMNS * 4 // 1_000_000,
        "loading peak MB": loaded_peak - at_rest,
        "training peak MB": status("VmHWM") - at_rest,
        "loading s": round(loaded - start, 1),
        "epoch and scores s": round(seconds, 1),
        "rows/s": round(rows / seconds),
        "test nll": round(outcome.metrics["test"]["nll"], 4),
    }
    print(json.dumps(found), flush=True)


def main() -> None:
    """Make the table, and measure each path in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["stream", "memory"])
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure, given.only == "stream")
        return
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), given.rows)
        for path in ("stream", "memory"):
            if given.only in (None, path):
                subprocess.run([sys.executable, __file__, "--measure", folder, "--only", path], check=True)


if __name__ == "__main__":
    main()
