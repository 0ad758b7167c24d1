"""Simulators of items that are known by their features: which of them is ahead of which."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from likelihead import distributions as own
from likelihead.data.sources.synthetic.classes import only
from likelihead.data.sources.synthetic.simulation import Simulation, tensor

#: The most horses of a race, and the fewest.
MOST, FEWEST = 7, 4


def horse_races(rng: np.random.Generator, rows: int) -> Simulation:
    """Partial Plackett-Luce: the order of arrival of four to seven horses, given form, weight and style of each.

    Soft going favours light horses, and a long course those with stamina. A horse that leads from the start is at an
    advantage if it is the only one of its style, and otherwise the leaders tire one another.
    """
    shape = (rows, MOST)
    form, weight, stamina = rng.normal(0, 1, shape), rng.uniform(50, 62, shape), rng.uniform(0, 1, shape)
    leads = rng.random(shape) < 0.35
    soft, length = rng.uniform(0, 1, rows), rng.uniform(1.0, 3.2, rows)
    present = np.arange(MOST) < rng.integers(FEWEST, MOST + 1, rows)[:, None]
    leaders = (leads & present).sum(1, keepdims=True)
    logits = (
        1.3 * form
        - 0.35 * soft[:, None] * (weight - 56)
        + 1.6 * (length[:, None] - 2.0) * (stamina - 0.5)
        + leads * np.where(leaders == 1, 1.6, -0.7 * (leaders - 1))
    )
    numbers = {"form": form, "weight": weight, "stamina": stamina}
    cells: dict[str, Any] = {name: np.where(present, values, np.nan) for name, values in numbers.items()}
    cells["style"] = np.where(leads, "leads", "waits").astype(object)
    cells["style"][~present] = None
    inputs = {f"{name}_{horse + 1}": values[:, horse] for name, values in cells.items() for horse in range(MOST)}
    inputs |= {"soft": soft, "length": length}
    places = [f"place_{horse + 1}" for horse in range(MOST)]
    truth, started = own.PartialPlackettLuce(tensor(logits)), torch.from_numpy(present)
    return Simulation(inputs, truth, places, observed=lambda y: only(y, started), items=tuple(cells))


def ranks_of(orders: Tensor) -> Tensor:
    """The rank of each item (n, K), from 1, in orders (n, K) that end with -1; NaN for an item that is not listed.

    >>> ranks_of(torch.tensor([[2, 0, -1]]))
    tensor([[2., nan, 1.]], dtype=torch.float64)
    """
    ranks = torch.full((len(orders), orders.shape[1] + 1), torch.nan, dtype=torch.float64)
    places = torch.arange(1, orders.shape[1] + 1, dtype=torch.float64).expand(orders.shape)
    # Places without an item are written beside the items, and dropped.
    return ranks.scatter(1, orders.masked_fill(orders < 0, orders.shape[1]), places)[:, :-1]
