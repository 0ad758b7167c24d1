"""Simulators of counts and ordered classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyro.distributions as dist
import torch
from numpy.typing import NDArray

from likelihead import distributions as own
from likelihead.data.sources.synthetic.simulation import Simulation, bump, rise, stack, tensor


def pedestrians(rng: np.random.Generator, rows: int) -> Simulation:
    """Poisson: pedestrians passing a point in the next minute (Prince, Understanding Deep Learning, problem 5.6).

    The inputs are the time of day (hours), longitude and latitude (kilometres from the centre) and the type of
    neighbourhood.
    """
    hour, longitude, latitude = rng.uniform(0, 24, rows), rng.uniform(-5, 5, rows), rng.uniform(-5, 5, rows)
    types = ["commercial", "industrial", "park", "residential"]
    neighbourhood = rng.choice(types, rows)
    awake = rise(hour, 6.5, 0.9) * (1 - rise(hour, 22, 0.9))
    centre = bump(np.hypot(longitude, latitude), 0.0, 2.5) + 0.5 * bump(np.hypot(longitude - 3, latitude + 2), 0.0, 1.2)
    rush = 0.5 * bump(hour, 8.5, 1.3) + 0.7 * bump(hour, 17.5, 1.8)
    level = np.select([neighbourhood == name for name in types], [0.6, -0.7, -0.1, 0.0])
    log_rate = -0.6 + 1.7 * awake + 1.3 * centre + rush + level
    inputs = {"hour": hour, "longitude": longitude, "latitude": latitude, "neighbourhood": neighbourhood}
    return Simulation(inputs, dist.Poisson(tensor(np.exp(log_rate))), ["pedestrians"])


def hospital_visits(rng: np.random.Generator, rows: int) -> Simulation:
    """Negative binomial: hospital visits in a year, which vary more than age, illness and income explain."""
    age, illness, income = rng.uniform(0, 95, rows), rng.uniform(0, 4, rows), rng.uniform(1, 8, rows)
    log_mean = 0.2 + 1.6 * rise(age, 62, 8) + 0.9 * bump(age, 3, 5) + 0.75 * illness - 0.12 * income
    dispersion = np.full(rows, 0.2)
    truth = dist.NegativeBinomial(tensor(1 / dispersion), logits=tensor(log_mean + np.log(dispersion)))
    return Simulation({"age": age, "illness": illness, "income": income}, truth, ["visits"])


def fishing(rng: np.random.Generator, rows: int) -> Simulation:
    """Zero-inflated Poisson: fish caught by visitors to a lake, some of whom do not fish at all."""
    hours, warmth, children = rng.uniform(1, 10, rows), rng.uniform(5, 30, rows), rng.integers(0, 4, rows)
    log_rate = 0.6 + 0.24 * hours + 0.9 * bump(warmth, 16, 4) - 0.2 * children
    gate = -2.6 + 1.3 * children + 0.1 * (warmth - 15)
    truth = dist.ZeroInflatedPoisson(tensor(np.exp(log_rate)), gate_logits=tensor(gate))
    return Simulation({"hours": hours, "warmth": warmth, "children": children}, truth, ["fish"])


def ratings(rng: np.random.Generator, rows: int) -> Simulation:
    """Ordinal: a rating of a hotel from one to five stars, given its price, distance to the sea and noise."""
    price, distance, noise = rng.uniform(30, 300, rows), rng.uniform(0, 5, rows), rng.uniform(0, 1, rows)
    quality = 5 * np.sin(price / 110) - 1.6 * distance + 7 * np.cos(2.6 * noise)
    cutpoints = torch.tensor([-5.5, -2.0, 1.5, 5.0], dtype=torch.float64).expand(rows, 4)
    truth = dist.OrderedLogistic(tensor(quality), cutpoints)
    inputs = {"price": price, "distance": distance, "noise": noise}
    return Simulation(inputs, truth, ["stars"], ["1", "2", "3", "4", "5"])


def _trials(rng: np.random.Generator, rows: int) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
    """Inputs with a number of trials in each row, and the log-odds of a success."""
    warmth, water, depth = rng.uniform(5, 35, rows), rng.uniform(0, 1, rows), rng.uniform(0, 6, rows)
    logit = -1.6 + 4.5 * bump(warmth, 22, 6) + 1.5 * np.sin(2.6 * water) - 0.5 * depth
    return {"warmth": warmth, "water": water, "depth": depth, "trials": rng.integers(5, 40, rows)}, logit


def seeds(rng: np.random.Generator, rows: int) -> Simulation:
    """Binomial: how many of the seeds in a tray germinate; `trials` is how many were sown."""
    inputs, logit = _trials(rng, rows)
    truth = own.Binomial(tensor(inputs["trials"]), tensor(logit))
    return Simulation(inputs, truth, ["germinated"], exposure="trials")


def trays(rng: np.random.Generator, rows: int) -> Simulation:
    """Beta-binomial: as `seeds`, but trays differ for reasons that are not in the table."""
    inputs, logit = _trials(rng, rows)
    truth = own.BetaBinomial(tensor(inputs["trials"]), tensor(logit), tensor(np.full(rows, 12.0)))
    return Simulation(inputs, truth, ["germinated"], exposure="trials")


def commutes(rng: np.random.Generator, rows: int) -> Simulation:
    """Multinomial: how the people of a street go to work; `people` is how many were asked."""
    distance, hills, parking = rng.uniform(0.5, 25, rows), rng.uniform(0, 1, rows), rng.uniform(0, 15, rows)
    logits = stack(
        1.8 - 0.16 * distance - 2.5 * hills * rise(distance, 4, 1.5),
        1.0 * bump(distance, 12, 6) + 0.06 * parking,
        0.8 + 1.2 * rise(distance, 8, 2) - 1.8 * rise(parking, 8, 1.5),
    )
    inputs = {"distance": distance, "hills": hills, "parking": parking, "people": rng.integers(8, 60, rows)}
    truth = own.Multinomial(tensor(inputs["people"]), logits)
    return Simulation(inputs, truth, ["bike", "bus", "car"], exposure="people")
