"""Write continuous.npz: log-densities and their gradients at extreme points, by mpmath with 60 digits.

    python tests/distributions/grid/generate_continuous.py        # needs mpmath and numpy, takes half a minute

Run by hand; the tests read the stored file alone. The formulas are the textbook's, and gradients are numerical
derivatives of them at 60 digits, so nothing here can share an error with the package. Inputs are exact in float32.

For each family the file holds `<family>.inputs` float32 (columns, n): the parameters, then y; and
`<family>.log_prob` float64 (n) and `<family>.gradient` float32 (parameters, n), both good to 1e-10 and 6e-8. The
gradient is by the raw output: d/d log(theta) for a positive parameter, d/d theta for a real one. Points are left out
where the truth or the gradient by the parameter itself does not fit float32.
"""

from __future__ import annotations

import math
import pathlib
import sys
from collections.abc import Callable, Iterable
from typing import NamedTuple

import mpmath as mp
import numpy as np

TARGET = pathlib.Path(__file__).with_name("continuous.npz")
LARGEST = mp.mpf(2) ** 124
TINY = 2.0**-120
Rng = np.random.Generator


class Case(NamedTuple):
    """kinds: p (positive) or r (real) for each parameter; draw: parameters and y; log_prob: of parameters and y."""

    kinds: str
    count: int
    draw: Callable[[Rng], tuple[list[float], list[float]]]
    log_prob: Callable[..., mp.mpf]


def short(x: float) -> float:
    """x with 11 significant bits, so that the file compresses."""
    mantissa, exponent = math.frexp(x)
    return math.ldexp(round(mantissa * 2048), exponent - 11)


def power(rng: Rng, low: float, high: float) -> float:
    return short(10.0 ** rng.uniform(low, high))


def signed(rng: Rng, low: float, high: float) -> float:
    return 0.0 if rng.random() < 0.1 else float(rng.choice([-1, 1])) * power(rng, low, high)


# Where points are drawn.


def draw_location(rng: Rng) -> tuple[list[float], list[float]]:
    reach = 9 if rng.random() < 0.8 else 30
    loc, scale = signed(rng, -9, 9), power(rng, -reach, reach)
    return [loc, scale], [loc + signed(rng, -3, 8) * scale]


def draw_laplace(rng: Rng) -> tuple[list[float], list[float]]:
    loc, scale = signed(rng, -9, 9), power(rng, -9, 9)
    return [loc, scale], [loc + rng.choice([-1, 1]) * power(rng, 0, 8) * (scale + abs(loc) * 1e-6)]


def draw_student_t(rng: Rng) -> tuple[list[float], list[float]]:
    loc, scale = signed(rng, -9, 9), power(rng, -9, 9)
    return [power(rng, -3, 9), loc, scale], [loc + signed(rng, -4, 8) * scale]


def draw_exponential(rng: Rng) -> tuple[list[float], list[float]]:
    rate = power(rng, -9, 9)
    return [rate], [power(rng, -12, 8) / rate]


def draw_log_normal(rng: Rng) -> tuple[list[float], list[float]]:
    loc, scale = short(rng.uniform(-60, 60)), power(rng, -9, 4)
    return [loc, scale], [math.exp(min(max(loc + signed(rng, -3, 4) * scale, -80.0), 80.0))]


def draw_gamma(rng: Rng) -> tuple[list[float], list[float]]:
    a, b = power(rng, -6, 8), power(rng, -9, 9)
    near = 1 + rng.normal() * 10 ** rng.uniform(-1, 1.5) / math.sqrt(a)
    far = 10 ** rng.uniform(-25, 4)
    return [a, b], [a / b * (near if near > 0 and rng.random() < 0.7 else far)]


def proportion(rng: Rng, a: float, b: float) -> float:
    n = a + b
    near = (a + rng.normal() * 10 ** rng.uniform(-1, 1.3) * math.sqrt(a * b / (n + 1))) / n
    if 0 < near < 1 and rng.random() < 0.7:
        return near
    return float(rng.choice([10 ** rng.uniform(-30, 0), 1 - 2 ** -rng.uniform(1, 24), rng.random()]))


def draw_beta(rng: Rng) -> tuple[list[float], list[float]]:
    a, b = power(rng, -6, 8), power(rng, -6, 8)
    return [a, b], [proportion(rng, a, b)]


def draw_beta_proportion(rng: Rng) -> tuple[list[float], list[float]]:
    logits, precision = signed(rng, -2, 2), power(rng, -6, 8)
    a = precision / (1 + math.exp(-logits))
    return [logits, precision], [proportion(rng, a, max(precision - a, 1e-20))]


def draw_weibull(rng: Rng) -> tuple[list[float], list[float]]:
    scale, k = power(rng, -9, 9), power(rng, -6, 8)
    exponent = rng.uniform(-30, 5) if rng.random() < 0.7 else rng.uniform(-60, 60) * k
    return [scale, k], [scale * math.exp(min(max(exponent / k, -60.0), 60.0))]


