"""Predicted rankings, as heat maps of the rank of each item."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from likelihead import inference
from likelihead.distributions.plackett_luce import RankingLaw
from likelihead.inference import law
from likelihead.report.answers import Answer, names_of
from likelihead.report.figures.classes import heat
from likelihead.report.figures.rows import chosen_rows, single
from likelihead.report.style import OBSERVED, Drawing, Panel, axes, shortened

Array = NDArray[np.float64]
#: Samples of the rankings of one row, and of each of many rows.
SAMPLES, SAMPLES_OF_MANY = 4000, 50
#: The most items for which shares are written into the fields, in percent.
MOST_ITEMS = 10


def rank_probabilities(dist: object, samples: int, y: Tensor | None = None) -> Array:
    """The probability of each item (row) at each rank (column), (K, K), averaged over the rows of a prediction.

    With the observed orders y (n, K), ranks are those among the items that a row of y lists.
    """
    orders = inference.sample(dist, samples).numpy()
    return rank_shares(orders if y is None else cast("RankingLaw", law(dist)).listed_as(orders, y.numpy()))


def rank_shares(orders: NDArray[np.int64]) -> Array:
    """How often each item (row) has each rank (column), (K, K), in orders (…, K), the best item first; -1 is no item.

    >>> rank_shares(np.array([[1, 0], [1, 0], [0, 1], [1, 0]]))
    array([[0.25, 0.75],
           [0.75, 0.25]])
    """
    flat = orders.reshape(-1, orders.shape[-1])
    shares: Array = np.stack([(flat == item).mean(0) for item in range(flat.shape[1])])
    return shares


def ranks(answer: Answer) -> Drawing:
    """The probability of each rank of each item at the best, typical and worst rows, the observed ranks marked."""
    items = _items(answer)
    panels = []
    for name, row in chosen_rows(answer).items():
        one = single(answer, row)
        order = one.y[0][one.y[0] >= 0].numpy()
        figure, plot = axes(f"{name} row", 1.2 + 0.3 * max(5, len(items)))
        heat(plot, rank_probabilities(one.predicted, SAMPLES, one.y), items, _ranks(items))
        plot.plot(
            np.arange(len(order)), order, "s", color=OBSERVED, markersize=7.0, fillstyle="none", markeredgewidth=2.0
        )
        plot.set_xlabel("rank (1 is best)")
        ordered = ", ".join(items[item] for item in order)
        panels.append(Panel(figure, f"{name} row: predicted probabilities of ranks; observed order {ordered}"))
    return Drawing(panels)


def rankings(answer: Answer) -> Drawing:
    """How often each item has each rank: as predicted, and as observed."""
    items = _items(answer)
    predicted = rank_probabilities(answer.predicted, SAMPLES_OF_MANY, answer.y)
    observed = rank_shares(answer.y.numpy())
    panels = []
    darkest = max(predicted.max(), observed.max())
    for title, shares in {"Predicted": predicted, "Observed": observed}.items():
        figure, plot = axes(title, 1.2 + 0.3 * max(5, len(items)))
        percent = np.rint(100.0 * shares).astype(np.int64) if len(items) <= MOST_ITEMS else None
        heat(plot, shares / darkest, items, _ranks(items), percent)
        plot.set_xlabel("rank (1 is best)")
        best = items[int(shares[:, 0].argmax())]
        panels.append(Panel(figure, f"{title} share of each rank for each item; most often first is {best}"))
    finding = (
        f"The largest difference between a predicted and an observed share is {np.abs(predicted - observed).max():.2f}."
    )
    return Drawing(panels, finding)


def _items(answer: Answer) -> list[str]:
    return [shortened(name, 16) for name in names_of(answer.columns, answer.y.shape[1])]


def _ranks(items: list[str]) -> list[str]:
    return [str(rank + 1) for rank in range(len(items))]
