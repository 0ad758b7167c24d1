"""Searches that run over whole arrays at once: bisection, the crossing of a level, the highest of many peaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_Map = Callable[[Array], Array]
_MIN = np.iinfo(np.int64).min
#: Points of one round of `highest`.
_POINTS = 17


class Scorable(Protocol):
    """What the score of a law with extra zeros needs of its base."""

    shape: tuple[int, ...]

    def mean(self) -> Array: ...
    def crps(self, y: Array) -> Array: ...


def _rank(x: Array) -> Array:
    """Floats as integers of the same order: neighbours differ by 1, and -0.0 is 0.0."""
    bits = np.ascontiguousarray(x, dtype=np.float64).view(np.int64).reshape(np.shape(x))
    return np.where(bits < 0, _MIN - bits, bits)


def _float(rank: Array) -> Array:
    bits = np.where(rank < 0, _MIN - rank, rank)
    return np.ascontiguousarray(bits).view(np.float64).reshape(bits.shape)


def smallest(below: _Map, lower: Array, upper: Array) -> Array:
    """The smallest y in [lower, upper] at which `below` is false, where it is true before and false after.

    Bisection over the floats themselves: at most 64 steps, right to the last bit at any magnitude, infinity included.

    Args:
        below: takes an array of the shape of the result, returns booleans.
        lower, upper: of one shape; `upper` is returned where `below` is true everywhere before it.

    >>> smallest(lambda y: y * y < 2.0, np.zeros(1), np.full(1, 1e9))
    array([1.41421356])
    """
    low, high = _rank(lower) - 1, _rank(upper)
    while (low + 1 < high).any():
        middle = (low >> 1) + (high >> 1) + (low & high & 1)
        under = below(_float(middle)) & (middle > low)
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return _float(high)


def crossing(
    cdf: _Map, log_density: _Map, q: Array, lower: Array, upper: Array, steps: int = 200, tolerance: float = 0.0
) -> Array:
    """Where a continuous cdf crosses q between lower and upper: Newton's steps, kept inside a bracket that shrinks.

    Every third step halves the bracket in the order of the floats, so that a flat density costs at most 200 steps.
    Right to a few units in the last place; with fewer `steps` near there, and with a `tolerance` to that share of
    min(q, 1 - q): where the cdf has rounding errors, a smaller one costs all steps.
    """
    close = np.maximum(1e-15 * q, tolerance * np.minimum(q, 1.0 - q))
    low, high = lower + 0.0, upper + 0.0
    y = _middle(low, high)
    done = ~(low < high)
    for step in range(1, steps):
        gap = cdf(y) - q
        low, high = np.where(gap < 0.0, y, low), np.where(gap < 0.0, high, y)
        newton = y - gap * np.exp(-log_density(y))
        inside = (newton > low) & (newton < high) & (step % 3 > 0)
        done = done | (np.abs(gap) <= close) | (np.abs(newton - y) <= 4.0 * np.spacing(np.abs(y))) | ~(low < high)
        if done.all():
            break
        y = np.where(done, y, np.where(inside, newton, _middle(low, high)))
    return np.where(lower == upper, lower, y)


def _middle(low: Array, high: Array) -> Array:
    """Half-way: by value where the bracket is narrow, in the order of the floats where it spans magnitudes."""
    first, last = _rank(low), _rank(high)
    ordered = _float((first >> 1) + (last >> 1) + (first & last & 1))
    plain = low + 0.5 * (high - low)
    small, large = np.minimum(np.abs(low), np.abs(high)), np.maximum(np.abs(low), np.abs(high))
    near = np.isfinite(plain) & ((low < 0.0) & (high > 0.0) | (large <= 8.0 * small))
    return np.where(near, plain, ordered)


def smallest_integer(below: _Map, guess: Array, lower: float = 0.0) -> Array:
    """The smallest integer y >= lower at which `below` is false: strides that double, from a guess, then bisection.

    Above 2^53 it is the smallest float. Infinity where `below` holds for every finite number.

    >>> float(smallest_integer(lambda y: y * y < 2e6, np.array(10.0)))
    1415.0
    """
    high = np.maximum(np.floor(guess), lower)
    low, step = np.full_like(high, lower - 1.0), np.ones_like(high)
    under = below(high)
    while under.any():
        low = np.where(under, high, low)
        high = np.where(under, np.where(step > 1e300, np.inf, high + np.maximum(step, np.spacing(high))), high)
        step = np.where(under, 2.0 * step, step)
        under = under & np.isfinite(high) & below(high)
    return bisect_integers(below, *_stride_down(below, low, high))


def _stride_down(below: _Map, low: Array, high: Array) -> tuple[Array, Array]:
    step = np.maximum(1.0, np.spacing(high))
    moving = (high - low > 1.0) & np.isfinite(high)
    while moving.any():
        trial = np.where(moving, np.maximum(high - step, low), low)
        moving = moving & (trial > low)
        under = below(trial)
        low = np.where(moving & under, trial, low)
        high = np.where(moving & ~under, trial, high)
        moving, step = moving & ~under & (high - low > 1.0), 2.0 * step
    return low, high


def bisect_integers(below: _Map, low: Array, high: Array) -> Array:
    """The smallest integer in (low, high] at which `below` is false, where it is true at `low` and false at `high`."""
    while True:
        middle = np.where(np.isfinite(high), np.floor(low + (high - low) / 2.0), high)
        open_ = (middle > low) & (middle < high)
        if not open_.any():
            return high
        under = below(middle)
        low = np.where(open_ & under, middle, low)
        high = np.where(open_ & ~under, middle, high)


def highest(score: _Map, candidates: Array, discrete: bool = False, peaks: int = 3) -> Array:
    """The y of the greatest score: the best of the candidates, and of the peaks between them.

    Each of the `peaks` highest candidates that beat their neighbours is refined between those neighbours by a grid
    that shrinks eightfold at a time, which is right where there is one peak between two neighbours.

    Args:
        score: takes (n, *shape), returns scores of the same shape (infinite is allowed).
        candidates: (n, *shape) finite numbers.
        discrete: y is an integer.
    """
    points = np.sort(candidates, axis=0)
    scores = score(points)
    beyond = np.full_like(scores[:1], -np.inf)
    padded = np.concatenate([beyond, scores, beyond])
    peak = (scores >= padded[:-2]) & (scores >= padded[2:])
    order = np.argsort(np.where(peak, -scores, np.inf), axis=0, kind="stable")[:peaks]
    lower = np.take_along_axis(points, np.maximum(order - 1, 0), 0)
    upper = np.take_along_axis(points, np.minimum(order + 1, len(points) - 1), 0)
    refined = _shrink(score, lower, np.take_along_axis(points, order, 0), upper, discrete)
    return _first_best(score, refined)


def _first_best(score: _Map, points: Array) -> Array:
    """Of points (n, *shape) the one with the greatest score; of equal ones the smallest."""
    points = np.sort(points, axis=0)
    best = np.argmax(score(points), axis=0)
    return np.take_along_axis(points, best[None], 0)[0]


def _shrink(score: _Map, lower: Array, best: Array, upper: Array, discrete: bool) -> Array:
    steps = np.linspace(0.0, 1.0, _POINTS).reshape(-1, *[1] * lower.ndim)
    for _ in range(11):
        grid = lower + steps * (upper - lower)
        grid = np.concatenate([np.round(grid) if discrete else grid, best[None]])
        scores = score(grid.reshape(-1, *lower.shape[1:])).reshape(grid.shape)
        at = np.argmax(scores, axis=0)[None]
        best = np.take_along_axis(grid, at, 0)[0]
        width = (upper - lower) / (_POINTS - 1)
        lower, upper = np.maximum(lower, best - width), np.minimum(upper, best + width)
    return best