def draw_von_mises(rng: Rng) -> tuple[list[float], list[float]]:
    k, loc = power(rng, -8, 8), short(rng.uniform(-math.pi, math.pi))
    y = loc + rng.normal() * 10 ** rng.uniform(-1, 1) / math.sqrt(k)
    y = y if abs(y) < 4 else float(rng.uniform(-math.pi, math.pi))
    return [loc, k], [math.remainder(y, 2 * math.pi)]


def draw_vector(rng: Rng) -> tuple[list[float], list[float]]:
    (loc, k), y = draw_von_mises(rng)
    return [short(k * math.cos(loc)), short(k * math.sin(loc))], y


def draw_vector_given(rng: Rng) -> tuple[list[float], list[float]]:
    (loc, k), y = draw_von_mises(rng)
    length = power(rng, -6, 6)
    return [short(length * math.cos(loc)), short(length * math.sin(loc)), k], y


def draw_dirichlet(rng: Rng) -> tuple[list[float], list[float]]:
    a = np.array([power(rng, -6, 8) for _ in range(3)])
    near = a + rng.normal(size=3) * 10 ** rng.uniform(-1, 1) * np.sqrt(a)
    y = near if (near > 0).all() and rng.random() < 0.7 else 10 ** rng.uniform(-8, 0, size=3)
    return a.tolist(), (y / y.sum()).tolist()


def draw_multivariate(size: int) -> Callable[[Rng], tuple[list[float], list[float]]]:
    def draw(rng: Rng) -> tuple[list[float], list[float]]:
        loc = [signed(rng, -3, 6) for _ in range(size)]
        factor = np.diag([power(rng, -6, 6) for _ in range(size)])
        for row, column in zip(*np.tril_indices(size, -1), strict=True):
            factor[row, column] = signed(rng, -6, 6)
        y = np.array(loc) + factor @ (rng.normal(size=size) * 10 ** rng.uniform(-2, 3))
        return [*loc, *factor[np.tril_indices(size)].tolist()], y.tolist()

    return draw


def draw_mixture(rng: Rng) -> tuple[list[float], list[float]]:
    logits = [signed(rng, -2, 2) for _ in range(3)]
    loc = [signed(rng, -3, 6 if rng.random() < 0.8 else 20) for _ in range(3)]
    scale = [power(rng, -6, 6) for _ in range(3)]
    chosen = rng.integers(3)
    return [*logits, *loc, *scale], [loc[chosen] + signed(rng, -2, 4) * scale[chosen]]


# The textbook's log-densities.


def normal(loc, scale, y):
    return -(((y - loc) / scale) ** 2) / 2 - mp.log(scale) - mp.log(2 * mp.pi) / 2


def student_t(df, loc, scale, y):
    peak = mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(df * mp.pi) / 2 - mp.log(scale)
    return peak - (df + 1) / 2 * mp.log1p(((y - loc) / scale) ** 2 / df)


def gamma(a, b, y):
    return a * mp.log(b) - mp.loggamma(a) + (a - 1) * mp.log(y) - b * y


def beta(a, b, y):
    peak = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)
    return peak + (a - 1) * mp.log(y) + (b - 1) * mp.log1p(-y)


def beta_proportion(logits, precision, y):
    return beta(precision / (1 + mp.exp(-logits)), precision / (1 + mp.exp(logits)), y)


def weibull(scale, k, y):
    return mp.log(k / scale) + (k - 1) * mp.log(y / scale) - (y / scale) ** k


def von_mises(loc, k, y):
    return k * mp.cos(y - loc) - mp.log(2 * mp.pi) - log_i0(k)


def log_i0(k):
    """log I0(k); by Hankel's expansion where its smallest term is far below 60 digits."""
    if k < 200:
        return mp.log(mp.besseli(0, k))
    term, total = mp.mpf(1), mp.mpf(1)
    for n in range(1, 120):
        term *= (2 * n - 1) ** 2 / (8 * k * n)
        total += term
    return k - mp.log(2 * mp.pi * k) / 2 + mp.log(total)


def vector(along, across, y):
    length = mp.hypot(along, across)
    return along * mp.cos(y) + across * mp.sin(y) - mp.log(2 * mp.pi) - log_i0(length)


def vector_given(along, across, k, y):
    cosine = (along * mp.cos(y) + across * mp.sin(y)) / mp.hypot(along, across)
    return k * cosine - mp.log(2 * mp.pi) - log_i0(k)


def dirichlet(*arguments):
    a, y = arguments[:3], arguments[3:]
    peak = mp.loggamma(mp.fsum(a)) - mp.fsum(mp.loggamma(x) for x in a)
    return peak + mp.fsum((x - 1) * mp.log(z) for x, z in zip(a, y, strict=True))


