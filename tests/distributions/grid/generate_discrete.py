"""Write discrete.npz: log-probabilities of counts, classes, levels and rankings at extreme points, by mpmath.

    python tests/distributions/grid/generate_discrete.py        # needs mpmath and numpy, takes ten seconds

The format is that of generate_continuous.py, whose numerical derivatives serve here too, save for classes and rankings:
those have up to 1000 logits, so that their gradients are the textbook's. Families of vectors have a set for each size.
"""

from __future__ import annotations

import math
import pathlib
import sys
from collections.abc import Callable

import mpmath as mp
import numpy as np
from generate_continuous import Case, Rng, log_sum, points, power, short, signed

TARGET = pathlib.Path(__file__).with_name("discrete.npz")
LARGEST_COUNT = 1e7


# Where points are drawn.


def draw_bernoulli(rng: Rng) -> tuple[list[float], list[float]]:
    return [signed(rng, -6, 30 if rng.random() < 0.4 else 2.5)], [float(rng.integers(2))]


def count_near(rng: Rng, mean: float, deviation: float) -> float:
    """A count some deviations from the mean, any other, or 0."""
    near = mean + rng.normal() * 10 ** rng.uniform(-1, 1.3) * deviation
    kinds = [near, 10 ** rng.uniform(0, 7), 0.0]
    return min(max(math.floor(kinds[rng.choice(3, p=[0.65, 0.2, 0.15])]), 0.0), LARGEST_COUNT)


def draw_poisson(rng: Rng) -> tuple[list[float], list[float]]:
    rate = power(rng, -9, 10)
    return [rate], [count_near(rng, rate, math.sqrt(rate))]


def draw_zero_inflated(rng: Rng) -> tuple[list[float], list[float]]:
    (rate,), y = draw_poisson(rng)
    return [rate, signed(rng, -2, 2)], y if rng.random() < 0.6 else [0.0]


def draw_negative_binomial(rng: Rng) -> tuple[list[float], list[float]]:
    mean, dispersion = power(rng, -9, 10), power(rng, -12, 8)
    return [mean, dispersion], [count_near(rng, mean, math.sqrt(mean + dispersion * mean**2))]


def draw_ordered(size: int) -> Callable[[Rng], tuple[list[float], list[float]]]:
    """Cutpoints from one place on, by steps that may be far smaller or larger than it."""

    def draw(rng: Rng) -> tuple[list[float], list[float]]:
        reach = 30 if rng.random() < 0.1 else 5
        cutpoints = [np.float32(signed(rng, -2, reach))]
        while len(cutpoints) < size - 1:
            moved = np.float32(cutpoints[-1] + power(rng, -9, reach))
            cutpoints.append(max(moved, np.nextafter(cutpoints[-1], np.float32(np.inf))))
        predictor = np.float32(rng.choice(cutpoints) + np.float32(signed(rng, -4, reach)))
        return [float(predictor), *map(float, cutpoints)], [float(rng.integers(size))]

    return draw


def draw_logits(rng: Rng, size: int, reach: float) -> np.ndarray:
    """Logits about a common offset, with spreads from 0.01 to 10^reach."""
    offset, spread = signed(rng, -2, min(reach, 4)), 10 ** rng.uniform(-2, reach)
    values = offset + spread * (rng.normal(size=size) if rng.random() < 0.7 else rng.integers(-1, 2, size=size))
    return np.array([short(value) for value in values])


# The textbook's log-probabilities.


def log_sigmoid(x):
    return -mp.log1p(mp.exp(-x)) if x > 0 else x - mp.log1p(mp.exp(x))


def poisson(rate, y):
    return y * mp.log(rate) - rate - mp.loggamma(y + 1)


def zero_inflated(rate, gate, y):
    if y == 0:
        return log_sum([log_sigmoid(gate), log_sigmoid(-gate) - rate])
    return log_sigmoid(-gate) + poisson(rate, y)


def negative_binomial(mean, dispersion, y):
    r, odds = 1 / dispersion, dispersion * mean
    counts = mp.loggamma(y + r) - mp.loggamma(r) - mp.loggamma(y + 1)
    return counts + y * mp.log(odds) - (y + r) * mp.log1p(odds)


