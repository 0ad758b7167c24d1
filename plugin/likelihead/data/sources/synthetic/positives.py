"""Simulators of positive numbers, proportions and compositions."""

from __future__ import annotations

import numpy as np
import pyro.distributions as dist
import torch

from likelihead import distributions as own
from likelihead.data.sources.synthetic.simulation import Simulation, bump, rise, stack, tensor


def waiting_times(rng: np.random.Generator, rows: int) -> Simulation:
    """Exponential: minutes until the next bus, given the hour, the distance to the centre and the rain."""
    hour, distance, rain = rng.uniform(0, 24, rows), rng.uniform(0, 15, rows), rng.uniform(0, 1, rows)
    night = rise(np.abs(hour - 13), 8.5, 0.7)
    log_wait = 0.6 + 0.25 * distance + 1.9 * night - 0.8 * bump(hour, 8, 1.5) + 0.5 * rain
    return Simulation(
        {"hour": hour, "distance": distance, "rain": rain}, dist.Exponential(tensor(np.exp(-log_wait))), ["minutes"]
    )


def claim_sizes(rng: np.random.Generator, rows: int) -> Simulation:
    """Gamma: the cost of a car accident, given the car's value and speed, the driver's age and the cause."""
    value, speed, age = rng.uniform(2, 60, rows), rng.uniform(10, 130, rows), rng.uniform(18, 85, rows)
    cause = rng.choice(["animal", "collision", "glass"], rows)
    log_mean = 5.2 + 0.03 * value + 2.0 * rise(speed, 60, 15) + 0.5 * bump(age, 20, 8)
    log_mean = log_mean + np.select([cause == "collision", cause == "glass"], [0.9, -0.9])
    concentration = 1.6 + 3 * rise(speed, 70, 15)
    truth = dist.Gamma(tensor(concentration), tensor(concentration / np.exp(log_mean)))
    return Simulation({"value": value, "speed": speed, "age": age, "cause": cause}, truth, ["cost"])


def germination(rng: np.random.Generator, rows: int) -> Simulation:
    """Beta: the proportion of seeds in a tray that germinate, given warmth, water and depth."""
    warmth, water, depth = rng.uniform(5, 35, rows), rng.uniform(0, 1, rows), rng.uniform(0, 6, rows)
    logit = -1.8 + 4.2 * bump(warmth, 22, 6) + 1.5 * np.sin(2.6 * water) - 0.35 * depth
    mean, precision = 0.08 + 0.84 * rise(logit, 0, 0.8), 30 + 30 * rise(water, 0.5, 0.15)
    truth = dist.Beta(tensor(mean * precision), tensor((1 - mean) * precision))
    return Simulation({"warmth": warmth, "water": water, "depth": depth}, truth, ["share"])


def incomes(rng: np.random.Generator, rows: int) -> Simulation:
    """Log-normal: yearly incomes, given years of schooling, age and hours of work per week."""
    schooling, age, hours = rng.uniform(6, 20, rows), rng.uniform(18, 70, rows), rng.uniform(5, 60, rows)
    log_median = 7.4 + 0.09 * schooling + 0.9 * bump(age, 48, 15) + 1.6 * rise(hours, 22, 8)
    scale = 0.16 + 0.2 * rise(age, 45, 8)
    inputs = {"schooling": schooling, "age": age, "hours": hours}
    return Simulation(inputs, dist.LogNormal(tensor(log_median), tensor(scale)), ["income"])


def lifetimes(rng: np.random.Generator, rows: int) -> Simulation:
    """Weibull: hours until a bearing fails; under a high load its hazard increases with time."""
    load, speed, heat = rng.uniform(0.2, 1.5, rows), rng.uniform(0.5, 3, rows), rng.uniform(20, 120, rows)
    log_scale = 8.2 - 1.6 * load - 0.5 * speed - 1.2 * rise(heat, 80, 9)
    concentration = 1.0 + 1.6 * rise(load, 0.7, 0.2)
    truth = dist.Weibull(tensor(np.exp(log_scale)), tensor(concentration))
    return Simulation({"load": load, "speed": speed, "heat": heat}, truth, ["hours"])


def budgets(rng: np.random.Generator, rows: int) -> Simulation:
    """Dirichlet: the shares of a household budget spent on food, housing, leisure and transport."""
    income, children, distance = rng.uniform(1, 8, rows), rng.integers(0, 5, rows), rng.uniform(0, 40, rows)
    logits = stack(
        1.3 * np.exp(-income / 3) + 0.18 * children,
        0.5 + 0.5 * np.cos(income),
        -1.3 + 0.35 * income - 0.12 * children,
        -1.2 + 1.6 * rise(distance, 18, 5),
    )
    truth = dist.Dirichlet(30.0 * torch.softmax(logits, dim=-1))
    inputs = {"income": income, "children": children, "distance": distance}
    return Simulation(inputs, truth, ["food", "housing", "leisure", "transport"])


def harvests(rng: np.random.Generator, rows: int) -> Simulation:
    """Truncated normal: tonnes of wheat from a hectare, given rain, heat and soil; a field yields nothing at worst."""
    rain, heat, soil = rng.uniform(100, 900, rows), rng.uniform(10, 35, rows), rng.uniform(0, 1, rows)
    loc = -2.0 + 7.0 * bump(rain, 550, 190) + 3.0 * soil - 5.0 * rise(heat, 27, 1.5)
    truth = own.Truncated(dist.Normal(tensor(loc), tensor(0.5 + 0.9 * soil)), low=0.0)
    return Simulation({"rain": rain, "heat": heat, "soil": soil}, truth, ["yield"])