def multivariate(size: int) -> Callable[..., mp.mpf]:
    def log_prob(*arguments):
        loc, entries, y = arguments[:size], iter(arguments[size:-size]), arguments[-size:]
        total, z = -mp.log(2 * mp.pi) * size / 2, []
        for row in range(size):
            rest = y[row] - loc[row]
            for known in z:
                rest -= next(entries) * known
            diagonal = next(entries)
            z.append(rest / diagonal)
            total -= z[-1] ** 2 / 2 + mp.log(diagonal)
        return total

    return log_prob


def mixture(*arguments):
    logits, loc, scale, y = arguments[:3], arguments[3:6], arguments[6:9], arguments[9]
    joint = [w + normal(m, s, y) for w, m, s in zip(logits, loc, scale, strict=True)]
    return log_sum(joint) - log_sum(logits)


def log_sum(values: Iterable[mp.mpf]) -> mp.mpf:
    values = list(values)
    return max(values) + mp.log(mp.fsum(mp.exp(value - max(values)) for value in values))


CASES = {
    "normal": Case("rp", 1200, draw_location, normal),
    "laplace": Case("rp", 500, draw_laplace, lambda m, s, y: -abs(y - m) / s - mp.log(2 * s)),
    "exponential": Case("p", 500, draw_exponential, lambda b, y: mp.log(b) - b * y),
    "log_normal": Case("rp", 1000, draw_log_normal, lambda m, s, y: normal(m, s, mp.log(y)) - mp.log(y)),
    "student_t": Case("prp", 1400, draw_student_t, student_t),
    "gamma": Case("pp", 1400, draw_gamma, gamma),
    "beta": Case("pp", 1400, draw_beta, beta),
    "beta_proportion": Case("rp", 1000, draw_beta_proportion, beta_proportion),
    "weibull": Case("pp", 1400, draw_weibull, weibull),
    "von_mises": Case("rp", 1200, draw_von_mises, von_mises),
    "von_mises_vector": Case("rr", 800, draw_vector, vector),
    "von_mises_vector_given": Case("rrp", 500, draw_vector_given, vector_given),
    "dirichlet": Case("ppp", 700, draw_dirichlet, dirichlet),
    "multivariate_normal_2": Case("rrprp", 400, draw_multivariate(2), multivariate(2)),
    "multivariate_normal_3": Case("rrrprprrp", 300, draw_multivariate(3), multivariate(3)),
    "gaussian_mixture": Case("rrrrrrppp", 500, draw_mixture, mixture),
}


def truth(case: Case, parameters: list[float], y: list[float]) -> tuple[mp.mpf, list[mp.mpf]] | None:
    """The log-density and its gradient by each raw output, or None where they do not fit float32."""
    values = [mp.mpf(value) for value in parameters]
    targets = [mp.mpf(value) for value in y]
    log_prob, gradient = case.log_prob(*values, *targets), []
    if abs(log_prob) > LARGEST:
        return None
    for index, kind in enumerate(case.kinds):

        def along(step: mp.mpf, index: int = index, kind: str = kind) -> mp.mpf:
            moved = values[index] * mp.exp(step) if kind == "p" else values[index] + step
            return case.log_prob(*values[:index], moved, *values[index + 1 :], *targets)

        slope = mp.diff(along, 0)
        if abs(slope) > LARGEST or (kind == "p" and abs(slope / values[index]) > LARGEST):
            return None
        gradient.append(slope)
    return log_prob, gradient


def valid(case: Case, name: str, y: list[float]) -> bool:
    if not all(math.isfinite(value) for value in y):
        return False
    if name in ("beta", "beta_proportion", "dirichlet"):
        return all(TINY < value < 1 for value in y)
    return name not in ("gamma", "weibull", "exponential", "log_normal") or y[0] > TINY


def points(name: str, case: Case, rng: Rng) -> dict[str, np.ndarray]:
    inputs, values, gradients = [], [], []
    while len(values) < case.count:
        parameters, y = case.draw(rng)
        y = [float(np.float32(value)) for value in y]
        found = truth(case, parameters, y) if valid(case, name, y) else None
        if found is not None:
            inputs.append([*parameters, *y])
            values.append(float(found[0]))
            gradients.append([float(slope) for slope in found[1]])
    exact = np.array(inputs, dtype=np.float32)
    assert (exact == np.array(inputs)).all()
    mantissa, exponent = np.frexp(np.array(values))
    rounded = np.ldexp(np.round(mantissa * 2.0**35), exponent - 35)
    return {"inputs": exact.T, "log_prob": rounded, "gradient": np.array(gradients, dtype=np.float32).T}


def main() -> None:
    mp.mp.dps = 60
    stored = {}
    for number, (name, case) in enumerate(CASES.items()):
        for part, array in points(name, case, np.random.default_rng(number)).items():
            stored[f"{name}.{part}"] = np.ascontiguousarray(array)
        print(name, case.count, file=sys.stderr, flush=True)
    np.savez_compressed(TARGET, **stored)
    print(TARGET, TARGET.stat().st_size, "bytes", sum(case.count for case in CASES.values()), "points")


if __name__ == "__main__":
    main()
