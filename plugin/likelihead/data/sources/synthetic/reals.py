"""Simulators of real numbers, real vectors and directions."""

from __future__ import annotations

import numpy as np
import pyro.distributions as dist
import torch

from likelihead import distributions as own
from likelihead.data.sources.synthetic.simulation import Simulation, bump, rise, stack, tensor


def house_prices(rng: np.random.Generator, rows: int) -> Simulation:
    """Normal: house prices in thousands; the standard deviation grows with the expected price."""
    area, age, distance = rng.uniform(40, 240, rows), rng.uniform(0, 100, rows), rng.uniform(0, 30, rows)
    garden = rng.choice(["large", "none", "small"], rows)
    value = 40 + 2.6 * area * (0.55 + 0.6 * np.exp(-distance / 10)) - 60 * bump(age, 45, 18)
    value = value + np.select([garden == "large", garden == "small"], [70.0, 30.0])
    scale = 8 + 0.12 * value
    inputs = {"area": area, "age": age, "distance": distance, "garden": garden}
    return Simulation(inputs, dist.Normal(tensor(value), tensor(scale)), ["price"])


def taxi_rides(rng: np.random.Generator, rows: int) -> Simulation:
    """Laplace: minutes that a taxi ride takes; most rides take about the planned time, a few much longer or shorter."""
    distance, hour, rain = rng.uniform(1, 20, rows), rng.uniform(0, 24, rows), rng.uniform(0, 5, rows)
    traffic = 1 + 0.7 * bump(hour, 8.5, 2.2) + 0.5 * bump(hour, 17.5, 2.6) + 0.08 * rain
    planned = 6 + 2.0 * distance * traffic
    inputs = {"distance": distance, "hour": hour, "rain": rain}
    return Simulation(inputs, dist.Laplace(tensor(planned), tensor(1.5 + 0.12 * planned)), ["minutes"])


def thermometers(rng: np.random.Generator, rows: int) -> Simulation:
    """Student-t: readings of cheap thermometers, which are occasionally off by many degrees."""
    day, height, hour = rng.uniform(0, 365, rows), rng.uniform(0, 2000, rows), rng.uniform(0, 24, rows)
    loc = 10 + 9 * bump(day, 200, 40) + 2 * np.cos(day / 40) + 5 * bump(hour, 15, 3.5) - 14 * rise(height, 1500, 120)
    scale = 0.5 + 1.5 * rise(height, 1500, 120)
    truth = dist.StudentT(torch.tensor(3.0, dtype=torch.float64), tensor(loc), tensor(scale))
    return Simulation({"day": day, "height": height, "hour": hour}, truth, ["temperature"])


def robot_arm(rng: np.random.Generator, rows: int) -> Simulation:
    """Mixture of Gaussians: the shoulder angle of a two-link arm that reaches a point with its elbow up or down."""
    reach, bearing, load = rng.uniform(0.5, 1.7, rows), rng.uniform(-1.0, 1.0, rows), rng.uniform(0, 1, rows)
    half = np.arccos(reach / 2)
    loc = stack(bearing - half, bearing + half)
    up = 2.0 * np.sin(2.5 * bearing)
    weights = dist.Categorical(logits=stack(np.zeros(rows), up))
    scale = tensor(0.05 + 0.08 * load)[:, None].expand(rows, 2)
    truth = dist.MixtureSameFamily(weights, dist.Normal(loc, scale))
    return Simulation({"reach": reach, "bearing": bearing, "load": load}, truth, ["angle"])