def ordered(predictor, *rest):
    """log(s(b) - s(a)) with 1 / ((1 + exp(-b)) (1 + exp(a))) (1 - exp(a - b)), which loses no digits."""
    cutpoints, level = rest[:-1], int(rest[-1])
    total = mp.mpf(0)
    if level < len(cutpoints):
        total += log_sigmoid(cutpoints[level] - predictor)
    if level > 0:
        total += log_sigmoid(predictor - cutpoints[level - 1])
    if 0 < level < len(cutpoints):
        total += mp.log(-mp.expm1(cutpoints[level - 1] - cutpoints[level]))
    return total


def classes(logits: list[mp.mpf], y: list[int]) -> tuple[mp.mpf, list[mp.mpf]]:
    weight = log_sum(logits)
    gradient = [(index == y[0]) - mp.exp(logit - weight) for index, logit in enumerate(logits)]
    return logits[y[0]] - weight, gradient


def ranking(logits: list[mp.mpf], y: list[int]) -> tuple[mp.mpf, list[mp.mpf]]:
    """Each place is a choice among the items left; an item's chances up to its own place count against it."""
    masses = [mp.exp(logits[item]) for item in y]
    left, total = [], mp.mpf(0)
    for mass in reversed(masses):
        total += mass
        left.append(total)
    left.reverse()
    log_prob, chances, gradient = mp.mpf(0), mp.mpf(0), [mp.mpf(0)] * len(y)
    for item, mass, rest in zip(y, masses, left, strict=True):
        log_prob += mp.log(mass / rest)
        chances += 1 / rest
        gradient[item] = 1 - mass * chances
    return log_prob, gradient


SCALARS = {
    "bernoulli": Case("r", 800, draw_bernoulli, lambda z, y: log_sigmoid(z if y else -z)),
    "poisson": Case("p", 1700, draw_poisson, poisson),
    "negative_binomial": Case("pp", 2000, draw_negative_binomial, negative_binomial),
    "zero_inflated_poisson": Case("pr", 1500, draw_zero_inflated, zero_inflated),
    **{f"ordered_logistic_{size}": Case("r" * size, 420, draw_ordered(size), ordered) for size in (2, 3, 6)},
}
SIZES = {2: 150, 3: 150, 10: 100, 100: 30, 1000: 8}


def vectors(name: str, size: int, count: int, rng: Rng) -> dict[str, np.ndarray]:
    """`count` points of `categorical` or `plackett_luce` with `size` logits."""
    inputs, values, gradients = [], [], []
    for index in range(count):
        if name == "categorical":
            logits = draw_logits(rng, size, 30 if index % 4 == 0 else 3)
            likely = rng.random() < 0.5
            y, formula = [int(logits.argmax() if likely else rng.integers(size))], classes
        else:
            logits = draw_logits(rng, size, 3)
            noise = rng.gumbel(size=size) * 10 ** rng.uniform(-1, 3)
            y, formula = (-(logits + noise)).argsort().tolist(), ranking
        log_prob, gradient = formula([mp.mpf(value) for value in logits.tolist()], y)
        inputs.append([*logits.tolist(), *y])
        values.append(float(log_prob))
        gradients.append([short(float(slope)) for slope in gradient])
    exact = np.array(inputs, dtype=np.float32)
    assert (exact == np.array(inputs)).all()
    return {"inputs": exact.T, "log_prob": np.array(values), "gradient": np.array(gradients, dtype=np.float32).T}


def main() -> None:
    mp.mp.dps = 80
    stored, total = {}, 0
    jobs = {name: lambda rng, name=name: points(name, SCALARS[name], rng) for name in SCALARS}
    for name in ("categorical", "plackett_luce"):
        for size, count in SIZES.items():
            jobs[f"{name}_{size}"] = lambda rng, job=(name, size, count): vectors(*job, rng)
    for number, (name, job) in enumerate(jobs.items()):
        for part, array in job(np.random.default_rng(100 + number)).items():
            stored[f"{name}.{part}"] = np.ascontiguousarray(array)
        total += len(stored[f"{name}.log_prob"])
        print(name, file=sys.stderr, flush=True)
    np.savez_compressed(TARGET, **stored)
    print(TARGET, TARGET.stat().st_size, "bytes", total, "points")


if __name__ == "__main__":
    main()
