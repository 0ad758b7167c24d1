"""Simulators of real vectors with heavy tails or independent entries."""

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
