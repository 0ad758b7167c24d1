"""The energy score of vectors: E|Y - y| - E|Y - Y'| / 2 with Euclidean distances (Gneiting & Raftery, 2007)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
#: Step and half-width of the trapezoid rule in log s; the integrand is analytic and falls off exponentially.
_STEP, _HALF_WIDTH = 0.25, 62.0


def gaussian_energy(loc: Array, factor: Array, y: Array) -> Array:
    """The energy score of a multivariate normal, exact to 1e-10, (...).

    The mean length of a normal vector comes from E|Z| = 1 / (2 sqrt pi) times the integral over s > 0 of
    (1 - E exp(-s |Z|^2)) s^(-3/2), in which the expectation is a product over the principal axes.

    Args:
        loc: (..., D). factor: (..., D, D), lower triangular with covariance factor factorᵀ. y: (..., D).
    """
    axes, deviations, _ = np.linalg.svd(factor)
    rotated = np.einsum("...ij,...i->...j", axes, y - loc)
    return mean_length(rotated, deviations) - 0.5 * mean_length(np.zeros_like(rotated), np.sqrt(2.0) * deviations)


def mean_length(mean: Array, deviation: Array) -> Array:
    """E|Z| of independent normal coordinates, mean and deviation (..., D).

    >>> round(float(mean_length(np.zeros(1), np.ones(1))), 10) == round((2 / np.pi) ** 0.5, 10)
    True
    """
    scale = np.sqrt((mean**2 + deviation**2).sum(-1, keepdims=True))
    square, variance = (mean / scale) ** 2, (deviation / scale) ** 2
    total = np.zeros(square.shape[:-1])
    for step in np.arange(-_HALF_WIDTH, _HALF_WIDTH + _STEP, _STEP):
        s = np.exp(step)
        widened = 2.0 * s * variance
        log_expectation = -(0.5 * np.log1p(widened) + s * square / (1.0 + widened)).sum(-1)
        total -= np.expm1(log_expectation) * np.exp(-0.5 * step)
    length: Array = total * _STEP / (2.0 * np.sqrt(np.pi)) * scale[..., 0]
    return length


def sampled_energy(sample: Callable[[int, int], Array], y: Array, n: int = 200, seed: int = 0) -> Array:
    """The energy score by n pairs of samples, the same for the same seed: for vectors without a closed form.

    Its standard error is about 1 / sqrt(n) of the standard deviation of the distribution.

    Args:
        sample: from a number and a seed to samples (number, ..., D).
        y: (..., D).
    """
    total = np.zeros(y.shape[:-1])
    size = min(n, 50)
    for part in range(n // size):
        first, second = (sample(size, seed + 2 * part + half) for half in (0, 1))
        distance = 0.5 * (np.linalg.norm(first - y, axis=-1) + np.linalg.norm(second - y, axis=-1))
        total += (distance - 0.5 * np.linalg.norm(first - second, axis=-1)).sum(0)
    return total / (size * (n // size))
