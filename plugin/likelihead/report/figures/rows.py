"""The rows whose predictions are drawn: the best, some typical ones, and the worst."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from likelihead.report.answers import Answer

#: The rows to draw, by their place in the order of log p(y), from 0 for the worst to 1 for the best; of two names for
#: the same row the first is taken.
PLACES = {"Best": 1.0, "Worst": 0.0, "Typical": 0.55, "Another typical": 0.45, "Poor": 0.05}
#: Those that are drawn of each of several answers.
FEW = ("Typical", "Worst")


def chosen_rows(answer: Answer) -> dict[str, int]:
    """Rows of an answer by what they are, best, typical, poor or worst, judged by log p(y); fewer of one of several.

    >>> import torch
    >>> from pyro.distributions import Normal
    >>> from likelihead.target_types import TargetColumns
    >>> dist = Normal(torch.zeros(3), 1.0)
    >>> chosen_rows(Answer(TargetColumns(["y"]), dist, dist, torch.tensor([2.0, 0.0, 1.0])))
    {'Best': 1, 'Typical': 2, 'Worst': 0}
    """
    return places_of(answer.log_prob, FEW if answer.name else tuple(PLACES))


def places_of(log_prob: NDArray[np.float64], names: Collection[str] = tuple(PLACES)) -> dict[str, int]:
    """The rows to draw, by what they are, given log p(y) of each row (n,), the best first; of `names` only.

    >>> places_of(np.array([-2.0, 0.0, -1.0]))
    {'Best': 1, 'Typical': 2, 'Worst': 0}
    """
    order = np.argsort(log_prob, kind="stable")
    rows: dict[str, int] = {}
    for name in (name for name in PLACES if name in names):
        row = int(order[round(PLACES[name] * (len(order) - 1))])
        if row not in rows.values():
            rows[name] = row
    return {name: rows[name] for name in sorted(rows, key=PLACES.__getitem__, reverse=True)}


def single(answer: Answer, row: int) -> Answer:
    """The answer for one row."""
    return answer.take(np.array([row]))
