"""Monotone rational-quadratic splines of the unit interval onto itself (Gregory & Delbourgo, 1982)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

#: The smallest width and height of a bin, and the logarithm of the largest slope at a knot: narrower bins could hold
#: single values, whose density would be all that training looks at.
LEAST_WIDTH, LEAST_HEIGHT, LARGEST = 1e-2, 1e-3, math.log(1e2)


class Bins(NamedTuple):
    """K bins: widths and heights (..., K), which sum to 1, and the logarithms of the slopes (..., K + 1) at knots."""

    widths: Tensor
    heights: Tensor
    log_slopes: Tensor

    @classmethod
    def of(cls, widths: Tensor, heights: Tensor, slopes: Tensor) -> Bins:
        """Bins in proportion to positive numbers, at least 1/100 wide and 1/1000 high; slopes from 1/100 to 100.

        >>> Bins.of(torch.ones(2), torch.tensor([1.0, 3.0]), torch.ones(3)).heights
        tensor([0.2505, 0.7495])
        """
        return cls(
            _shares(widths, LEAST_WIDTH), _shares(heights, LEAST_HEIGHT), LARGEST * torch.tanh(slopes.log() / LARGEST)
        )

    def seen_from(self, is_upper: Tensor) -> Bins:
        """The spline 1 - S(1 - u) where `is_upper` (...), which runs from the other end, else S itself."""
        side = is_upper.unsqueeze(-1)
        return Bins(*(torch.where(side, values.flip(-1), values) for values in self))


class _Bin(NamedTuple):
    """The bin of a point: where it starts, its width and height, and the slopes at both of its knots, all (...)."""

    is_first: Tensor
    x: Tensor
    y: Tensor
    width: Tensor
    height: Tensor
    first_slope: Tensor
    last_slope: Tensor


class LogValues(NamedTuple):
    """The logarithms of a spline and of its slope, (...)."""

    value: Tensor
    slope: Tensor


def _shares(weights: Tensor, least: float) -> Tensor:
    return least + (1.0 - least * weights.shape[-1]) * weights / weights.sum(-1, keepdim=True)


def _bin(bins: Bins, at: Tensor, is_value: bool = False) -> _Bin:
    """The bin in which a point of [0, 1] lies, or a value of the spline."""
    knots = (bins.heights if is_value else bins.widths).cumsum(-1)[..., :-1]
    place = (at.detach().unsqueeze(-1) >= knots.detach()).sum(-1, keepdim=True)

    def chosen(values: Tensor, shift: int = 0) -> Tensor:
        shape = (*torch.broadcast_shapes(place.shape[:-1], values.shape[:-1]), values.shape[-1])
        return values.expand(shape).gather(-1, place.expand(*shape[:-1], 1) + shift).squeeze(-1)

    slopes = bins.log_slopes.exp()
    x, y = (chosen(shares.cumsum(-1) - shares) for shares in (bins.widths, bins.heights))
    ends = chosen(slopes), chosen(slopes, 1)
    return _Bin(place.squeeze(-1) == 0, x, y, chosen(bins.widths), chosen(bins.heights), *ends)


def log_values(bins: Bins, log_point: Tensor) -> LogValues:
    """log S(u) and log S'(u) from log u (...), u in (0, 1); near u = 0 as right as log u is.

    >>> bins = Bins.of(torch.ones(4), torch.ones(4), torch.ones(5))
    >>> log_values(bins, torch.tensor(-90.0))
    LogValues(value=tensor(-90.), slope=tensor(0.))
    """
    point = log_point.exp()
    part = _bin(bins, point)
    steep = part.height / part.width
    xi = (point - part.x) / part.width
    rest = 1.0 - xi
    both = xi * rest
    below = steep + (part.first_slope + part.last_slope - 2.0 * steep) * both
    chord = steep * (steep * xi + part.first_slope * rest) / below
    value = part.y + (point - part.x) * chord
    # In the first bin S(u) = u times the chord.
    log_value = torch.where(part.is_first, log_point + chord.log(), torch.where(part.is_first, 1.0, value).log())
    above = part.last_slope * xi * xi + 2.0 * steep * both + part.first_slope * rest * rest
    return LogValues(log_value, 2.0 * steep.log() + above.log() - 2.0 * below.log())


def inverse(bins: Bins, value: Tensor) -> Tensor:
    """The point u in [0, 1] at which S(u) is the value (...), without cancellation (Durkan et al., 2019, appendix A).

    >>> bins = Bins.of(torch.ones(4), torch.ones(4), torch.ones(5))
    >>> inverse(bins, torch.tensor([0.0, 0.3]))
    tensor([0.0000, 0.3000])
    """
    part = _bin(bins, value, is_value=True)
    steep, rise = part.height / part.width, value - part.y
    bend = part.first_slope + part.last_slope - 2.0 * steep
    a = part.height * (steep - part.first_slope) + rise * bend
    b = part.height * part.first_slope - rise * bend
    c = steep * rise
    root = (b * b + 4.0 * a * c).clamp(min=0.0).sqrt()
    return part.x + part.width * (2.0 * c / (b + root))
