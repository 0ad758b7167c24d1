"""What the inputs do: their importance, their effects, and the quantiles along the most important one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from numpy.typing import NDArray

from likelihead.report.answers import Answer
from likelihead.report.effects import LEVELS, Effect
from likelihead.report.importance import Importance
from likelihead.report.inputs import Input
from likelihead.report.style import (
    DASHES,
    MUTED,
    OBSERVED,
    PREDICTED,
    SERIES,
    WIDTH,
    Drawing,
    Panel,
    axes,
    number,
    shortened,
)

Array = NDArray[np.float64]
#: The inputs, and the lines of an effect, that are drawn.
MOST_INPUTS, MOST_LINES, MOST_POINTS = 15, 6, 400


def importance_bars(found: Sequence[Importance]) -> Drawing:
    """The importance of each input, with 95% intervals."""
    shown = list(found)[:MOST_INPUTS]
    figure, plot = axes(height=0.9 + 0.26 * max(3, len(shown)))
    places = np.arange(len(shown))
    plot.barh(places, [entry.nats for entry in shown], color=PREDICTED, alpha=0.85, height=0.7)
    plot.errorbar(
        [entry.nats for entry in shown],
        places,
        xerr=[1.96 * entry.error for entry in shown],
        fmt="none",
        ecolor=OBSERVED,
        capsize=2.5,
    )
    plot.axvline(0.0, color=MUTED, linewidth=1.0)
    plot.set_yticks(places, [shortened(entry.entry.name, 22) for entry in shown])
    plot.set_ylim(len(shown) - 0.4, -0.6)
    plot.set_xlabel("nats per row lost when shuffled")
    first = shown[0]
    finding = f"{first.entry.name} matters most: shuffled, it costs {number(first.nats)} nats per row."
    if first.nats <= 0.0:
        finding = "Shuffling costs nothing: the model makes no use of its inputs."
    alt = ", ".join(f"{entry.entry.name} {number(entry.nats, 2)}" for entry in shown)
    return Drawing([Panel(figure, f"Permutation importance in nats: {alt}")], finding)


def widest(lines: Array) -> list[int]:
    """Which of some lines (m, k) change most along an input: at most `MOST_LINES`, the one that changes most first."""
    order: list[int] = np.argsort(-np.ptp(lines, axis=0), kind="stable")[:MOST_LINES].tolist()
    return order


def legend_of(figure: Figure, drawn: int, names: Sequence[str]) -> None:
    """The legend below named lines, which says how many are drawn if not all are."""
    if names:
        title = f"the {drawn} of {len(names)} that change most" if drawn < len(names) else None
        figure.legend(loc="outside lower center", ncols=3, title=title)


def effect_panel(found: Effect, answer: Answer) -> Panel:
    """The mean along an input, below it the spread, and the distribution of the input."""
    response = found.response
    heights = [3.0, 0.8] if response.spread is None else [3.0, 2.0, 0.8]
    height = 3.4 if response.spread is None else 4.4
    figure = Figure(figsize=(WIDTH, height + 0.5 * bool(response.names)), layout="constrained")
    plots = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    name = found.entry.name
    plots[0].set_title(shortened(f"{name}" + (f", {answer.name}" if answer.name else ""), 44))
    lines = widest(response.mean)
    for place, k in enumerate(sorted(lines)):
        label = shortened(response.names[k], 14) if response.names else ""
        along(plots[0], found.values, response.mean[:, k], label, SERIES[place], DASHES[place])
    legend_of(figure, len(lines), response.names)
    plots[0].set_ylabel(shortened(response.label, 26))
    if response.spread is not None:
        along(plots[1], found.values, response.spread, "", OBSERVED, "-")
        plots[1].set_ylabel("spread")
        plots[1].set_ylim(0.0, 1.15 * float(response.spread.max()) or 1.0)
    density(plots[-1], found.values, found.data)
    plots[-1].set_xlabel(shortened(name, 40))
    low, high = float(response.mean[:, lines[0]].min()), float(response.mean[:, lines[0]].max())
    of = f" of {response.names[lines[0]]}" if response.names else ""
    alt = f"Effect of {name}: {response.label}{of} from {number(low)} to {number(high)}"
    return Panel(figure, alt)


def fan_panel(answer: Answer, entry: Input, values: pd.Series, quantiles: Array, data: pd.Series) -> Panel:
    """The quantiles (m, levels) of the predictions along an input, with observed values."""
    figure, plot = axes(answer.name, 3.6)
    places, middle = _places(values), len(LEVELS) // 2
    is_line = not _is_text(values)
    for k in range(middle):
        low, high = quantiles[:, k], quantiles[:, -1 - k]
        label, alpha = f"{LEVELS[-1 - k] - LEVELS[k]:.0%} of the probability", 0.18 + 0.17 * k
        if is_line:
            plot.fill_between(places, low, high, color=PREDICTED, alpha=alpha, linewidth=0.0, label=label)
        else:
            plot.bar(places, high - low, 0.6, bottom=low, color=PREDICTED, alpha=alpha, label=label)
    along(plot, values, quantiles[:, middle], "median", PREDICTED, "-")
    every = -(-len(answer.y) // MOST_POINTS)
    at = _places(data, values)[::every]
    jitter = 0.0 if is_line else np.random.default_rng(0).uniform(-0.2, 0.2, len(at))
    plot.plot(at + jitter, answer.y.numpy()[::every], ".", color=OBSERVED, alpha=0.6, markersize=4.0, label="observed")
    _label(plot, values)
    plot.set_xlabel(shortened(entry.name, 40))
    plot.set_ylabel(shortened(answer.label, 30))
    figure.legend(loc="outside lower center", ncols=2, markerscale=2.0)
    alt = f"Quantiles of {answer.label} along {entry.name}, with {len(at)} observed values"
    return Panel(figure, alt)


def along(plot: Axes, values: pd.Series, heights: Array, label: str, color: str, dashes: Any) -> None:
    """A line along numbers or dates; a point for each label."""
    if _is_text(values):
        plot.plot(_places(values), heights, "o", color=color, label=label, markersize=6.0)
    else:
        plot.plot(_places(values), heights, color=color, linestyle=dashes, label=label)
    _label(plot, values)


def density(plot: Axes, values: pd.Series, data: pd.Series) -> None:
    """How often the input takes each value in the data."""
    places = _places(data, values)
    if _is_text(values):
        counts = [(places == k).sum() for k in range(len(values))]
        plot.bar(range(len(values)), counts, 0.6, color=MUTED, alpha=0.6)
    else:
        ends = _places(values)
        inside = places[(places >= ends.min()) & (places <= ends.max())]
        plot.hist(inside, 30, color=MUTED, alpha=0.6)
    plot.set_yticks([])
    plot.set_ylabel("rows")
    _label(plot, values)


def _is_text(values: pd.Series) -> bool:
    return not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values))


def _places(values: pd.Series, grid: pd.Series | None = None) -> Array:
    """Where values stand on an axis: numbers, days, or the place of a label in the grid; NaN for none."""
    if pd.api.types.is_datetime64_any_dtype(values):
        days = (values - pd.Timestamp(0)) / pd.Timedelta(days=1)
        return days.to_numpy(dtype=np.float64)
    if _is_text(values):
        order = {label: place for place, label in enumerate(values if grid is None else grid)}
        return values.fillna("missing").map(order).to_numpy(dtype=np.float64, na_value=np.nan)
    return values.to_numpy(dtype=np.float64)


def _label(plot: Axes, values: pd.Series) -> None:
    """The tick labels of an axis on which `_places` puts values."""
    if pd.api.types.is_datetime64_any_dtype(values):
        locator = AutoDateLocator(minticks=2, maxticks=6)
        plot.xaxis.set_major_locator(locator)
        plot.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    elif _is_text(values):
        names = [shortened(str(value), 14) for value in values]
        is_long = sum(map(len, names)) > 36
        plot.set_xticks(range(len(names)), names, rotation=45 if is_long else 0, ha="right" if is_long else "center")
