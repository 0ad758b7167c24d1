"""A default run as typed, from the command to the prompt: `python train.py distribution=poisson`."""

from __future__ import annotations

import statistics
import tempfile
import time

from .timing import Row, child_seconds


def run(quick: bool = False) -> list[Row]:
    """Seconds by the clock, and of the processor, which other programs on the machine disturb less."""
    words = ["train.py", "distribution=poisson", *(["trainer.max_epochs=2", "data.rows=200"] if quick else [])]
    clock, processor = [], []
    for _ in range(1 if quick else 3):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            processor.append(child_seconds(*words, f"hydra.run.dir={folder}/run"))
            clock.append(time.perf_counter() - start)
    case = "python train.py distribution=poisson"
    return [
        Row("run", case, "by the clock", statistics.median(clock), 12.0, "s"),
        Row("run", case, "of the processor", statistics.median(processor), None, "s"),
    ]
