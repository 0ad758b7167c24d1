"""The shortest interval that holds a given probability: of densities with one peak or several, and of counts."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from likelihead.laws.search import bisect_integers

Array = npt.NDArray[Any]
#: Ranks of the first scan for the shortest run of integers.
_RANKS = 49
#: Steps of the searches for an interval whose ends have the same density: for its first upper ends, and for itself.
_FIRST_STEPS, _STEPS = 6, 12


class Searchable(Protocol):
    """What the searches for intervals need of a law; see `likelihead.laws.law.Law`."""

    shape: tuple[int, ...]
    unimodal: bool

    def quantile(self, q: Array) -> Array: ...
    def cdf(self, y: Array) -> Array: ...
    def below(self, y: Array) -> Array: ...
    def log_density(self, y: Array) -> Array: ...
    def log_density_at_rank(self, q: Array) -> Array: ...
    def nodes(self, mass: float, limit: float) -> Array: ...
    def pieces(self) -> Array: ...


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
    gives the best lower rank. With several peaks a table of the cdf first locates it roughly.

    Args:
        law: its `quantile` takes ranks in [0, limit].
        mass: in (0, 1).
        limit: 1 on the line; on a circle 1 + mass, as an interval may start anywhere.
    """
    if not law.unimodal:
        return _shortest_of_many(law, mass, limit)
    ends = np.stack([np.zeros(law.shape), np.full(law.shape, limit - mass)])
    return _pick(law, np.concatenate([_equal_ends(law, ends, mass)[None], ends]), mass, limit)


def _equal_ends(law: Searchable, ends: Array, mass: float) -> Array:
    """The lower rank at which both ends have the same density, between `ends`; exactly an end where none has."""
    low, high = ends
    for _ in range(52):
        middle = (low + high) / 2.0
        upper = law.log_density_at_rank(np.minimum(middle + mass, ends[1] + mass))
        under = law.log_density_at_rank(middle) < upper
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return np.where(low == ends[0], low, high)


def _shortest_of_many(law: Searchable, mass: float, limit: float) -> tuple[Array, Array]:
    """As `shortest` where several intervals may have the same density at both ends."""
    nodes = np.sort(law.nodes(mass, limit), axis=0)
    ranks = np.maximum.accumulate(law.cdf(nodes), axis=0)
    bottom, last, top = (law.quantile(np.full(law.shape, rank)) for rank in (0.0, limit - mass, limit))
    # Between these lower ends, either end of the interval lies between two neighbouring nodes.
    lower = np.concatenate([nodes, _interpolated(ranks - mass, ranks, nodes)])
    upper = np.concatenate([_interpolated(ranks + mass, ranks, nodes), nodes])
    order = np.argsort(lower, axis=0)
    lower, upper = (np.take_along_axis(end, order, 0) for end in (lower, upper))
    least, final = _valleys(upper - lower), np.count_nonzero(np.isfinite(lower), axis=0) - 1
    low, high = (_interval_at(lower, upper, np.clip(least + side, 0, final)) for side in (-3, 3))
    chord = _Chord(law, mass, nodes[-1])
    starts, ends = chord.of_equal_density((np.minimum(low[0], last), low[1]), (np.minimum(high[0], last), high[1]))
    best = np.argmin(np.where(np.isnan(ends), np.inf, ends - starts), axis=0)[None]
    start = np.take_along_axis(starts, best, 0)[0]
    end = law.quantile(np.minimum(law.cdf(start) + mass, limit))
    edges = [(last, top)]
    if np.isfinite(bottom).any():
        edges.append((bottom, law.quantile(np.full(law.shape, mass))))
    for first, final_end in edges:
        is_shorter = final_end - first <= end - start
        start, end = np.where(is_shorter, first, start), np.where(is_shorter, final_end, end)
    return start, end


def _interval_at(lower: Array, upper: Array, place: Array) -> tuple[Array, Array]:
    return np.take_along_axis(lower, place, 0), np.take_along_axis(upper, place, 0)


def _interpolated(x: Array, known: Array, values: Array) -> Array:
    """Values (n, *shape) at x (m, *shape), between those known at `known` (n, *shape); NaN outside of them."""
    columns = (array.reshape(len(array), -1).T for array in (x, known, values))
    each = [np.interp(at, xp, fp, left=np.nan, right=np.nan) for at, xp, fp in zip(*columns, strict=True)]
    return np.stack(each, axis=1).reshape(x.shape) if each else x


class _Chord:
    """Intervals (a, b) that hold `mass` of a continuous law, as functions of a; b is at most `top`."""

    def __init__(self, law: Searchable, mass: float, top: Array) -> None:
        self.law, self.mass, self.top = law, mass, top

    def end(self, a: Array, guess: Array, low: Array, high: Array, steps: int) -> Array:
        """b from a guess: Newton's steps, kept inside a bracket."""
        wanted, b = self.law.cdf(a) + self.mass, guess
        for _ in range(steps):
            gap = self.law.cdf(b) - wanted
            low, high = np.where(gap < 0.0, b, low), np.where(gap < 0.0, high, b)
            newton = b - gap * np.exp(-self.law.log_density(b))
            b = np.where((newton >= low) & (newton <= high), newton, 0.5 * (low + high))
        return b

    def of_equal_density(self, low: tuple[Array, Array], high: tuple[Array, Array]) -> tuple[Array, Array]:
        """Between two intervals the one whose ends have the same density, or that of the two that is nearer to it.

        The Illinois method on the difference of the log-densities, with a bisection at every fourth step.

        Args:
            low, high: a, and a guess of b.
        """
        sides = np.stack([low[0], high[0]])
        guess = np.stack([low[1], high[1]])
        guess = np.where(np.isfinite(guess), guess, self.top)
        (low_a, high_a), (low_b, high_b) = sides, self.end(sides, guess, sides, self.top, _FIRST_STEPS)
        slopes = self._slope(low_a, low_b), self._slope(high_a, high_b)
        edges, under = (low_a, high_a), np.zeros(low_a.shape, dtype=bool)
        falls, rises = slopes
        at_edge = ~((falls < 0.0) & (rises > 0.0))
        for step in range(_STEPS):
            share = falls / (falls - rises)
            share = np.where((share > 0.0) & (share < 1.0) & (step % 4 < 3), share, 0.5)
            a = low_a + share * (high_a - low_a)
            b = self.end(a, low_b + share * (high_b - low_b), low_b, high_b, 2)
            slope, before = self._slope(a, b), under
            under = slope < 0.0
            # A side that stays for two steps counts half.
            falls = np.where(under, slope, np.where(before | (step == 0), falls, 0.5 * falls))
            rises = np.where(under, np.where(before & (step > 0), 0.5 * rises, rises), slope)
            low_a, low_b = np.where(under, a, low_a), np.where(under, b, low_b)
            high_a, high_b = np.where(under, high_a, a), np.where(under, high_b, b)
            if (at_edge | (np.abs(slope) < 1e-10)).all():
                break
        a = np.where(slopes[0] >= 0.0, edges[0], np.where(slopes[1] <= 0.0, edges[1], a))
        return a, self.end(a, b, a, self.top, 2)

    def _slope(self, a: Array, b: Array) -> Array:
        """Below 0 where the interval gets shorter as a rises."""
        return self.law.log_density(a) - self.law.log_density(b)


def _valleys(lengths: Array, most: int = 2) -> Array:
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
    start = bisect_integers(lambda y: law.log_density(y) < law.log_density(_reach(law, y, mass)), low, high)
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
