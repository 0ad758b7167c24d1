"""Run the benchmarks and print one table: python -m tests.benchmarks [name ...] [--quick] [--output=FILE.json].

Times are processor times of one thread; the alternatives take turns in one process, and a ratio is that of the medians.
What a fit costs and how good it is, `peers`, is compared on the same splits of the same tables; `--data=FOLDER` says
where further tables are.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

# Before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugin"))

NAMES = {
    "epoch": "an epoch against a bare loop",
    "heads": "heads against hand-written losses and Pyro's classes",
    "linear": "linear models against statsmodels",
    "startup": "commands against imports",
    "growth": "time and memory as tables grow",
    "ensemble": "eight networks at once against one after another",
    "run": "a default run",
    "peers": "quality and time of a fit beside other libraries",
    "gpu": "a training step on a GPU",
}


def parsed(words: Sequence[str] | None) -> argparse.Namespace:
    """The arguments, with `names` complete."""
    parser = argparse.ArgumentParser(
        "python -m tests.benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = "\n".join(f"  {name:10}{what}" for name, what in NAMES.items())
    parser.epilog = f"names:\n{parts}"
    parser.add_argument("names", nargs="*", help="what to measure; all, if none is given")
    parser.add_argument("--quick", action="store_true", help="a few rows and repeats: to see that all runs")
    parser.add_argument("--output", type=Path, help="write the figures to this file, as JSON")
    parser.add_argument("--data", type=Path, help="a folder of tables in the layout of examples/uci_benchmark.py")
    parser.add_argument("--splits", type=int, default=5, help="splits of each table that `peers` takes (5)")
    arguments = parser.parse_args(words)
    unknown = [name for name in arguments.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; choose from {', '.join(NAMES)}")
    arguments.names = arguments.names or list(NAMES)
    return arguments


def main(words: Sequence[str] | None = None) -> None:
    """Print a line for each figure as soon as its part is done, and write all of them as JSON."""
    arguments = parsed(words)
    import torch

    from .machine import machine

    torch.set_num_threads(1)
    described = machine()
    print(described["text"])
    print(f"{'benchmark':10} {'case':44} {'against':32} {'value':>9} {'error':>7} {'goal':>6}")
    rows: list[dict[str, Any]] = []
    for name in arguments.names:
        options = {"folder": arguments.data, "splits": arguments.splits} if name == "peers" else {}
        for row in import_module(f".bench_{name}", __package__).run(arguments.quick, **options):
            print(row.line(), flush=True)
            rows.append(row.values())
        write(arguments.output, described, rows)


def write(place: Path | None, described: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Write what is known so far, so that a long run that is cut off loses nothing."""
    if place is not None:
        place.write_text(
            json.dumps({"machine": described, "rows": rows}, indent=1, allow_nan=False) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
