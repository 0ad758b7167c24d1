"""The look of the figures: one drawing serves light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: The colours of a light page, by their role; in the page each becomes the CSS variable of that name.
COLORS = {
    "ink": "#1b1f24",
    "muted": "#66717d",
    "grid": "#dfe3e8",
    "paper": "#fffffe",
    "predicted": "#1f6fb2",
    "observed": "#c8501e",
    "reference": "#4f7d2c",
    "series-1": "#1f6fb3",
    "series-2": "#c8501f",
    "series-3": "#4f7d2d",
    "series-4": "#8a4fa3",
    "series-5": "#a67c00",
    "series-6": "#00818a",
}
INK, MUTED, GRID, PAPER = (COLORS[name] for name in ("ink", "muted", "grid", "paper"))
PREDICTED, OBSERVED, REFERENCE = (COLORS[name] for name in ("predicted", "observed", "reference"))
SERIES = [color for name, color in COLORS.items() if name.startswith("series")]
#: Line styles that tell series apart without their colours.
DASHES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2))]

#: Width of a panel in inches: a phone shows it at about its natural size.
WIDTH = 4.4
SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "likelihead",
    "text.parse_math": False,
    "axes.formatter.useoffset": False,
    "font.size": 10.0,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "legend.fontsize": 9.0,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": GRID,
    "lines.linewidth": 1.8,
}


class Panel(NamedTuple):
    """One drawing, and what it shows in words, for those who cannot see it."""

    figure: Figure
    alt: str


class Drawing(NamedTuple):
    """The panels of a figure, and a sentence with what is found in them."""

    panels: list[Panel]
    finding: str = ""


@contextmanager
def applied() -> Iterator[None]:
    """Draw and render in this style; matplotlib's own settings stay as they are."""
    with matplotlib.rc_context(rc=SETTINGS):  # type: ignore[arg-type]
        yield


def axes(title: str = "", height: float = 3.0, **options: Any) -> tuple[Figure, Axes]:
    """A new figure with one pair of axes.

    Args:
        title: the title of the axes.
        height: in inches; the width is that of a panel.
        options: options of matplotlib's `add_subplot`.

    >>> with applied():
    ...     figure, plot = axes("Ozone")
    >>> plot.get_title(loc="left")
    'Ozone'
    """
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    plot = figure.add_subplot(**options)
    if title:
        plot.set_title(shortened(title, 44))
    return figure, plot


def shortened(text: str, length: int) -> str:
    """A text of at most `length` characters.

    >>> shortened("a very long name", 8)
    'a very…'
    """
    return text if len(text) <= length else f"{text[: length - 2].rstrip()}…"


def number(value: float, digits: int = 3) -> str:
    """A number with some significant digits, without an exponent where it can be read without one.

    >>> number(1234.5), number(0.01234), number(-1e-9), number(2.0e12)
    ('1,234', '0.0123', '−1e-09', '2e+12')
    """
    size = abs(value)
    if size >= 1e9 or 0 < size < 1e-4:
        text = f"{value:.{digits}g}"
    elif size >= 10 ** (digits - 1):
        text = f"{value:,.0f}"
    else:
        text = f"{value:.{digits}g}"
    return text.replace("-", "−", 1) if value < 0 else text
