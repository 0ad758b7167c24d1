"""The processes of a run on several devices: what they exchange, and what happens when one of them ends."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytorch_lightning as pl
import torch
from torch import Tensor

from likelihead.errors import LikelihoodError

#: What the libraries of communication say in a process when another one has ended.
LOST = re.compile(r"gloo|nccl|connection (closed|reset|refused)|broken pipe|remote peer|heartbeat", re.IGNORECASE)
#: Seconds between two looks at the other processes, and those that a process has to end by itself.
PERIOD, GRACE = 0.5, 5.0
#: The statuses of a process that a signal has stopped: the others stop with it, each in its own time.
STOPPED = (130, 143, -2)
#: In the environment of a process that another one started: the number of that one.
PARENT = "LIKELIHEAD_PARENT"


class ProcessLost(LikelihoodError):
    """Another process of the run has ended."""


def from_all(trainer: pl.Trainer, value: Tensor) -> Tensor:
    """The tensors of all processes, stacked along a new first dimension."""
    if trainer.world_size == 1:
        return value[None]
    device = trainer.strategy.root_device
    parts = [torch.empty_like(value, device=device) for _ in range(trainer.world_size)]
    torch.distributed.all_gather(parts, value.to(device).contiguous())
    return torch.stack(parts)


def of_this_process(trainer: pl.Trainer, values: Tensor) -> Tensor:
    """The tensor of this process; that of the first one in a run that is resumed on more processes."""
    # A copy: the generators of torch crash on a state that is part of a larger tensor.
    return values[trainer.global_rank if trainer.global_rank < len(values) else 0].clone()


def is_lost(trainer: pl.Trainer, error: BaseException) -> bool:
    """Whether an error comes from the end of another process."""
    return trainer.world_size > 1 and isinstance(error, RuntimeError) and bool(LOST.search(str(error)))


def sentence(trainer: pl.Trainer) -> str:
    """What to say where another process of the run has ended."""
    return (
        "another process of this run has ended, so that training cannot go on; if it said why, that stands above; the "
        f"checkpoints are in {trainer.default_root_dir}, and resume={trainer.default_root_dir} continues from them"
    )


@contextmanager
def ended_together(trainer: pl.Trainer) -> Iterator[None]:
    """End the run when a process that this one started fails in the block, even if this one waits for it for ever.

    The watch replaces Lightning's, which kills every process without a word. Where the block is left by an exception,
    no process stays behind.

    Raises:
        ProcessLost: another process has ended.
    """
    is_over = threading.Event()
    threading.Thread(target=_watch, args=(trainer, is_over), daemon=True).start()
    try:
        yield
    except BaseException as error:
        is_over.set()
        _end_children(trainer)
        if is_lost(trainer, error):
            raise ProcessLost(sentence(trainer)) from error
        raise
    finally:
        is_over.set()


def _watch(trainer: pl.Trainer, is_over: threading.Event) -> None:
    ends_at = math.inf
    while time.monotonic() < ends_at:
        _stop_watch_of_lightning()
        if ends_at == math.inf and any(_has_failed(child) for child in _children(trainer)):
            ends_at = time.monotonic() + GRACE
        if is_over.wait(PERIOD):
            return
    print(f"error: {sentence(trainer)}", file=sys.stderr, flush=True)
    for child in _children(trainer):
        child.kill()
    os._exit(1)


def _stop_watch_of_lightning() -> None:
    for thread in threading.enumerate():
        if thread.name == "child-process-observer":
            # It looks once more after its sleep, finished or not: without processes it finds nothing to kill.
            thread._finished, thread._child_processes = True, []  # type: ignore[attr-defined]


def _has_failed(child: subprocess.Popen[bytes]) -> bool:
    return child.poll() not in (None, 0, *STOPPED)


def _end_children(trainer: pl.Trainer) -> None:
    """Wait for the processes that this one started, and kill those that do not end."""
    for child in _children(trainer):
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _children(trainer: pl.Trainer) -> list[subprocess.Popen[bytes]]:
    return list(getattr(trainer.strategy.launcher, "procs", []))


def end_with_parent() -> None:
    """End this process as soon as the one of this run that started it has ended; torchrun and srun do so themselves."""
    if PARENT not in os.environ:
        return
    parent = int(os.environ[PARENT])

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PERIOD)
        # The others may be gone together with the terminal.
        with suppress(OSError):
            print("error: the first process of this run has ended, and the others end with it", file=sys.stderr)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
