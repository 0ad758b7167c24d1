"""Faults that are injected into runs: each function returns whether nothing was lost. Few are tests, many the table."""

from __future__ import annotations

import copy
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from reliability.interrupted_fits import differences

from likelihead import LikelihoodError, LikelihoodModule, fit, load
from likelihead.training.checkpoint import read
from likelihead.training.checkpoint_files import checksum

ROOT = Path(__file__).resolve().parents[2]
SAVER = """
import sys, torch
from likelihead.training.checkpoint_files import AtomicCheckpointIO
path, version = sys.argv[1], 0
while True:
    version += 1
    weight = torch.full((500_000,), float(version))
    AtomicCheckpointIO().save_checkpoint({"state_dict": {"weight": weight}, "likelihead": {}, "version": version}, path)
    print(version, flush=True)
"""
FIT = """
import sys
from pathlib import Path
from reliability.interrupted_fits import KillAfter, trained
directory, step, devices, resumes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "resume"
options = {"accelerator": "cpu", "devices": devices, "strategy": "ddp" if devices > 1 else "auto"}
kind, options["members"] = sys.argv[5], int(sys.argv[6])
if kind == "two workers":  # No epoch improves on the first by ten nats: training ends after two more.
    options |= {"max_epochs": 9, "early_stopping": {"patience": 2, "min_delta": 10.0}}
last = directory / "checkpoints" / "last.ckpt"
if resumes and last.is_file():
    options["resume"] = last
stop = KillAfter(step) if step else None
sys.exit(0 if trained(directory, "plateau", kind, stop=stop, **options) else 143)
"""
WORDS = ["distribution=normal", "data.rows=120", "trainer.max_epochs=3", "strategy=cpu", "seed=1"]


def environment(**more: str) -> dict[str, str]:
    """What a process needs to find the package and these tests."""
    folders = [str(ROOT / "plugin"), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "PYTHONWARNINGS": "ignore", **more}


