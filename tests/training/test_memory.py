"""The memory of training, against the size of the table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[1] / "benchmarks" / "bench_stream.py"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux counts the peak memory of a process")
def test_training_takes_at_most_three_times_the_table(environment: dict[str, str]) -> None:
    command = [sys.executable, str(BENCHMARK), "--rows", "1000000"]
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    stream, memory = map(json.loads, output.splitlines())
    assert memory["training peak MB"] < 3 * memory["float32 MB"]
    # constant: what a slice, a buffer of rows and a batch take
    assert stream["training peak MB"] < 500
    assert stream["rows"] == memory["rows"] == 1_000_000
