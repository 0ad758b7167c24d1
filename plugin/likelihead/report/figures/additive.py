"""The effects of an additive model: what each input adds to each parameter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from likelihead.report.additive import Curve
from likelihead.report.figures.inputs import along, density, legend_of, widest
from likelihead.report.style import DASHES, MUTED, SERIES, WIDTH, Drawing, Panel, number, shortened


def additive_panels(parameters: Sequence[Sequence[Curve]]) -> Drawing:
    """The effects of the inputs on each parameter."""
    drawings = [drawing for drawing in map(_of_parameter, parameters) if drawing.panels]
    panels = [panel for drawing in drawings for panel in drawing.panels]
    return Drawing(panels, " ".join(drawing.finding for drawing in drawings))


def _of_parameter(curves: Sequence[Curve]) -> Drawing:
    """The effects of the inputs on one parameter, in panels with the same scale."""
    shown = [curve for curve in curves if len(curve.values) > 1]
    if not shown:
        return Drawing([])
    low, high = min(curve.heights.min() for curve in shown), max(curve.heights.max() for curve in shown)
    margin = 0.06 * (high - low) or 1.0
    panels = [_panel(curve, (low - margin, high + margin)) for curve in shown]
    ranges = [float(np.ptp(curve.heights.mean(0), axis=0).max()) for curve in shown]
    first = shown[int(np.argmax(ranges))]
    finding = f"{first.label}: {first.entry.name} moves it most, by {number(max(ranges))} from lowest to highest."
    return Drawing(panels, finding)


def _panel(curve: Curve, limits: tuple[float, float]) -> Panel:
    figure = Figure(figsize=(WIDTH, 3.4 + 0.5 * bool(curve.names)), layout="constrained")
    plot, rows = figure.subplots(2, 1, sharex=True, height_ratios=[3.0, 0.7])
    plot.set_title(shortened(f"{curve.entry.name} → {curve.label}", 44))
    plot.axhline(0.0, color=MUTED, linewidth=1.0)
    lines = widest(curve.heights.mean(0))
    for place, k in enumerate(sorted(lines)):
        for number_of, heights in enumerate(curve.heights):
            label = shortened(curve.names[k], 14) if curve.names and not number_of else ""
            along(plot, curve.values, heights[:, k], label, SERIES[place], DASHES[place])
    legend_of(figure, len(lines), curve.names)
    plot.set_ylim(*limits)
    plot.set_ylabel(shortened(f"added to {curve.label}", 30))
    density(rows, curve.values, curve.data)
    rows.set_xlabel(shortened(curve.entry.name, 40))
    main = curve.heights.mean(0)[:, lines[0]]
    of = f" ({curve.names[lines[0]]})" if curve.names else ""
    alt = f"{curve.entry.name} adds {number(float(main.min()))} to {number(float(main.max()))} to {curve.label}{of}"
    return Panel(figure, alt)
