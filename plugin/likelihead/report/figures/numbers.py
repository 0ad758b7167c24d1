"""Predicted densities and masses of numbers, and vectors two coordinates at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy import ndimage

from likelihead import inference
from likelihead.inference import law
from likelihead.report.answers import Answer, names_of
from likelihead.report.figures.rows import chosen_rows, single
from likelihead.report.style import MUTED, OBSERVED, PREDICTED, Drawing, Panel, axes, number

Array = NDArray[np.float64]
#: Whole numbers in a wider range are drawn as a line instead of bars.
MOST_BARS = 60
#: Samples that show where vectors lie, and the cells of a grid in each direction.
SAMPLES, CELLS = 20_000, 80


def densities(answer: Answer) -> Drawing:
    """The predicted density or mass at the best, typical and worst rows, with the observed value and the marginal."""
    rows = chosen_rows(answer)
    span = _span([single(answer, row) for row in rows.values()])
    panels = []
    for name, row in rows.items():
        one = single(answer, row)
        observed = number(float(one.y[0]))
        figure, plot = axes(f"{name} row: observed {observed}", 2.9)
        _draw_predicted(plot, one, span)
        plot.axvline(float(one.y[0]), color=OBSERVED, linewidth=2.0, label="observed")
        plot.set_xlabel(answer.label)
        plot.set_yticks([])
        plot.spines["left"].set_visible(False)
        figure.legend(loc="outside lower center", ncols=3, handlelength=1.2, columnspacing=1.2)
        panels.append(Panel(figure, f"{name} row: {answer.label} observed {observed}; {_in_words(one)}"))
    return Drawing(panels)


def _in_words(one: Answer) -> str:
    if "interval" not in one.defined:
        return "predicted density drawn as a curve"
    lower, upper = (number(float(end[0])) for end in inference.interval(one.predicted, 0.9))
    return f"predicted with 90% probability between {lower} and {upper}"


def _span(rows: list[Answer]) -> tuple[float, float]:
    """The range of y that shows all rows."""
    ends = [_quantiles(row.predicted, [0.01, 0.99]) for row in rows]
    observed = [float(row.y[0]) for row in rows]
    low, high = min(*observed, *(float(end.min()) for end in ends)), max(*observed, *(float(end.max()) for end in ends))
    margin = 0.03 * (high - low) or 0.5
    return low - margin, high + margin


def _quantiles(dist: Any, levels: list[float]) -> Array:
    """Quantiles (levels,) of a distribution of one row, from samples where it has none."""
    its_law = law(dist)
    if its_law.claims["quantile"].how == "undefined":
        return np.quantile(inference.sample(dist, 1000).numpy(), levels)
    return inference.quantile(dist, torch.tensor(levels)).numpy().reshape(-1)


def _draw_predicted(plot: Axes, one: Answer, span: tuple[float, float]) -> None:
    """The predicted distribution of one row, and below it that of the marginal fit."""
    its_law = law(one.predicted)
    if its_law.discrete:
        values = _whole_numbers(span)
        mass = np.exp(its_law.log_density(values[:, None]))[:, 0]
        if len(values) <= MOST_BARS:
            plot.bar(values, mass, width=0.8, color=PREDICTED, alpha=0.7, label="predicted")
        else:
            plot.fill_between(values, mass, color=PREDICTED, alpha=0.35, linewidth=0.0, label="predicted")
        reference = np.exp(law(one.marginal).log_density(values[:, None]))[:, 0]
        plot.plot(values, reference, color=MUTED, linestyle="--", linewidth=1.2, label="ignoring the inputs")
        plot.set_ylim(0.0, 1.12 * max(mass.max(), reference.max()))
    else:
        inner = _quantiles(one.predicted, list(np.linspace(0.005, 0.995, 200)))
        grid = np.unique(np.concatenate([np.linspace(*span, 300), inner]))
        density = np.exp(its_law.log_density(grid[:, None]))[:, 0]
        reference = np.exp(law(one.marginal).log_density(grid[:, None]))[:, 0]
        # A density may be infinite at a bound: the axis ends at its height over the middle of the distribution.
        middle = np.exp(its_law.log_density(inner[10:-10, None]))[:, 0]
        top = 1.12 * float(middle[np.isfinite(middle)].max(initial=0.0)) or 1.0
        top = max(top, min(1.12 * float(reference[np.isfinite(reference)].max(initial=0.0)), 2.5 * top))
        density, reference = np.minimum(density, 2.0 * top), np.minimum(reference, 2.0 * top)
        plot.fill_between(grid, density, color=PREDICTED, alpha=0.3, linewidth=0.0)
        plot.plot(grid, density, color=PREDICTED, label="predicted")
        plot.plot(grid, reference, color=MUTED, linestyle="--", linewidth=1.2, label="ignoring the inputs")
        plot.set_ylim(0.0, top)
    plot.set_xlim(*span)


def _whole_numbers(span: tuple[float, float]) -> Array:
    low, high = np.ceil(span[0]), np.floor(span[1])
    return np.unique(np.round(np.linspace(low, high, int(min(high - low, 400)) + 1)))


def contours(answer: Answer) -> Drawing:
    """The regions that hold 50% and 90% of the probability of two coordinates, with the observed vector."""
    names = names_of(answer.columns, answer.y.shape[1])
    panels = []
    for name, row in chosen_rows(answer).items():
        one = single(answer, row)
        figure, plot = axes(f"{name} row", 3.6)
        _draw_regions(plot, one)
        plot.plot(*one.y[0, :2].numpy(), "o", color=OBSERVED, markersize=7.0, label="observed")
        plot.set_xlabel(names[0])
        plot.set_ylabel(names[1])
        figure.legend(loc="outside lower center", ncols=2)
        at = " and ".join(f"{names[k]} {number(float(one.y[0, k]))}" for k in (0, 1))
        alt = f"{name} row: contours of the predicted density of {names[0]} and {names[1]}; observed {at}"
        panels.append(Panel(figure, alt))
    return Drawing(panels)


def _draw_regions(plot: Axes, one: Answer) -> None:
    drawn = inference.sample(one.predicted, SAMPLES).numpy()[:, 0, :2]
    is_discrete = law(one.predicted).discrete
    if is_discrete:  # a whole number stands for the interval around it
        drawn = drawn + np.random.default_rng(0).uniform(-0.5, 0.5, drawn.shape)
    shown = np.concatenate([np.quantile(drawn, [0.001, 0.999], axis=0), one.y[:, :2].numpy()])
    low, high = shown.min(0), shown.max(0)
    margin = 0.05 * (high - low)
    edges = [np.linspace(low[k] - margin[k], high[k] + margin[k], CELLS + 1) for k in (0, 1)]
    x, y = ((edge[1:] + edge[:-1]) / 2.0 for edge in edges)
    if one.y.shape[1] == 2 and not is_discrete:
        grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 1, 2)
        mass = np.exp(one.predicted.log_prob(torch.from_numpy(grid)).numpy()).reshape(CELLS, CELLS)
    else:
        mass = ndimage.gaussian_filter(np.histogram2d(drawn[:, 0], drawn[:, 1], bins=edges)[0].T, 2.0)
    outer, inner = (height_around(mass, share) for share in (0.9, 0.5))
    plot.contourf(x, y, mass, levels=[outer, inner, np.inf], colors=[PREDICTED], alpha=0.25)
    plot.contour(x, y, mass, levels=[outer, inner], colors=[PREDICTED], linewidths=[1.0, 1.8], linestyles="-")
    plot.plot([], [], color=PREDICTED, label="50% and 90% regions")


def height_around(density: Array, share: float, area: Array | float = 1.0) -> float:
    """The height above which the cells of a grid hold a share of its mass: the region of highest density.

    Args:
        density: of each cell, of any shape.
        share: in (0, 1).
        area: of each cell, in any unit.
    """
    order = np.argsort(-density, axis=None, kind="stable")
    mass = (density * area).ravel()[order]
    return float(density.ravel()[order][np.searchsorted(np.cumsum(mass), share * mass.sum())])
