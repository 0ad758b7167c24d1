"""Predicted directions given as vectors of length 1: roses of a plane, and maps of space."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray

from likelihead.report.answers import Answer, names_of
from likelihead.report.figures.directions import POINTS, draw_rose, polar_axes
from likelihead.report.figures.numbers import height_around
from likelihead.report.figures.rows import chosen_rows, single
from likelihead.report.style import OBSERVED, PREDICTED, Drawing, Panel, axes, shortened

Array = NDArray[np.float64]
#: The step of a map in degrees.
STEP = 2.0


def circle(answer: Answer) -> Drawing:
    """Roses of the predicted density at the best, typical and worst rows; nothing but in a plane."""
    if answer.y.shape[1] != 2:
        return Drawing([])
    first, second = (shortened(name, 12) for name in names_of(answer.columns, 2))
    panels = []
    for name, row in chosen_rows(answer).items():
        one = single(answer, row)
        observed = float(np.arctan2(*one.y[0].numpy()[::-1]))
        figure, plot = polar_axes(f"{name} row: {_coordinates(answer, row)}")
        plot.set_xticks(np.arange(4) * np.pi / 2.0, [f"+{first}", f"+{second}", f"−{first}", f"−{second}"])
        angles = np.linspace(-np.pi, np.pi, POINTS + 1)
        draw_rose(plot, _density(one, np.stack([np.cos(angles), np.sin(angles)], -1)), observed)
        figure.legend(loc="outside lower center", ncols=2)
        alt = f"{name} row: rose of the predicted density; observed {_coordinates(answer, row)}"
        panels.append(Panel(figure, alt))
    return Drawing(panels)


def sphere(answer: Answer) -> Drawing:
    """Maps of the regions that hold 50% and 90% at the best, typical and worst rows; nothing but in space."""
    if answer.y.shape[1] != 3:
        return Drawing([])
    panels = []
    for name, row in chosen_rows(answer).items():
        one = single(answer, row)
        figure, plot = axes(f"{name} row: {_coordinates(answer, row)}", 3.2)
        _draw_map(plot, one)
        plot.plot(*_place(one.y[0].numpy()), "o", color=OBSERVED, markersize=7.0, label="observed")
        _name_axes(plot, names_of(answer.columns, 3))
        figure.legend(loc="outside lower center", ncols=2)
        alt = f"{name} row: map of the predicted directions; observed {_coordinates(answer, row)}"
        panels.append(Panel(figure, alt))
    return Drawing(panels)


def _coordinates(answer: Answer, row: int) -> str:
    return f"({', '.join(f'{value:.2f}'.replace('-', '−') for value in answer.y[row].tolist())})"


def _density(one: Answer, directions: Array) -> Array:
    """The density of one row at directions (m, d)."""
    density: Array = np.exp(one.predicted.log_prob(torch.from_numpy(directions)[:, None]).numpy())[:, 0]
    return density


def _place(direction: Array) -> tuple[float, float]:
    """Longitude and latitude of a direction, in degrees."""
    x, y, z = direction
    return float(np.rad2deg(np.arctan2(y, x))), float(np.rad2deg(np.arctan2(z, np.hypot(x, y))))


def _draw_map(plot: Axes, one: Answer) -> None:
    """The smallest regions of the sphere that hold 50% and 90%, by longitude and latitude in degrees."""
    longitude, latitude = (np.arange(-end, end + STEP, STEP) for end in (180.0, 90.0))
    across, up = np.meshgrid(np.deg2rad(longitude), np.deg2rad(latitude))
    directions = np.stack([np.cos(up) * np.cos(across), np.cos(up) * np.sin(across), np.sin(up)], -1)
    density = _density(one, directions.reshape(-1, 3)).reshape(across.shape)
    outer, inner = (height_around(density, share, np.cos(up)) for share in (0.9, 0.5))
    plot.contourf(longitude, latitude, density, levels=[outer, inner, np.inf], colors=[PREDICTED], alpha=0.25)
    plot.contour(longitude, latitude, density, levels=[outer, inner], colors=[PREDICTED], linewidths=[1.0, 1.8])
    plot.plot([], [], color=PREDICTED, label="50% and 90% regions")


def _name_axes(plot: Axes, names: list[str]) -> None:
    first, second, third = (shortened(name, 10) for name in names)
    plot.set_xticks([-180, -90, 0, 90, 180], [f"−{first}", f"−{second}", f"+{first}", f"+{second}", f"−{first}"])
    plot.set_yticks([-90, -45, 0, 45, 90], [f"−{third}", "−45°", "0°", "45°", f"+{third}"])
    plot.set_xlabel("longitude")
    plot.set_ylabel("latitude")
    plot.grid(True, linewidth=0.8)
    plot.set_axisbelow(True)
    plot.set_xlim(-180.0, 180.0)
    plot.set_ylim(-92.0, 92.0)
