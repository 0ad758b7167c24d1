"""The long tests of reliability: python tests/reliability/long.py injects faults and writes docs/reliability.md.

With words, as in long.py "two processes", only the faults that one of them occurs in; the other rows stay.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "plugin"), str(ROOT / "tests")]

from reliability import faults  # noqa: E402
from reliability.interrupted_fits import MEMBERS, STEPS, STEPS_OF_ENSEMBLE, KillAfter, differences, trained  # noqa: E402

#: 90 rows in steps of 40, for four epochs.
STEPS_ON_TWO = 12
#: 90 rows in steps of 20, for three epochs, after which training stops early.
STEPS_TOGETHER = 15
#: Where half of the saves go, so that they and the temporary folder are on different file systems.
OTHER_DISK = Path("/dev/shm")
HEAD = """# Reliability

`python tests/reliability/long.py` injects the faults of this table and writes this page. A fault is survived where
nothing is lost: the run resumes and ends with the same bytes (metrics.csv, metrics.json, weights) as the uninterrupted
one, or the command ends with one sentence and a status other than 0, and every checkpoint that it left loads. The rows
are not all of the same run: the script can also inject some of the faults.

| fault | injected | survived | lost |
|---|---|---|---|
"""


def stopped_at_each_step(folder: Path) -> Iterable[bool]:
    for kind in ("tensors", "loader", "two workers"):
        for accumulated in (1, 2):
            whole = folder / f"{kind}-{accumulated}"
            trained(whole, "plateau", kind, accumulated)
            for step in range(1, STEPS + 1):
                run = folder / f"{kind}-{accumulated}-{step}"
                stopped = not trained(run, "plateau", kind, accumulated, stop=KillAfter(step))
                ended = trained(run, "plateau", kind, accumulated, resume=run / "checkpoints" / "last.ckpt")
                yield stopped and ended and differences(run, whole) == []


def stopped_on_two_processes(folder: Path) -> Iterable[bool]:
    whole = folder / "whole"
    faults.run(faults.fit_in_a_process(whole, devices=2))
    for step in range(1, STEPS_ON_TWO + 1):
        yield faults.stopped_on_two_processes(folder, whole, step)


def ensemble_stopped_at_each_step(folder: Path) -> Iterable[bool]:
    for accumulated in (1, 2):
        whole = folder / f"{accumulated}"
        trained(whole, "plateau", "tensors", accumulated, members=MEMBERS)
        for step in range(1, STEPS_OF_ENSEMBLE + 1):
            run, options = folder / f"{accumulated}-{step}", {"accumulated": accumulated, "members": MEMBERS}
            stopped = not trained(run, "plateau", "tensors", stop=KillAfter(step), **options)
            ended = trained(run, "plateau", "tensors", resume=run / "checkpoints" / "last.ckpt", **options)
            yield stopped and ended and differences(run, whole) == []


def everything_together_stopped_at_each_step(folder: Path) -> Iterable[bool]:
    whole = folder / "whole"
    faults.run(faults.fit_in_a_process(whole, devices=2, kind="two workers"))
    for step in range(1, STEPS_TOGETHER + 1):
        yield faults.stopped_on_two_processes(folder, whole, step, kind="two workers")


def ensemble_killed_at_random(folder: Path) -> Iterable[bool]:
    trained(folder / "whole", "plateau", "tensors", members=MEMBERS)
    chance = random.Random(0)
    for number in range(20):
        moment = chance.uniform(0.0, 0.4)
        yield faults.killed_at_random(folder, folder / "whole", f"killed-{number}", moment, members=MEMBERS)


def killed_at_random(folder: Path) -> Iterable[bool]:
    trained(folder / "whole", "plateau", "tensors")
    chance = random.Random(0)
    for number in range(20):
        yield faults.killed_at_random(folder, folder / "whole", f"killed-{number}", chance.uniform(0.0, 0.4))


def killed_while_saving(folder: Path) -> Iterable[bool]:
    chance = random.Random(0)
    for _ in range(50):
        yield faults.killed_while_saving(folder / "last.ckpt", chance.uniform(0.0, 0.1), folder)


def killed_while_saving_elsewhere(folder: Path) -> Iterable[bool]:
    chance = random.Random(1)
    with tempfile.TemporaryDirectory(dir=OTHER_DISK) as other:
        for _ in range(50):
            yield faults.killed_while_saving(Path(other) / "last.ckpt", chance.uniform(0.0, 0.1), folder)


def metrics_cut_off(folder: Path) -> Iterable[bool]:
    whole, run = folder / "whole", folder / "run"
    trained(whole, "plateau", "tensors")
    trained(run, "plateau", "tensors", stop=KillAfter(12))
    written, checkpoint = (run / "metrics.csv").read_bytes(), (run / "checkpoints" / "last.ckpt").read_bytes()
    for length in range(0, len(written) + 1, 3):
        (run / "metrics.csv").write_bytes(written[:length])
        (run / "checkpoints" / "last.ckpt").write_bytes(checkpoint)
        trained(run, "plateau", "tensors", resume=run / "checkpoints" / "last.ckpt")
        yield (run / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()


def full_disks(folder: Path) -> Iterable[bool]:
    for free in (200, 900, 1100, 1300, 1500, 1600, 1700, 1800, 2000, 4000):
        yield faults.full_disk(folder, free)


def limited_files(folder: Path) -> Iterable[bool]:
    for largest in (1, 8, 100, 1100, 2000):
        yield faults.limited_files(folder, largest)


def damaged_last(folder: Path) -> Iterable[bool]:
    faults.likelihead(folder, "train", *faults.WORDS, "hydra.run.dir=run")
    for share in (0.0, 0.3, 0.7, 0.99):
        yield faults.damaged_last(folder / "run", folder, share)


def flipped_bits(folder: Path) -> Iterable[bool]:
    for seed in range(1000):
        yield faults.flipped_bits(faults.linear(folder), folder / "flipped.ckpt", seed)


def changed_values(folder: Path) -> Iterable[bool]:
    for seed in range(2000):
        yield faults.changed_value(faults.linear(folder), folder / "changed.ckpt", seed)


FAULTS: dict[str, Callable[[Path], Iterable[bool]]] = {
    "SIGTERM after each step of four epochs (tensors, a DataLoader, two workers; accumulation 1 and 2)": (
        stopped_at_each_step
    ),
    "SIGTERM after each step of four epochs, on two processes": stopped_on_two_processes,
    "SIGTERM after each step of three epochs, all together: two processes, two workers each, dropout, a schedule, "
    "early stopping": everything_together_stopped_at_each_step,
    "SIGTERM after each step of four epochs of an ensemble (accumulation 1 and 2)": ensemble_stopped_at_each_step,
    "kill −9 at a random moment of a run": killed_at_random,
    "kill −9 at a random moment of an ensemble": ensemble_killed_at_random,
    "kill −9 while saving": killed_while_saving,
    "kill −9 while saving, temporary folder on another file system": killed_while_saving_elsewhere,
    "metrics.csv cut off at every third byte": metrics_cut_off,
    "a disk of 200 KiB to 4 MiB": full_disks,
    "no file above 1 KiB to 2 MiB (`ulimit -f`)": limited_files,
    "last.ckpt cut off": damaged_last,
    "twenty flipped bits in a checkpoint": flipped_bits,
    "a changed value in a checkpoint": changed_values,
}


def rows(page: Path) -> dict[str, str]:
    """The rows of a page by their fault."""
    lines = page.read_text(encoding="utf-8").splitlines() if page.is_file() else []
    return {line.split("|")[1].strip(): line for line in lines if line.startswith("| ")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="words of the faults to inject; all of them if none is given")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "reliability.md")
    chosen = parser.parse_args()
    known = rows(chosen.output)
    for fault, inject in FAULTS.items():
        if chosen.words and not any(word in fault for word in chosen.words):
            continue
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            survived = list(inject(Path(folder)))
        known[fault] = f"| {fault} | {len(survived)} | {sum(survived)} | {len(survived) - sum(survived)} |"
        print(f"{known[fault]} {(time.monotonic() - start) / 60.0:.0f} minutes", flush=True)
        chosen.output.parent.mkdir(parents=True, exist_ok=True)
        table = "\n".join(known[name] for name in FAULTS if name in known)
        chosen.output.write_text(HEAD + table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
