"""Run the benchmarks and print one table: python -m tests.benchmarks [name ...] [--quick] [--json FILE].

Times are processor times of one thread; the alternatives take turns in one process, and a ratio is that of the medians.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib import import_module
from pathlib import Path

# Before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugin"))

NAMES = ("epoch", "heads")


def main() -> None:
    """Print a line for each figure as soon as it is known, and write all of them as JSON."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"what to measure (all): {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="a few rows and repeats: to see that all runs")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(NAMES)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}")
    import torch

    torch.set_num_threads(1)
    rows = []
    print(f"{'benchmark':10} {'case':44} {'against':28} {'value':>8} {'goal':>6}")
    for name in arguments.names or NAMES:
        for row in import_module(f"tests.benchmarks.bench_{name}").run(arguments.quick):
            goal = "" if row.goal is None else f"{row.goal:6.2f}"
            print(f"{row.benchmark:10} {row.case:44} {row.against:28} {row.value:8.3f} {goal:6} {row.unit}", flush=True)
            rows.append(row._asdict())
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
