"""Whether predictions are calibrated: the pit, coverage and residuals, each with the band of a correct model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from likelihead.report.answers import Answer
from likelihead.report.calibration import BAND, coverage, pit_histogram, pit_of, quantile_residuals, worm
from likelihead.report.style import GRID, INK, MUTED, OBSERVED, PREDICTED, Drawing, Panel, axes

Array = NDArray[np.float64]
#: The most points of a scatter plot.
MOST_POINTS = 500


def pit(answer: Answer) -> Drawing:
    """The histogram of the pit, with the band in which the bars of a correct model lie."""
    return pit_drawing(pit_of(answer), answer.name)


def pit_drawing(values: Array, name: str = "") -> Drawing:
    """The histogram of values of the pit (n,)."""
    found = pit_histogram(values)
    figure, plot = axes(name, 2.8)
    plot.axhspan(found.lower, found.upper, color=MUTED, alpha=0.25, linewidth=0.0, label="range to expect")
    plot.bar(found.edges[:-1], found.counts, np.diff(found.edges) * 0.92, align="edge", color=PREDICTED, alpha=0.85)
    plot.set_xlabel("predicted probability of a smaller value")
    plot.set_ylabel("rows")
    plot.set_ylim(0.0, 1.25 * max(found.counts.max(), found.upper))
    plot.legend(loc="upper right")
    inside = int(((found.counts >= found.lower) & (found.counts <= found.upper)).sum())
    finding = f"{inside} of {len(found.counts)} bars lie in the range to expect."
    return Drawing([Panel(figure, f"Histogram of {len(values)} PIT values: {finding}")], finding)


def pit_reliability(answer: Answer) -> Drawing:
    """The share of values below each predicted quantile, with the simultaneous band of Kolmogorov's test."""
    values = np.sort(pit_of(answer))
    observed = (np.arange(len(values)) + 0.5) / len(values)
    band = float(stats.kstwo.ppf(BAND, len(values)))
    figure, plot = axes(answer.name, 3.4)
    level = np.array([0.0, 1.0])
    plot.fill_between(
        level, level - band, level + band, color=MUTED, alpha=0.25, linewidth=0.0, label="range to expect"
    )
    plot.plot(level, level, color=MUTED, linestyle="--", linewidth=1.0)
    plot.plot(values, observed, color=OBSERVED, label="observed")
    plot.set_xlim(0.0, 1.0)
    plot.set_ylim(0.0, 1.0)
    plot.set_xlabel("predicted probability")
    plot.set_ylabel("share of observed values below")
    plot.legend(loc="upper left")
    distance = float(stats.kstest(values, "uniform").statistic)
    place = "inside" if distance <= band else "outside"
    finding = f"The largest distance from the diagonal is {distance:.3f}, {place} the band of ±{band:.3f}."
    return Drawing([Panel(figure, f"Reliability of the predicted quantiles. {finding}")], finding)


def coverages(answer: Answer) -> Drawing:
    """The share of observed values inside the central intervals of each mass."""
    found = coverage(answer)
    half = stats.norm.ppf(0.5 + BAND / 2.0) * found.error
    figure, plot = axes(answer.name, 3.4)
    edges = np.clip([found.expected - half, found.expected + half], 0.0, 1.0)
    plot.fill_between(found.masses, *edges, color=MUTED, alpha=0.25, linewidth=0.0, label="range to expect")
    plot.plot(found.masses, found.expected, color=MUTED, linestyle="--", linewidth=1.0)
    plot.plot(found.masses, found.observed, "o-", color=OBSERVED, markersize=4.5, label="observed")
    calibrated = None if answer.calibration is None else coverage(answer, quantiles=answer.calibration)
    if calibrated is not None:
        plot.plot(found.masses, calibrated.observed, "s--", color=PREDICTED, markersize=4.5, label="after calibration")
    plot.set_xlim(0.0, 1.0)
    plot.set_ylim(0.0, 1.02)
    plot.set_xlabel("probability of the predicted interval")
    plot.set_ylabel("share of observed values inside")
    plot.legend(loc="upper left")
    at = found.masses.tolist().index(0.9)
    finding = (
        f"The 90% intervals contain {found.observed[at]:.1%} of the observed values; "
        f"{found.expected[at]:.1%} ± {half[at]:.1%} are to be expected."
    )
    if calibrated is not None:
        finding += f" After calibration they contain {calibrated.observed[at]:.1%}."
    return Drawing([Panel(figure, f"Coverage of central intervals. {finding}")], finding)


def residuals(answer: Answer) -> Drawing:
    """The quantile residuals against the predicted mean."""
    every = -(-len(answer.y) // MOST_POINTS)
    center, residual = answer.center[::every], quantile_residuals(pit_of(answer))[::every]
    figure, plot = axes(answer.name, 3.0)
    plot.axhspan(-1.96, 1.96, color=GRID, alpha=0.6, linewidth=0.0)
    plot.axhline(0.0, color=MUTED, linewidth=1.0, linestyle="--")
    plot.plot(center, residual, "o", color=PREDICTED, alpha=0.45, markersize=3.5, markeredgewidth=0.0)
    plot.set_xlabel(f"predicted {'mean' if 'mean' in answer.defined else 'median'} of {answer.label}")
    plot.set_ylabel("quantile residual")
    reach = max(3.2, 1.1 * float(np.abs(residual).max()))
    plot.set_ylim(-reach, reach)
    finding = f"{(np.abs(residual) <= 1.96).mean():.0%} of the points lie in the shaded range; 95% are to be expected."
    return Drawing([Panel(figure, f"Quantile residuals against the prediction. {finding}")], finding)


def worms(answer: Answer) -> Drawing:
    """The worm plot: sorted quantile residuals less the normal quantiles that a correct model expects."""
    found = worm(pit_of(answer))
    every = -(-len(found.z) // MOST_POINTS)
    figure, plot = axes(answer.name, 3.0)
    plot.fill_between(found.z, -found.band, found.band, color=MUTED, alpha=0.25, linewidth=0.0, label="range to expect")
    plot.axhline(0.0, color=MUTED, linewidth=1.0, linestyle="--")
    plot.plot(found.z[::every], found.deviation[::every], "o", color=OBSERVED, markersize=3.0, markeredgewidth=0.0)
    plot.set_xlabel("expected residual")
    plot.set_ylabel("observed less expected")
    reach = 1.2 * float(max(np.abs(found.deviation).max(), np.median(found.band) * 2.0))
    plot.set_ylim(-reach, reach)
    plot.tick_params(colors=MUTED, labelcolor=INK)
    plot.legend(loc="upper left")
    inside = float((np.abs(found.deviation) <= found.band).mean())
    finding = f"{inside:.0%} of the points lie in the band."
    return Drawing([Panel(figure, f"Worm plot of the quantile residuals: {finding}")], finding)