def likelihead(folder: Path, *words: str, before: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own; `before` is called in it first."""
    command = [sys.executable, "-m", "likelihead", *words]
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False, preexec_fn=before
    )


def is_refusal(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether a command ended with a sentence and a status of its own."""
    return done.returncode == 1 and "error: " in done.stderr and "Traceback" not in done.stdout + done.stderr


def loads(run: Path) -> bool:
    """Whether the checkpoints of a run load, if it has any."""
    try:
        return all(load(file).head is not None for file in (run / "checkpoints").glob("*.ckpt"))
    except LikelihoodError:
        return False


def killed_while_saving(path: Path, moment: float, temporary: Path) -> bool:
    """Kill a process that saves again and again; the newest file or the one before is whole."""
    command = [sys.executable, "-c", SAVER, str(path)]
    options = {"stdout": subprocess.PIPE, "text": True, "env": environment(TMPDIR=str(temporary))}
    with subprocess.Popen(command, **options) as process:  # type: ignore[call-overload]
        process.stdout.readline()
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        printed = [1, *map(int, process.stdout.read().split())]
    found = torch.load(path, weights_only=True)
    is_new = printed[-1] <= found["version"] <= printed[-1] + 1
    return bool(is_new and found["likelihead"]["checksum"] == checksum(found["state_dict"]))


def fit_in_a_process(
    directory: Path, step: int = 0, devices: int = 1, resumes: bool = False, kind: str = "tensors", members: int = 0
) -> list[str]:
    """The command of a small fit, stopped by SIGTERM after a step if one is given."""
    script = directory.parent / "fit.py"
    script.write_text(FIT, encoding="utf-8")
    words = [str(directory), str(step), str(devices), "resume" if resumes else "start", kind, str(members)]
    return [sys.executable, str(script), *words]


def run(command: list[str]) -> int:
    """The exit status of a small fit."""
    return subprocess.run(command, env=environment(), capture_output=True, check=False, timeout=300).returncode


def linear(folder: Path) -> Path:
    """A checkpoint of a linear model of three inputs."""
    file = folder / "checkpoints" / "best.ckpt"
    if not file.is_file():
        x, y = torch.rand(40, 3), torch.rand(40)
        fit(LikelihoodModule.for_data((x, y), "normal", "linear"), (x, y), max_epochs=1, directory=folder)
    return file


def stopped_on_two_processes(folder: Path, whole: Path, step: int, **options: Any) -> bool:
    """Stop a fit on two processes after a step, resume it, and compare it with the uninterrupted one."""
    place = folder / f"two-{step}"
    stopped = run(fit_in_a_process(place, step, 2, **options))
    resumed = run(fit_in_a_process(place, 0, 2, resumes=True, **options))
    return (stopped, resumed) == (143, 0) and differences(place, whole) == []


def killed_at_random(folder: Path, whole: Path, name: str, moment: float, **options: Any) -> bool:
    """Kill a fit some seconds after its first epoch, resume it, and compare it with the uninterrupted one."""
    place = folder / name
    with subprocess.Popen(fit_in_a_process(place, **options), env=environment()) as process:
        while process.poll() is None and not (place / "metrics.csv").is_file():
            time.sleep(0.005)
        time.sleep(moment)
        process.kill()
    return run(fit_in_a_process(place, resumes=True, **options)) == 0 and differences(place, whole) == []


def full_disk(folder: Path, free: int) -> bool:
    """Train on a disk of some KiB; without room a sentence says so, and what was saved loads."""
    disk = folder / f"disk-{free}"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={free}k", "tmpfs", str(disk)], check=True)
    try:
        done = likelihead(folder, "train", *WORDS, f"hydra.run.dir={disk / 'run'}")
        return (done.returncode == 0 or is_refusal(done)) and loads(disk / "run")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def limited_files(folder: Path, largest: int) -> bool:
    """Train where no file may have more than some KiB."""
    limit = (largest * 1024, largest * 1024)
    run = folder / f"limit-{largest}"
    done = likelihead(
        folder, "train", *WORDS, f"hydra.run.dir={run}", before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    )
    return (done.returncode == 0 or is_refusal(done)) and loads(run)


def flipped_bits(whole: Path, file: Path, seed: int) -> bool:
    """Flip twenty bits: the file is refused in a sentence, or holds the weights that were written."""
    data, chance = bytearray(whole.read_bytes()), random.Random(seed)
    for _ in range(20):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    file.write_bytes(bytes(data))
    try:
        module = load(file)
    except LikelihoodError as error:
        return "\n" not in str(error)
    expected = read(whole)["state_dict"]
    return all(torch.equal(value, expected[name]) for name, value in module.state_dict().items())


#: What a plain value of a checkpoint is changed to.
VALUES = [None, -1, 0, 3, 10**12, 1.5, float("nan"), "", "os.system", "../x", [], [1], {}, {"a": 1}, True, b"x"]


def changed_value(whole: Path, file: Path, seed: int) -> bool:
    """Change one plain value of what a checkpoint says about its module: it loads, or is refused in a sentence."""
    chance, contents = random.Random(seed), copy.deepcopy(read(whole))
    places = [place for place in _places(contents["likelihead"]) if place[1] != "checksum"]
    node, key = chance.choice(places)
    node[key] = chance.choice(VALUES)
    torch.save(contents, file)
    try:
        load(file)(torch.zeros(2, 3))
    except LikelihoodError as error:
        return "\n" not in str(error)
    except Exception:
        return False
    return True


def _places(value: Any) -> list[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [place for key in keys for place in [(value, key), *_places(value[key])]]


def damaged_last(run: Path, folder: Path, share: float) -> bool:
    """Cut the last checkpoint off: resuming says so, goes on from the best, and ends well."""
    copied = folder / f"damaged-{share}"
    shutil.copytree(run, copied)
    last = copied / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[: int(share * last.stat().st_size)])
    done = likelihead(folder, "train", f"resume={copied}", "trainer.max_epochs=4")
    return done.returncode == 0 and "Resuming from best.ckpt" in done.stdout and loads(copied)
