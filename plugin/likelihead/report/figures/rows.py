"""The rows whose predictions are drawn: the best, some typical ones, and the worst."""

from __future__ import annotations

import numpy as np

from likelihead.report.answers import Answer

#: The rows to draw, by their place in the order of log p(y), from 0 for the worst to 1 for the best.
PLACES = {"best": 1.0, "typical": 0.55, "another typical": 0.45, "poor": 0.05, "worst": 0.0}


def chosen_rows(answer: Answer) -> dict[str, int]:
    """Rows of an answer by what they are: best, typical, poor or worst, judged by log p(y).

    >>> import torch
    >>> from pyro.distributions import Normal
    >>> from likelihead.target_types import TargetColumns
    >>> dist = Normal(torch.zeros(3), 1.0)
    >>> chosen_rows(Answer(TargetColumns(["y"]), dist, dist, torch.tensor([2.0, 0.0, 1.0])))
    {'best': 1, 'typical': 2, 'worst': 0}
    """
    order = np.argsort(answer.log_prob, kind="stable")
    rows: dict[str, int] = {}
    for name, place in PLACES.items():
        row = int(order[round(place * (len(order) - 1))])
        if row not in rows.values():
            rows[name] = row
    return rows


def single(answer: Answer, row: int) -> Answer:
    """The answer for one row."""
    return answer.take(np.array([row]))
