"""Predicted directions, as roses."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from likelihead.inference import law
from likelihead.report.answers import Answer
from likelihead.report.figures.rows import chosen_rows, single
from likelihead.report.style import INK, MUTED, OBSERVED, PREDICTED, Drawing, Panel, axes, number

Array = NDArray[np.float64]
POINTS, BINS = 180, 24


def rose(answer: Answer) -> Drawing:
    """The predicted density of the direction at the best, typical and worst rows, with the observed direction."""
    panels = []
    for name, row in chosen_rows(answer).items():
        one = single(answer, row)
        observed = _direction(answer, float(one.y[0]))
        figure, plot = _polar(answer, f"{name} row: observed {observed}")
        draw_rose(plot, _mean_density(one.predicted), float(one.y[0]))
        center = _direction(answer, float(one.center[0]))
        alt = f"{name} row: direction observed {observed}, predicted density around {center}"
        panels.append(Panel(figure, alt))
    return Drawing(panels)


def directions(answer: Answer) -> Drawing:
    """The observed directions of all rows, and the average of the predicted densities."""
    figure, plot = _polar(answer, answer.name)
    counts, edges = np.histogram(answer.y.numpy(), BINS, (-np.pi, np.pi))
    heights = counts / counts.sum() / np.diff(edges)
    plot.bar(edges[:-1], np.sqrt(heights), np.diff(edges), align="edge", color=OBSERVED, alpha=0.45, label="observed")
    _draw_density(plot, _mean_density(answer.predicted), "predicted on average")
    plot.legend(loc="upper left", bbox_to_anchor=(-0.35, 1.12))
    return Drawing([Panel(figure, f"Rose of {len(answer.y)} observed directions with the average predicted density")])


def draw_rose(plot: Axes, density: Array, observed: float) -> None:
    """Draw the density of one row at `POINTS` + 1 angles from −π to π, and the observed angle."""
    _draw_density(plot, density, "predicted")
    plot.plot([observed] * 2, [0.0, np.sqrt(density.max())], color=OBSERVED, linewidth=2.5, label="observed")


def polar_axes(title: str) -> tuple[Figure, Axes]:
    """A new figure of directions, without numbers on the radius."""
    figure, plot = axes(title, 3.4, projection="polar")
    plot.set_yticks([])
    plot.grid(True, linewidth=0.8)
    plot.spines["polar"].set_color(MUTED)
    plot.tick_params(colors=INK)
    return figure, plot


def _polar(answer: Answer, title: str) -> tuple[Figure, Axes]:
    figure, plot = polar_axes(title)
    if answer.columns.angles == "radians":
        names = ["0", "π/4", "π/2", "3π/4", "π", "−3π/4", "−π/2", "−π/4"]
        plot.set_xticks(np.arange(8) * np.pi / 4.0, names)
    return figure, plot


def _draw_density(plot: Axes, density: Array, label: str) -> None:
    """Draw a density with the square root as the radius, so that areas are probabilities."""
    angles = np.linspace(-np.pi, np.pi, POINTS + 1)
    plot.fill(angles, np.sqrt(density), color=PREDICTED, alpha=0.3, linewidth=0.0)
    plot.plot(angles, np.sqrt(density), color=PREDICTED, label=label)


def _mean_density(dist: object) -> Array:
    """The density averaged over rows at `POINTS` + 1 angles from −π to π."""
    angles = np.linspace(-np.pi, np.pi, POINTS + 1)
    its_law = law(dist)
    return np.array([np.exp(its_law.log_density(np.full(its_law.shape, angle))).mean() for angle in angles])


def _direction(answer: Answer, angle: float) -> str:
    return (
        f"{number(np.rad2deg(angle))}°" if answer.columns.angles == "degrees" else f"{angle:.2f} rad".replace("-", "−")
    )
