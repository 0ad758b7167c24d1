"""Simulators of counts and magnitudes with many zeros."""

from __future__ import annotations

import numpy as np

from likelihead import distributions as own
from likelihead.data.sources.synthetic.simulation import Simulation, bump, rise, tensor


def doctor_visits(rng: np.random.Generator, rows: int) -> Simulation:
    """Zero-inflated negative binomial: visits to a doctor in a year; some people never go."""
    age, health, distance = rng.uniform(18, 90, rows), rng.uniform(-2, 2, rows), rng.uniform(0, 40, rows)
    log_mean = 1.7 - 0.55 * health + 0.9 * rise(age, 60, 6)
    gate = -2.2 + 5.0 * rise(distance, 22, 4) + 1.6 * health
    counts = own.NegativeBinomial(tensor(np.exp(log_mean)), tensor(np.full(rows, 0.3)))
    inputs = {"age": age, "health": health, "distance": distance}
    return Simulation(inputs, own.ZeroInflated(counts, tensor(gate)), ["visits"])


def _publications(rng: np.random.Generator, rows: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Inputs, the log-odds of no paper, and the logarithm of the rate of papers."""
    years, grants, teaching = rng.uniform(0, 20, rows), rng.uniform(0, 3, rows), rng.uniform(0, 20, rows)
    gate = 2.5 - 0.5 * years + 0.22 * teaching - 1.3 * np.sin(grants)
    log_rate = 0.3 + 1.1 * rise(years, 8, 1.5) + 0.5 * grants - 0.04 * teaching
    return {"years": years, "grants": grants, "teaching": teaching}, gate, log_rate


def papers(rng: np.random.Generator, rows: int) -> Simulation:
    """Hurdle Poisson: the papers of a researcher in three years: whether there is any, and how many."""
    inputs, gate, log_rate = _publications(rng, rows)
    return Simulation(inputs, own.Hurdle(own.Poisson(tensor(np.exp(log_rate))), tensor(gate)), ["papers"])


def citations(rng: np.random.Generator, rows: int) -> Simulation:
    """Hurdle negative binomial: the citations of a researcher: whether there is any, and how many."""
    inputs, gate, log_rate = _publications(rng, rows)
    counts = own.NegativeBinomial(tensor(np.exp(log_rate + 1.0)), tensor(np.full(rows, 0.25)))
    return Simulation(inputs, own.Hurdle(counts, tensor(gate)), ["citations"])


def rainfall(rng: np.random.Generator, rows: int) -> Simulation:
    """Hurdle gamma: millimetres of rain in a day: whether it rains, and how much."""
    humidity, pressure, height = rng.uniform(0.2, 1, rows), rng.uniform(-3, 3, rows), rng.uniform(0, 3000, rows)
    gate = 4.5 - 9.0 * humidity + 1.4 * pressure + 1.2 * bump(height, 1000, 500)
    log_mean = -0.5 + 2.2 * humidity - 0.35 * pressure + 0.9 * rise(height, 1500, 250)
    amount = own.GammaMean(tensor(np.exp(log_mean)), tensor(np.full(rows, 2.5)))
    inputs = {"humidity": humidity, "pressure": pressure, "height": height}
    return Simulation(inputs, own.Hurdle(amount, tensor(gate)), ["rain"])


def attendance(rng: np.random.Generator, rows: int) -> Simulation:
    """Inflated beta: the share of lessons that a pupil attends: often none or all of them."""
    distance, mood, income = rng.uniform(0, 20, rows), rng.uniform(-2, 2, rows), rng.uniform(1, 8, rows)
    none = -4.5 + 5.0 * rise(distance, 12, 1.5) - 1.8 * mood
    everything = -1.0 + 2.2 * mood - 0.15 * distance + 1.5 * bump(income, 6, 1.2)
    mean_logit = 0.4 + 0.9 * np.sin(1.5 * mood) - 0.09 * distance + 0.2 * income
    shares = own.BetaProportion(tensor(mean_logit), tensor(15.0 + 2.0 * income))
    truth = own.Hurdle(own.HurdleOne(shares, tensor(everything)), tensor(none))
    return Simulation({"distance": distance, "mood": mood, "income": income}, truth, ["attended"])


def claims(rng: np.random.Generator, rows: int) -> Simulation:
    """Tweedie: what an insurer pays for a car in a year, given the driver's age, the car's power and the town."""
    age, power, town = rng.uniform(18, 85, rows), rng.uniform(40, 250, rows), rng.uniform(0, 1, rows)
    log_mean = -0.3 + 1.9 * bump(age, 21, 7) + 0.8 * rise(age, 72, 4) + 1.2 * rise(power, 150, 20) + 1.3 * town
    truth = own.Tweedie(tensor(np.exp(log_mean)), tensor(np.full(rows, 1.4)), tensor(np.full(rows, 1.6)))
    return Simulation({"age": age, "power": power, "town": town}, truth, ["paid"])
