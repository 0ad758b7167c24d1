"""Simulators of real vectors with heavy tails, independent entries or common causes, and of directions in space."""

from __future__ import annotations

import numpy as np
import torch

from likelihead import distributions as own
from likelihead.data.sources.synthetic.simulation import Simulation, bump, rise, stack, tensor


def _station(rng: np.random.Generator, rows: int) -> tuple[dict[str, np.ndarray], torch.Tensor, torch.Tensor]:
    """Inputs, expected temperature, humidity and wind speed, and the scale of each row."""
    day, height, cloud = rng.uniform(0, 365, rows), rng.uniform(0, 2500, rows), rng.uniform(0, 1, rows)
    loc = stack(
        8 + 10 * bump(day, 200, 45) - 13 * rise(height, 1400, 200),
        55 + 25 * cloud + 8 * np.cos(day / 40),
        3 + 5 * rise(height, 1800, 150) + 3 * np.sin(3 * cloud),
    )
    scale = tensor(0.6 + 0.8 * cloud)
    return {"day": day, "height": height, "cloud": cloud}, loc, scale


def weather_stations(rng: np.random.Generator, rows: int) -> Simulation:
    """Multivariate Student-t: temperature, humidity and wind at a cheap station, whose readings fail together."""
    inputs, loc, scale = _station(rng, rows)
    factor = torch.tensor([[1.0, 0.0, 0.0], [-1.5, 2.0, 0.0], [0.3, 0.4, 0.9]], dtype=torch.float64)
    truth = own.MultivariateStudentT(tensor(np.full(rows, 4.0)), loc, scale[:, None, None] * factor)
    return Simulation(inputs, truth, ["temperature", "humidity", "wind"])


def instruments(rng: np.random.Generator, rows: int) -> Simulation:
    """Diagonal normal: temperature, humidity and wind, measured by three instruments with errors of their own."""
    inputs, loc, scale = _station(rng, rows)
    truth = own.DiagonalNormal(loc, scale[:, None] * torch.tensor([0.8, 2.0, 0.7], dtype=torch.float64))
    return Simulation(inputs, truth, ["temperature", "humidity", "wind"])


def pollution(rng: np.random.Generator, rows: int) -> Simulation:
    """Low-rank normal: six pollutants in the air of a town, which rise and fall with the traffic and the heating."""
    hour, frost, wind = rng.uniform(0, 24, rows), rng.uniform(-15, 25, rows), rng.uniform(0, 12, rows)
    traffic = 1.5 * bump(hour, 8, 2) + 1.7 * bump(hour, 17.5, 2.5)
    heating = 2.5 * rise(-frost, 0, 3)
    loads = np.array([[2.0, 1.6, 0.4, 0.2, 1.0, -1.2], [0.2, 0.5, 1.8, 1.5, 1.0, 0.3]])
    level = 6.0 + np.outer(traffic, loads[0]) + np.outer(heating, loads[1]) - 0.25 * wind[:, None]
    spread = np.stack([0.4 + 0.5 * traffic, 0.3 + 0.4 * heating], -1)
    factor = tensor(spread[:, None, :] * loads.T[None])
    scale = tensor(np.full((rows, 6), 0.3) + 0.02 * wind[:, None])
    pollutants = ["no2", "soot", "so2", "pm10", "pm25", "ozone"]
    return Simulation({"hour": hour, "frost": frost, "wind": wind}, own.LowRankNormal(tensor(level), factor, scale),
                      pollutants)  # fmt: skip


def migration(rng: np.random.Generator, rows: int) -> Simulation:
    """Projected normal: the direction in space in which a migrating bird flies, given day, wind and height."""
    day, wind, height = rng.uniform(0, 365, rows), rng.uniform(-10, 10, rows), rng.uniform(0, 2000, rows)
    north = 3.0 * np.sin(2 * np.pi * (day - 30) / 365)
    concentration = stack(0.35 * wind + 0.5 * np.cos(day / 50), north, 1.6 - 3.2 * rise(height, 900, 120))
    return Simulation({"day": day, "wind": wind, "height": height}, own.ProjectedNormal(1.5 * concentration),
                      ["east", "north", "up"])  # fmt: skip
