"""Simulators of classes and rankings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyro.distributions as dist
import torch
from numpy.typing import NDArray
from torch import Tensor

from likelihead import distributions as own
from likelihead.data.sources.synthetic.simulation import Simulation, bump, stack, tensor

TOPPINGS = ["egg", "salmon", "shrimp", "tuna", "urchin"]


def repayments(rng: np.random.Generator, rows: int) -> Simulation:
    """Bernoulli: whether a loan is repaid, given income, debt and age."""
    income, debt, age = rng.uniform(1, 8, rows), rng.uniform(0, 1, rows), rng.uniform(20, 75, rows)
    logit = 2.4 * (income - 4.2) - 8 * np.sin(3 * (debt - 0.5)) + 3 * bump(age, 48, 10) - 1
    return Simulation({"income": income, "debt": debt, "age": age}, dist.Bernoulli(logits=tensor(logit)), ["repaid"])


def habitats(rng: np.random.Generator, rows: int) -> Simulation:
    """Categorical: which of four tree species grows at a site, given its height, rain and slope."""
    height, rain, slope = rng.uniform(0, 2, rows), rng.uniform(0, 2, rows), rng.uniform(0, 1, rows)
    logits = 4.5 * stack(
        1.4 - height * 1.5 + 0.4 * slope,
        np.sin(2.2 * rain) - 0.3 * height,
        0.9 * height - 1.1 * rain + 0.8,
        1.1 * rain * height - 1.3 + 0.7 * slope,
    )
    inputs = {"height": height, "rain": rain, "slope": slope}
    return Simulation(inputs, dist.Categorical(logits=logits), ["tree"], ["beech", "oak", "pine", "spruce"])


def sushi(rng: np.random.Generator, rows: int) -> Simulation:
    """Plackett-Luce: a guest's ranking of five sushi toppings, given age, taste for fat and distance to the sea."""
    inputs, logits = _tastes(rng, rows)
    return Simulation(inputs, own.PlackettLuce(logits), [f"rank{place}" for place in range(1, 6)], TOPPINGS)


def votes(rng: np.random.Generator, rows: int) -> Simulation:
    """Plackett-Luce: as `sushi`, but a guest names the best two toppings only."""
    inputs, logits = _tastes(rng, rows)
    ranks = ["rank1", "rank2"]
    return Simulation(inputs, own.TopPlackettLuce(logits), ranks, TOPPINGS, observed=_first_two)


def _tastes(rng: np.random.Generator, rows: int) -> tuple[dict[str, NDArray[Any]], Tensor]:
    age, fat, sea = rng.uniform(15, 80, rows), rng.uniform(-1, 1, rows), rng.uniform(0, 100, rows)
    young = np.cos(age / 18)
    logits = 2.0 * stack(1.2 * young, -1.1 * fat, 0.9 * np.cos(sea / 20), 1.3 * fat, 0.2 - 0.9 * young * fat)
    return {"age": age, "fat": fat, "sea": sea}, logits


def _first_two(y: Tensor) -> Tensor:
    return torch.where(torch.arange(y.shape[-1]) < 2, y, -1)


def races(rng: np.random.Generator, rows: int) -> Simulation:
    """Plackett-Luce: the order of arrival of four of six skippers, given wind, waves and the length of the course.

    The table lists the first skippers of each race; those who are not listed did not take part.
    """
    wind, waves, length = rng.uniform(0, 12, rows), rng.uniform(0, 4, rows), rng.uniform(1, 20, rows)
    strong = np.cos(wind / 3)
    logits = 2.0 * stack(
        1.2 * strong,
        -1.1 * strong,
        0.9 * np.sin(waves),
        1.3 * np.cos(length / 4),
        0.4 - 0.3 * waves,
        0.08 * length - 0.8,
    )
    present = torch.from_numpy(rng.permuted(np.tile(np.arange(6) < 4, (rows, 1)), axis=1))
    names = ["Ada", "Bo", "Cy", "Di", "Ed", "Flo"]
    ranks = [f"rank{place}" for place in range(1, 5)]
    inputs = {"wind": wind, "waves": waves, "length": length}
    return Simulation(inputs, own.PartialPlackettLuce(logits), ranks, names, observed=lambda y: only(y, present))


def only(y: Tensor, present: Tensor) -> Tensor:
    """The orders y (n, K) without the items that are not present (n, K), then -1.

    >>> only(torch.tensor([[2, 0, 1]]), torch.tensor([[True, True, False]]))
    tensor([[ 0,  1, -1]])
    """
    kept = present.gather(-1, y)
    places = torch.argsort((~kept).long(), dim=-1, stable=True)
    return y.gather(-1, places).masked_fill(~kept.gather(-1, places), -1)
