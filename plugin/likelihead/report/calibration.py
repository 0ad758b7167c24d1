"""Whether predicted probabilities agree with what was observed: counts, shares and their sampling bands."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from likelihead import inference
from likelihead.evaluation.quantiles import UNCALIBRATED, Quantiles
from likelihead.inference import law
from likelihead.report.answers import Answer

Array = NDArray[np.float64]
#: The probability with which a correct model stays within a band, at each point.
BAND = 0.95
#: The masses of the intervals whose coverage is shown.
MASSES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


def pit_of(answer: Answer) -> Array:
    """The pit of each row, (n,), randomised for discrete, censored and truncated answers (seed 0).

    Of a censored target it is drawn from the range of the pit that is left, (F(lower), F(upper)); of a truncated one F
    is the cdf between its limits. In a correct model it is uniform.
    """
    if answer.bounds is None and answer.truncation is None:
        return inference.pit(answer.predicted, answer.y).numpy()
    ends = torch.stack([answer.y, answer.y], -1) if answer.bounds is None else answer.bounds
    lower, upper = _masses(answer, ends)
    uniform = np.random.default_rng(0).random(len(lower))
    values = lower + uniform * (upper - lower)
    if answer.truncation is None:
        return values
    first, last = _masses(answer, answer.truncation)
    return (values - first) / np.maximum(last - first, np.finfo(np.float64).tiny)


def _masses(answer: Answer, ends: Tensor) -> tuple[Array, Array]:
    """P(Y < lower) and P(Y <= upper) of ends (n, 2), each (n,)."""
    its_law = law(answer.predicted)
    lower, upper = ends.double().numpy().T
    below = np.where(np.isinf(lower), 0.0, its_law.below(np.where(np.isinf(lower), 0.0, lower)))
    within = np.where(np.isinf(upper), 1.0, its_law.cdf(np.where(np.isinf(upper), 0.0, upper)))
    return below, within


class Histogram(NamedTuple):
    """Counts of the pit in bins of equal width, and the band of counts of uniform values.

    Attributes:
        edges: of the bins, (m + 1,).
        counts: (m,).
        lower, upper: the band, in counts.
    """

    edges: Array
    counts: Array
    lower: float
    upper: float


def pit_histogram(pit: Array) -> Histogram:
    """The histogram of pit values (n,), in 5 to 20 bins.

    >>> histogram = pit_histogram(np.linspace(0.01, 0.99, 100))
    >>> histogram.counts.tolist(), histogram.lower, histogram.upper
    ([10, 10, 10, 10, 10, 10, 10, 10, 10, 10], 5.0, 16.0)
    """
    bins = int(np.clip(len(pit) // 10, 5, 20))
    counts, edges = np.histogram(pit, bins, (0.0, 1.0))
    lower, upper = stats.binom.interval(BAND, len(pit), 1.0 / bins)
    return Histogram(edges, counts, float(lower), float(upper))


class Coverage(NamedTuple):
    """The shares of observed values inside central intervals.

    Attributes:
        masses: the masses of the intervals that were asked for, (m,).
        observed: the share of observed values inside them, (m,).
        expected: the share that the model expects, (m,); for discrete answers more than the mass.
        error: the standard deviation of the share if the model is right, (m,).
    """

    masses: Array
    observed: Array
    expected: Array
    error: Array

    def within(self) -> NDArray[np.bool_]:
        """Where the observed share lies in the band, (m,)."""
        return np.abs(self.observed - self.expected) <= stats.norm.ppf(0.5 + BAND / 2.0) * self.error + 1e-12


def coverage(answer: Answer, masses: tuple[float, ...] = MASSES, quantiles: Quantiles = UNCALIBRATED) -> Coverage:
    """The coverage of the central intervals of an answer that is a number, an angle or a level.

    Args:
        answer: n rows.
        masses: those of the intervals.
        quantiles: where the intervals come from: the predictions, or a calibration of them. For censored and truncated
            targets, whose place is not known, the pit is counted inside the middle of its range instead.
    """
    if answer.bounds is not None or answer.truncation is not None:
        asked, pit = np.array(masses), pit_of(answer)
        inside = np.abs(2.0 * pit[:, None] - 1.0) <= asked
        return Coverage(asked, inside.mean(0), asked, np.sqrt(asked * (1.0 - asked) / len(pit)))
    y, its_law = answer.y.numpy(), law(answer.predicted)
    observed, expected, error = [], [], []
    for mass in masses:
        lower, upper = (end.numpy() for end in quantiles.interval(answer.predicted, mass))
        is_inside = (y >= lower) & (y <= upper) | (lower > upper) & ((y >= lower) | (y <= upper))
        # An interval of directions that passes through pi has its lower end above its upper end.
        promised = its_law.cdf(upper) - its_law.below(lower) + (lower > upper)
        observed.append(is_inside.mean())
        expected.append(promised.mean())
        error.append(np.sqrt((promised * (1.0 - promised)).sum()) / len(y))
    return Coverage(*map(np.array, (masses, observed, expected, error)))


class Worm(NamedTuple):
    """A detrended quantile plot of residuals that are standard normal if the model is right.

    Attributes:
        z: the expected residuals, (n,) in ascending order.
        deviation: the observed residuals less the expected ones, (n,).
        band: half the width of the band at z, (n,).
    """

    z: Array
    deviation: Array
    band: Array


def quantile_residuals(pit: Array) -> Array:
    """Residuals (n,), standard normal if the pit (n,) is uniform (Dunn & Smyth, 1996).

    >>> quantile_residuals(np.array([0.5, 0.975])).round(2)
    array([0.  , 1.96])
    """
    tiny = np.finfo(np.float64).tiny
    residuals: Array = stats.norm.ppf(np.clip(pit, tiny, 1.0 - np.finfo(np.float64).epsneg))
    return residuals


def worm(pit: Array) -> Worm:
    """The worm plot of van Buuren & Fredriks (2001) for pit values (n,)."""
    residuals = np.sort(quantile_residuals(pit))
    p = (np.arange(len(pit)) + 0.5) / len(pit)
    z = stats.norm.ppf(p)
    error = np.sqrt(p * (1.0 - p) / len(pit)) / stats.norm.pdf(z)
    return Worm(z, residuals - z, stats.norm.ppf(0.5 + BAND / 2.0) * error)


class Reliability(NamedTuple):
    """How often something happened, among the rows for which it was about as probable.

    Attributes:
        forecast: the mean probability of each bin, (m,).
        observed: the share of its rows in which it happened, (m,).
        lower, upper: the band of that share if the model is right, (m,).
        counts: the rows of each bin, (m,).
    """

    forecast: Array
    observed: Array
    lower: Array
    upper: Array
    counts: NDArray[np.int64]

    def within(self) -> NDArray[np.bool_]:
        """Where the observed share lies in the band, (m,)."""
        return (self.lower <= self.observed) & (self.observed <= self.upper)


def reliability(probability: Array, happened: NDArray[np.bool_]) -> Reliability:
    """Rows (n,) in ten bins of equal width of the probability, without the empty ones.

    >>> found = reliability(np.full(20, 0.25), np.arange(20) < 5)
    >>> found.forecast, found.observed, found.lower, found.upper
    (array([0.25]), array([0.25]), array([0.1]), array([0.45]))
    """
    bins = np.minimum((probability * 10.0).astype(np.int64), 9)
    groups = [bins == k for k in np.unique(bins)]
    forecast = np.array([probability[rows].mean() for rows in groups])
    counts = np.array([rows.sum() for rows in groups])
    lower, upper = stats.binom.interval(BAND, counts, np.clip(forecast, 0.0, 1.0))
    observed = np.array([happened[rows].mean() for rows in groups])
    return Reliability(forecast, observed, lower / counts, upper / counts, counts)
