"""Eight networks trained as one program, in units of the same eight one after another."""

from __future__ import annotations

import time

import torch

from likelihead import Ensemble, LikelihoodModule, fit

from .bench_epoch import rows
from .timing import Row, in_turns

MEMBERS = 8


def run(quick: bool = False) -> list[Row]:
    """Both train the default network for tables for the same number of epochs; each holds out an eighth of the rows."""
    torch.manual_seed(0)
    x, y = rows(200 if quick else 1_600)
    held_out = len(x) // MEMBERS
    options = {"max_epochs": 2 if quick else 12}

    def module() -> LikelihoodModule:
        return LikelihoodModule.for_data((x, y), "normal")

    def together() -> float:
        start = time.process_time()
        fit(Ensemble.of(module, MEMBERS), (x, y), **options)
        return time.process_time() - start

    def one_after_another() -> float:
        start = time.process_time()
        for member in range(MEMBERS):
            kept = torch.ones(len(x), dtype=torch.bool)
            kept[member * held_out : (member + 1) * held_out] = False
            fit(module(), (x[kept], y[kept]), (x[~kept], y[~kept]), seed=member, **options)
        return time.process_time() - start

    times = in_turns({"together": together, "apart": one_after_another}, 1 if quick else 3)
    return [Row("ensemble", f"{MEMBERS} networks", "one after another", times["together"] / times["apart"], 0.4)]
