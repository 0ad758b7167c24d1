"""How the figures of the lecture look, and where they are written."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

#: Colours that differ in lightness too, so that they can be told apart in print and by the colour-blind.
BLUE, ORANGE, GREEN, RED, GREY = "#2166ac", "#e08214", "#1b7837", "#b2182b", "#7f7f7f"

STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


def panels(columns: int, rows: int = 1, width: float = 3.4, height: float = 2.9, **options: Any) -> tuple[Figure, Any]:
    """A figure with a grid of panels, and the panels in an array."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width * columns, height * rows), layout="constrained", dpi=110)
        return figure, figure.subplots(rows, columns, squeeze=False, **options)


def label(axes: Axes, title: str, x: str = "", y: str = "") -> None:
    """The title of a panel and the names of its axes."""
    axes.set(title=title, xlabel=x, ylabel=y)


def second_axis(axes: Axes, name: str, colour: str) -> Axes:
    """A second vertical axis at the right, in the colour of its curve."""
    second = axes.twinx()
    second.spines["right"].set_visible(True)
    second.set_ylabel(name, color=colour)
    second.tick_params(axis="y", labelcolor=colour)
    return second  # type: ignore[return-value]


def likelihood_and_nll(axes: Axes, values: Tensor, nll: Tensor, colour: str, title: str, name: str) -> None:
    """The likelihood, in `colour`, and its negative logarithm against a parameter, and the optimum that they share."""
    axes.plot(values, (nll.min() - nll).exp(), color=colour)
    axes.axvline(float(values[nll.argmin()]), color=GREY, linestyle=":")
    label(axes, title, name, "likelihood, its maximum as 1")
    axes.yaxis.label.set_color(colour)
    second_axis(axes, "negative log-likelihood", BLUE).plot(values, nll, color=BLUE)


def run(name: str, draw: Callable[[bool], tuple[Figure, str]]) -> None:
    """Draw a figure, write it beside this file or to `--folder`, and print what it shows in numbers.

    `--quick` trains for a few steps only, which is enough to see that the script runs.
    """
    parser = argparse.ArgumentParser(description=draw.__doc__)
    parser.add_argument("--quick", action="store_true", help="train for a few steps only")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent, help="where the figure is written")
    arguments = parser.parse_args()
    with matplotlib.rc_context(STYLE):
        figure, text = draw(arguments.quick)
        figure.savefig(arguments.folder / f"{name}.png")
    print(text)
