"""Simulators of classes and rankings."""

from __future__ import annotations

import numpy as np
import pyro.distributions as dist

from likelihead.data.sources.synthetic.simulation import Simulation, bump, stack, tensor


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
    from likelihead.distributions import PlackettLuce

    age, fat, sea = rng.uniform(15, 80, rows), rng.uniform(-1, 1, rows), rng.uniform(0, 100, rows)
    young = np.cos(age / 18)
    logits = 2.0 * stack(1.2 * young, -1.1 * fat, 0.9 * np.cos(sea / 20), 1.3 * fat, 0.2 - 0.9 * young * fat)
    items = ["egg", "salmon", "shrimp", "tuna", "urchin"]
    ranks = [f"rank{place}" for place in range(1, 6)]
    return Simulation({"age": age, "fat": fat, "sea": sea}, PlackettLuce(logits), ranks, items)
