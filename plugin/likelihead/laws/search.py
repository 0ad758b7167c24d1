"""Searches that run over whole arrays at once: bisection, the highest of many peaks, the shortest interval."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_Map = Callable[[Array], Array]
_MIN = np.iinfo(np.int64).min
#: Points of one round of `highest`, and of the first scan for the shortest interval.
_POINTS, _RANKS = 17, 49


class Searchable(Protocol):
    """What the searches for intervals need of a law; see `likelihead.laws.law.Law`."""

    shape: tuple[int, ...]
    unimodal: bool

    def quantile(self, q: Array) -> Array: ...
    def quantile_between(self, q: Array, lower: Array, upper: Array) -> Array: ...
    def rough_quantile(self, q: Array) -> Array: ...
    def cdf(self, y: Array) -> Array: ...
    def below(self, y: Array) -> Array: ...
    def log_density(self, y: Array) -> Array: ...
    def log_density_at_rank(self, q: Array) -> Array: ...
    def ranks_of_interest(self) -> Array: ...


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


def crossing(cdf: _Map, log_density: _Map, q: Array, lower: Array, upper: Array, steps: int = 200) -> Array:
    """Where a continuous cdf crosses q between lower and upper: Newton's steps, kept inside a bracket that shrinks.

    Every third step halves the bracket in the order of the floats, so that a flat density costs at most 200 steps.
    Right to a few units in the last place; with fewer `steps` near there.
    """
    low, high = lower + 0.0, upper + 0.0
    y = _middle(low, high)
    done = ~(low < high)
    for step in range(1, steps):
        gap = cdf(y) - q
        low, high = np.where(gap < 0.0, y, low), np.where(gap < 0.0, high, y)
        newton = y - gap * np.exp(-log_density(y))
        inside = (newton > low) & (newton < high) & (step % 3 > 0)
        done = done | (np.abs(gap) <= 1e-15 * q) | (np.abs(newton - y) <= 4.0 * np.spacing(np.abs(y))) | ~(low < high)
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
    return _bisect_integers(below, *_stride_down(below, low, high))


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


def _bisect_integers(below: _Map, low: Array, high: Array) -> Array:
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


def _pick(law: Searchable, ranks: Array, mass: float, limit: float) -> tuple[Array, Array]:
    """Of lower ranks (n, *shape) the one with the shortest interval: its lower and upper end."""
    ends = [law.quantile(ranks), law.quantile(np.minimum(ranks + mass, limit))]
    length = ends[1] - ends[0]
    best = np.argmin(np.where(np.isnan(length), np.inf, length), axis=0)[None]
    lower, upper = (np.take_along_axis(end, best, 0)[0] for end in ends)
    return lower, upper


def shortest(law: Searchable, mass: float, limit: float = 1.0) -> tuple[Array, Array]:
    """The shortest interval that holds `mass` of a continuous law: the highest-density one where there is one peak.

    Its length falls with the lower end as long as the density there is below that at the upper end, so bisection
    gives the best lower rank. With several peaks a scan first locates it roughly.

    Args:
        law: its `quantile` takes ranks in [0, limit].
        mass: in (0, 1).
        limit: 1 on the line; on a circle 1 + mass, as an interval may start anywhere.
    """
    spare = limit - mass
    ends = np.stack([np.zeros(law.shape), np.full(law.shape, spare)])
    ranks = _equal_ends(law, ends, mass)[None] if law.unimodal else _equal_ends_of_many(law, mass, limit)
    return _pick(law, np.concatenate([ranks, ends]), mass, limit)


def _equal_ends(law: Searchable, ends: Array, mass: float) -> Array:
    """The lower rank at which both ends have the same density, between `ends`; exactly an end where none has."""
    low, high = ends
    for _ in range(52):
        middle = (low + high) / 2.0
        upper = law.log_density_at_rank(np.minimum(middle + mass, ends[1] + mass))
        under = law.log_density_at_rank(middle) < upper
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return np.where(low == ends[0], low, high)


def _equal_ends_of_many(law: Searchable, mass: float, limit: float) -> Array:
    """As `_equal_ends` where there may be several such ranks: those of the shortest intervals, (n, *shape), to 1e-10.

    A scan finds the stretches in which the length is least; then the quantiles at their ends bracket those between.
    """
    # Denser towards both ends, where one end of the interval runs into a tail.
    even = (limit - mass) * np.sin(np.linspace(0.0, np.pi / 2.0, _RANKS)) ** 2
    even = even.reshape(-1, *[1] * len(law.shape)) + np.zeros(law.shape)
    marks = law.ranks_of_interest()
    ranks = np.sort(np.clip(np.concatenate([even, marks, marks - mass]), 0.0, limit - mass), axis=0)
    least = _valleys(law.rough_quantile(np.minimum(ranks + mass, limit)) - law.rough_quantile(ranks))
    low, high = (np.take_along_axis(ranks, np.clip(least + side, 0, len(ranks) - 1), 0) for side in (-1, 1))
    start = low
    below, above = ([law.quantile(end), law.quantile(np.minimum(end + mass, limit))] for end in (low, high))
    for _ in range(28):
        middle = (low + high) / 2.0
        shifts = (middle, np.minimum(middle + mass, limit))
        edges = zip(shifts, below, above, strict=True)
        ends = [law.quantile_between(q, lower, upper) for q, lower, upper in edges]
        under = law.log_density(ends[0]) < law.log_density(ends[1])
        low, high = np.where(under, middle, low), np.where(under, high, middle)
        below = [np.where(under, new, old) for new, old in zip(ends, below, strict=True)]
        above = [np.where(under, old, new) for new, old in zip(ends, above, strict=True)]
    return np.where(low == start, low, high)


def _valleys(lengths: Array, most: int = 3) -> Array:
    """The positions of the lowest lengths (n, *shape) that are below their neighbours, (most, *shape)."""
    lengths = np.where(np.isnan(lengths), np.inf, lengths)
    beyond = np.full_like(lengths[:1], np.inf)
    padded = np.concatenate([beyond, lengths, beyond])
    valley = (lengths <= padded[:-2]) & (lengths <= padded[2:])
    return np.argsort(np.where(valley, lengths, np.inf), axis=0, kind="stable")[:most]


def shortest_integers(law: Searchable, mass: float) -> tuple[Array, Array]:
    """The smallest run of integers that holds at least `mass`; of several the one that holds most, then the lowest."""
    last = law.quantile(np.full(law.shape, 1.0 - mass))
    low, high = np.full(law.shape, -1.0), last
    if not law.unimodal:
        ranks = np.linspace(0.0, 1.0 - mass, _RANKS).reshape(-1, *[1] * low.ndim) + low * 0.0
        starts = law.quantile(ranks)
        best = np.argmin(_reach(law, starts, mass) - starts, axis=0)[None]
        low, high = (np.take_along_axis(starts, np.clip(best + side, 0, _RANKS - 1), 0)[0] for side in (-1, 1))
        low = low - 1.0
    start = _bisect_integers(lambda y: law.log_density(y) < law.log_density(_reach(law, y, mass)), low, high)
    starts = np.stack([start - 1.0, start, start + 1.0, np.zeros(law.shape)])
    return shortest_run(law, np.clip(starts, 0.0, last), mass)


def shortest_run(law: Searchable, starts: Array, mass: float) -> tuple[Array, Array]:
    """Of the runs of integers that begin at `starts` (n, *shape) and hold `mass` the best, as `shortest_integers`."""
    ends = _reach(law, starts, mass)
    held = law.cdf(ends) - law.below(starts)
    best = np.lexsort((starts, -held, ends - starts), axis=0)[:1]
    lower, upper = (np.take_along_axis(end, best, 0)[0] for end in (starts, ends))
    return lower, upper


def _reach(law: Searchable, lower: Array, mass: float) -> Array:
    return law.quantile(np.minimum(law.below(lower) + mass, 1.0 - 1e-16))
