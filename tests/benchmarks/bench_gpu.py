"""An epoch and a head on a GPU, beside the least time in which its memory could pass over the same bytes.

Each way of running one training step of the same network: in float32, in bfloat16, compiled, and compiled into CUDA
graphs, which spare the launches that small networks wait for.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch
from torch import Tensor

from .bench_epoch import network
from .timing import Row

NO_GPU = "There is no GPU on this machine, so nothing was measured; run `python -m tests.benchmarks gpu` where one is."
#: (bfloat16, mode of torch.compile) by name.
WAYS: dict[str, tuple[bool, str | None]] = {
    "float32": (False, None),
    "bfloat16": (True, None),
    "compiled": (False, "default"),
    "CUDA graphs": (False, "reduce-overhead"),
}


def milliseconds(step: Callable[[], object], repeats: int) -> float:
    """The median time of a step on the device, after ten to warm up."""
    times = []
    for repeat in range(repeats + 10):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        step()
        end.record()
        torch.cuda.synchronize()
        if repeat >= 10:
            times.append(start.elapsed_time(end))
    return statistics.median(times)


def floor(values: Tensor, passes: int = 1) -> float:
    """Milliseconds in which the device copies as many bytes as `values` has, measured by a copy: read and written."""
    target = torch.empty_like(values)
    return passes * milliseconds(lambda: target.copy_(values), 20)


def step_of(rows: int, is_bfloat16: bool, mode: str | None) -> Callable[[], object]:
    """One forward and backward pass of network and normal head on `rows` rows."""
    from likelihead import DistributionHead

    body, head = network().cuda(), DistributionHead("normal", 64).cuda()
    x, y = torch.randn(rows, 10, device="cuda"), torch.randn(rows, device="cuda")

    def loss(x: Tensor, y: Tensor) -> Tensor:
        with torch.autocast("cuda", torch.bfloat16, enabled=is_bfloat16):
            features = body(x)
        return -head(features.float()).log_prob(y).sum()

    made = loss if mode is None else torch.compile(loss, mode=mode)
    parameters = [*body.parameters(), *head.parameters()]

    def step() -> None:
        for parameter in parameters:
            parameter.grad = None
        made(x, y).backward()

    return step


def run(quick: bool = False) -> list[Row]:
    """Each way at two sizes in units of float32, and float32 in units of the floor of memory bandwidth."""
    if not torch.cuda.is_available():
        print(NO_GPU)
        return []
    found = []
    for rows in (256, 65_536):
        times = {name: milliseconds(step_of(rows, *way), 5 if quick else 100) for name, way in WAYS.items()}
        # Activations of both layers and of the head, written forward and read backward.
        least = floor(torch.empty(rows, 64 * 4 + 2, device="cuda"), passes=2)
        found.append(Row("gpu", f"a step of {rows:,} rows, float32", "memory bandwidth", times["float32"] / least))
        for name in list(WAYS)[1:]:
            found.append(Row("gpu", f"a step of {rows:,} rows, {name}", "float32", times[name] / times["float32"]))
    return found
