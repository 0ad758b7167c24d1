"""Simulators of extremes, lifetimes and skewed numbers."""

from __future__ import annotations

import numpy as np
import pyro.distributions as dist

from likelihead import distributions as own
from likelihead.data.sources.synthetic.simulation import Simulation, bump, rise, tensor


def floods(rng: np.random.Generator, rows: int) -> Simulation:
    """Gumbel: the highest water level of a year, in centimetres, given rain, snow and the width of the valley."""
    rain, snow, width = rng.uniform(400, 1600, rows), rng.uniform(0, 3, rows), rng.uniform(0.1, 4, rows)
    loc = 120 + 90 * rise(rain, 950, 120) + 45 * np.sin(snow) + 110 * np.exp(-width)
    scale = 6 + 12 * rise(rain, 1100, 120)
    inputs = {"rain": rain, "snow": snow, "width": width}
    return Simulation(inputs, dist.Gumbel(tensor(loc), tensor(scale)), ["level"])


def wages(rng: np.random.Generator, rows: int) -> Simulation:
    """Logistic: the change of a wage over a year in per cent, given tenure, performance and inflation."""
    tenure, performance, inflation = rng.uniform(0, 30, rows), rng.uniform(-2, 2, rows), rng.uniform(0, 10, rows)
    loc = 0.8 * inflation + 4 * np.tanh(performance) + 5 * np.exp(-tenure / 4)
    scale = 0.35 + 0.4 * rise(tenure, 12, 3)
    inputs = {"tenure": tenure, "performance": performance, "inflation": inflation}
    return Simulation(inputs, dist.Logistic(tensor(loc), tensor(scale)), ["change"])


def remissions(rng: np.random.Generator, rows: int) -> Simulation:
    """Log-logistic: months until a relapse, given age, dose and the size of a tumour."""
    age, dose, size = rng.uniform(20, 85, rows), rng.uniform(0, 10, rows), rng.uniform(0.2, 6, rows)
    log_scale = 2.6 + 1.4 * rise(dose, 4, 1.2) - 0.25 * size - 0.7 * rise(age, 65, 6)
    concentration = 3.0 + 2.0 * rise(dose, 5, 1)
    truth = own.LogLogistic(tensor(np.exp(log_scale)), tensor(concentration))
    return Simulation({"age": age, "dose": dose, "size": size}, truth, ["months"])


def misses(rng: np.random.Generator, rows: int) -> Simulation:
    """Half-normal: how far an arrow lands from the line, given distance, wind and years of practice."""
    distance, wind, practice = rng.uniform(10, 90, rows), rng.uniform(0, 12, rows), rng.uniform(0, 15, rows)
    log_scale = -1.0 + 0.035 * distance + 0.9 * rise(wind, 6, 1.2) + 1.2 * np.exp(-practice / 3)
    inputs = {"distance": distance, "wind": wind, "practice": practice}
    return Simulation(inputs, dist.HalfNormal(tensor(np.exp(log_scale))), ["distance_off"])


def storms(rng: np.random.Generator, rows: int) -> Simulation:
    """Generalised Pareto: the damage of a storm above the deductible, given wind, value and the share of old roofs."""
    wind, value, old = rng.uniform(60, 200, rows), rng.uniform(1, 8, rows), rng.uniform(0, 1, rows)
    log_scale = 0.5 + 2.2 * rise(wind, 130, 14) + 0.3 * value + 0.9 * np.sin(2 * old)
    truth = own.GeneralizedPareto(tensor(np.exp(log_scale)), tensor(np.full(rows, 0.15)))
    return Simulation({"wind": wind, "value": value, "old": old}, truth, ["damage"])


def delays(rng: np.random.Generator, rows: int) -> Simulation:
    """Asymmetric Laplace: minutes by which a train is late; few are early, some are very late."""
    hour, stops, snow = rng.uniform(5, 24, rows), rng.uniform(1, 20, rows), rng.uniform(0, 20, rows)
    loc = -1 + 3 * bump(hour, 8, 1.5) + 4 * bump(hour, 17.5, 2) + 0.35 * stops + 6 * rise(snow, 9, 2)
    scale = 0.5 + 0.05 * stops
    truth = own.AsymmetricLaplace(tensor(loc), tensor(scale), tensor(np.full(rows, 0.25)))
    return Simulation({"hour": hour, "stops": stops, "snow": snow}, truth, ["delay"])


def rents(rng: np.random.Generator, rows: int) -> Simulation:
    """Skew normal: monthly rents per square metre; there are more dear flats than cheap ones."""
    area, distance, year = rng.uniform(20, 160, rows), rng.uniform(0, 20, rows), rng.uniform(1900, 2020, rows)
    loc = 9 + 9 * np.exp(-distance / 6) + 5 * np.exp(-area / 50) - 3 * bump(year, 1960, 18)
    scale = 0.7 + 0.6 * np.exp(-distance / 6)
    truth = own.SkewNormal(tensor(loc), tensor(scale), tensor(np.full(rows, 0.3)))
    return Simulation({"area": area, "distance": distance, "year": year}, truth, ["rent"])


def returns(rng: np.random.Generator, rows: int) -> Simulation:
    """Skew t: yearly returns of a portfolio in per cent, which crash further than they rise."""
    stocks, rate, value = rng.uniform(0, 1, rows), rng.uniform(-1, 6, rows), rng.uniform(0.5, 4, rows)
    loc = 2 + 9 * stocks * np.cos(rate / 2) + 3 * np.tanh(rate) - 2.5 * rise(value, 2.2, 0.3)
    scale = 0.6 + 1.6 * stocks
    constant = tensor(np.full(rows, 0.65))
    truth = own.SkewT(tensor(np.full(rows, 5.0)), tensor(loc), tensor(scale), constant)
    return Simulation({"stocks": stocks, "rate": rate, "value": value}, truth, ["return"])