def eruptions(rng: np.random.Generator, rows: int) -> Simulation:
    """Spline normal: minutes until a geyser erupts again, which is often soon after a short eruption.

    The inputs are how long the last eruption was (minutes), the rain of the last week (mm) and the air pressure.
    """
    last, rain, pressure = rng.uniform(1.5, 5, rows), rng.uniform(0, 60, rows), rng.uniform(-2, 2, rows)
    late = 2.0 * (last - 3.2) + 0.6 * pressure
    loc = stack(25 + 10 * last - 0.3 * rain, 45 + 12 * last - 0.1 * rain)
    scale = stack(3 + 0.05 * rain, 6 + 2 * np.exp(-pressure))
    level = tensor(np.array([0.25, 0.5])).expand(rows, 2)
    weights = dist.Categorical(logits=stack(np.zeros(rows), late))
    truth = own.MixtureSameFamily(weights, own.SkewNormal(loc, scale, level))
    return Simulation({"last": last, "rain": rain, "pressure": pressure}, truth, ["minutes"])


def wind(rng: np.random.Generator, rows: int) -> Simulation:
    """Von Mises: the wind direction on a coast, which passes ±π in the course of a day."""
    hour, month, pressure = rng.uniform(0, 24, rows), rng.uniform(1, 13, rows), rng.uniform(-2, 2, rows)
    direction = 2 * np.pi * (hour - 6) / 24 + 0.8 * np.sin(2 * np.pi * month / 12) + 0.4 * pressure
    direction = np.angle(np.exp(1j * direction))
    steadiness = 2.5 + 9 * rise(pressure, 0.0, 0.6)
    inputs = {"hour": hour, "month": month, "pressure": pressure}
    return Simulation(inputs, dist.VonMises(tensor(direction), tensor(steadiness)), ["direction"])


def bodies(rng: np.random.Generator, rows: int) -> Simulation:
    """Multivariate normal: weight, waist and pulse, which are correlated, given age, training and diet."""
    age, training, diet = rng.uniform(18, 80, rows), rng.uniform(0, 10, rows), rng.uniform(-1, 1, rows)
    fitness = rise(training, 4, 1.5)
    loc = stack(
        62 + 14 * bump(age, 55, 16) + 9 * diet - 6 * fitness,
        80 + 10 * rise(age, 45, 8) + 8 * diet - 8 * fitness,
        78 - 20 * fitness + 5 * np.sin(age / 12),
    )
    scale = 1 + 0.5 * rise(age, 50, 8)
    scale_tril = torch.zeros(rows, 3, 3, dtype=torch.float64)
    entries = {(0, 0): 4.0, (1, 0): 2.6, (1, 1): 2.4, (2, 0): 0.9, (2, 1): 1.0, (2, 2): 3.2}
    for (row, column), entry in entries.items():
        scale_tril[:, row, column] = entry * tensor(scale)
    truth = dist.MultivariateNormal(loc, scale_tril=scale_tril)
    return Simulation({"age": age, "training": training, "diet": diet}, truth, ["weight", "waist", "pulse"])


def molecules(rng: np.random.Generator, rows: int) -> Simulation:
    """Multivariate normal: melting and boiling points of molecules in °C, whose errors are correlated.

    The inputs are descriptors: mass (g/mol), rings, rotatable bonds and donors of hydrogen bonds.
    """
    mass, rings = rng.uniform(40, 320, rows), rng.integers(0, 4, rows)
    bonds, donors = rng.integers(0, 9, rows), rng.integers(0, 4, rows)
    strength = 26 * donors + 60 * rise(rings, 1.5, 0.6)
    boiling = -60 + 420 * (1 - np.exp(-mass / 190)) + strength
    melting = boiling - 190 + 0.4 * strength + 45 * np.exp(-bonds / 2)
    loc, scale = stack(melting, boiling), tensor(7 + 1.6 * bonds)
    scale_tril = torch.zeros(rows, 2, 2, dtype=torch.float64)
    # The correlation is 0.8.
    scale_tril[:, 0, 0], scale_tril[:, 1, 0], scale_tril[:, 1, 1] = 1.5 * scale, 0.8 * scale, 0.6 * scale
    inputs = {"mass": mass, "rings": rings, "bonds": bonds, "donors": donors}
    return Simulation(inputs, dist.MultivariateNormal(loc, scale_tril=scale_tril), ["melting", "boiling"])
