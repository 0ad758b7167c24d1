"""How much each input matters: what the NLL loses when its values are dealt out anew among the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from likelihead.report.inputs import Input
from likelihead.report.subject import Subject

#: How often each input is permuted, and at most how many numbers all permuted tables may hold together.
REPEATS, MOST_NUMBERS = 5, 2**26


@dataclass(frozen=True)
class Importance:
    """The permutation importance of an input (Breiman, 2001).

    Attributes:
        entry: the input.
        nats: how much the mean NLL rises, averaged over permutations.
        error: the standard error of that mean over the rows.
    """

    entry: Input
    nats: float
    error: float


def importances(subject: Subject, seed: int = 0) -> list[Importance]:
    """The importance of each input, the largest first."""
    if not subject.inputs or not isinstance(subject.batch.x, Tensor):
        return []
    x = _affordable(subject.batch.x, len(subject.inputs))
    rows = torch.arange(len(x))
    known = subject.known[rows]
    base = subject.log_likelihood(subject.predict(x, rows), rows)[known]
    generator = torch.Generator().manual_seed(seed)
    found = []
    for entry in subject.inputs:
        lost = torch.zeros(len(base), dtype=torch.float64)
        for _ in range(REPEATS):
            order = torch.randperm(len(x), generator=generator)
            changed = subject.predict(entry.replaced(x, entry.block(x)[order]), rows)
            lost += (base - subject.log_likelihood(changed, rows)[known]) / REPEATS
        found.append(Importance(entry, float(lost.mean()), float(lost.std() / np.sqrt(len(base)))))
    return sorted(found, key=lambda importance: -importance.nats)


def _affordable(x: Tensor, inputs: int) -> Tensor:
    """The first rows, as many as can be permuted in a few seconds."""
    return x[: max(50, MOST_NUMBERS // (x.shape[1] * inputs * REPEATS))]
