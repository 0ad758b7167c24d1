"""How training went, and where the model stands between ignorance and the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from likelihead.evaluation.evaluation import Evaluation
from likelihead.report.style import INK, MUTED, OBSERVED, PREDICTED, REFERENCE, Drawing, Panel, axes, number

Array = NDArray[np.float64]


class _Entry(NamedTuple):
    """An NLL to show, None if it is unknown, with its standard error."""

    name: str
    nll: float | None
    error: float
    color: str


CURVES = {"train/nll": ("training rows", PREDICTED, "-"), "validation/nll": ("validation rows", OBSERVED, "--")}


def learning_curves(history: Mapping[str, Sequence[float]], marginal: float | None, oracle: float | None) -> Drawing:
    """The mean NLL after each epoch; no picture where there is one epoch only, as with L-BFGS.

    Args:
        history: columns of metrics.csv: `epoch`, and `train/nll` and `validation/nll` as far as there are any.
        marginal, oracle: the NLL of the marginal fit and of the true distribution; None if unknown.
    """
    figure, plot = axes(height=3.6)
    epochs = np.asarray(history.get("epoch", ()), dtype=float) + 1.0
    drawn = []
    for name, (label, color, dashes) in CURVES.items():
        values = np.asarray(history.get(name, ()), dtype=float)
        known = np.isfinite(values)
        if known.any():
            plot.plot(epochs[known], values[known], color=color, linestyle=dashes, label=label)
            drawn.append(values)
    if not drawn or len(epochs) < 2:
        return Drawing([])
    watched = drawn[-1]
    best = int(np.nanargmin(watched))
    plot.plot(epochs[best], watched[best], "o", color=INK, markersize=5.0, label=f"best: epoch {int(epochs[best])}")
    levels = [level for level in (marginal, oracle) if level is not None]
    for level, label in ((marginal, "ignoring the inputs"), (oracle, "truth")):
        if level is not None:
            plot.axhline(
                level, color=MUTED if label != "truth" else REFERENCE, linewidth=1.2, linestyle=":", label=label
            )
    low, high = _shown(np.concatenate([*drawn, levels]), levels)
    plot.set_ylim(low - 0.06 * (high - low) - 1e-6, high + 0.06 * (high - low) + 1e-6)
    plot.set_xlabel("epoch")
    plot.set_ylabel("NLL per row, nats")
    figure.legend(loc="outside lower center", ncols=2)
    finding = f"The lowest NLL, {number(float(watched[best]), 4)}, came after epoch {int(epochs[best])}."
    return Drawing([Panel(figure, f"Learning curves over {len(epochs)} epochs. {finding}")], finding)


def _shown(values: Array, levels: list[float]) -> tuple[float, float]:
    """The range of the axis: all values but those far above the marginal fit, where overfitted curves may end."""
    values = values[np.isfinite(values)]
    low, high = float(values.min()), float(values.max())
    reference = max([*levels, float(np.median(values))])
    return low, min(high, reference + 2.0 * max(reference - low, 1e-3))


def nats(evaluations: Mapping[str, Evaluation], reference: str) -> Drawing:
    """The NLL of the model on each part of the data, beside those of the marginal fit and of the truth.

    Args:
        evaluations: the scores of each part.
        reference: the part whose marginal fit and truth are shown.
    """
    judged = evaluations[reference]
    entries: list[_Entry] = [_Entry("ignoring the inputs", judged.marginal, 0.0, MUTED)]
    for part, evaluation in evaluations.items():
        error = evaluation.standard_errors.get("nll", 0.0)
        color = PREDICTED if part == reference else MUTED
        entries.append(_Entry(f"model, {part} rows", evaluation.nll, error, color))
    entries.append(_Entry("truth", judged.oracle, 0.0, REFERENCE))
    known = [(entry, entry.nll) for entry in entries if entry.nll is not None and np.isfinite(entry.nll)]
    figure, plot = axes(height=0.9 + 0.36 * len(known))
    for place, (entry, nll) in enumerate(known):
        half = 1.96 * entry.error if np.isfinite(entry.error) else 0.0
        plot.errorbar(nll, place, xerr=half, fmt="o", color=entry.color, markersize=6.5, capsize=3.0)
        text = f"{nll:.3f}".replace("-", "−")
        plot.annotate(text, (nll, place), (0.0, 6.0), textcoords="offset points", ha="center")
    plot.set_yticks(range(len(known)), [entry.name for entry, _ in known])
    plot.set_ylim(len(known) - 0.5, -0.7)
    plot.margins(x=0.15)
    plot.set_xlabel("NLL per row in nats: the lower, the better")
    alt = "; ".join(f"{entry.name} {number(nll, 4)}" for entry, nll in known)
    return Drawing([Panel(figure, f"NLL per row in nats: {alt}")])
