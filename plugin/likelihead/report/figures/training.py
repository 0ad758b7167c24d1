"""How training went, and where the model stands between ignorance and the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from likelihead.evaluation.evaluate import Evaluation
from likelihead.report.style import INK, MUTED, OBSERVED, PREDICTED, REFERENCE, Drawing, Panel, axes, number

CURVES = {"train/nll": ("training rows", PREDICTED, "-"), "validation/nll": ("validation rows", OBSERVED, "--")}


def learning_curves(history: Mapping[str, Sequence[float]], marginal: float | None, oracle: float | None) -> Drawing:
    """The mean NLL after each epoch.

    Args:
        history: columns of metrics.csv: `epoch`, and `train/nll` and `validation/nll` as far as there are any.
        marginal, oracle: the NLL of the marginal fit and of the true distribution; None if unknown.
    """
    figure, plot = axes(height=3.2)
    epochs = np.asarray(history["epoch"], dtype=float) + 1.0
    drawn = []
    for name, (label, color, dashes) in CURVES.items():
        values = np.asarray(history.get(name, ()), dtype=float)
        if len(values):
            plot.plot(epochs, values, color=color, linestyle=dashes, label=label)
            drawn.append(values[np.isfinite(values)])
    watched = drawn[-1] if drawn else np.zeros(1)
    best = int(np.argmin(watched))
    plot.plot(epochs[best], watched[best], "o", color=INK, markersize=5.0, label=f"best: epoch {int(epochs[best])}")
    levels = [level for level in (marginal, oracle) if level is not None]
    for level, label in ((marginal, "ignoring the inputs"), (oracle, "truth")):
        if level is not None:
            plot.axhline(level, color=MUTED if label != "truth" else REFERENCE, linewidth=1.2, linestyle=":", label=label)
    # The first epochs may be far off: they may leave the picture, the best one may not.
    tail = np.concatenate([values[len(values) // 10 :] for values in drawn] or [np.zeros(1)])
    low, high = min(tail.min(), *levels), max(tail.max(), *levels)
    plot.set_ylim(low - 0.06 * (high - low) - 1e-6, high + 0.06 * (high - low) + 1e-6)
    plot.set_xlabel("epoch")
    plot.set_ylabel("NLL per row, nats")
    plot.legend(loc="best")
    finding = f"The lowest NLL, {number(float(watched[best]), 4)}, came after epoch {int(epochs[best])}."
    return Drawing([Panel(figure, f"Learning curves over {len(epochs)} epochs. {finding}")], finding)


def nats(evaluations: Mapping[str, Evaluation], reference: str) -> Drawing:
    """The NLL of the model on each part of the data, beside those of the marginal fit and of the truth.

    Args:
        evaluations: the scores of each part.
        reference: the part whose marginal fit and truth are shown.
    """
    judged = evaluations[reference]
    entries = [("ignoring the inputs", judged.marginal, 0.0, MUTED)]
    for part, evaluation in evaluations.items():
        if evaluation.nll is not None:
            error = evaluation.standard_errors.get("nll", 0.0)
            entries.append((f"model, {part} rows", evaluation.nll, error, PREDICTED if part == reference else MUTED))
    entries.append(("truth", judged.oracle, 0.0, REFERENCE))
    known = [entry for entry in entries if entry[1] is not None and np.isfinite(entry[1])]
    figure, plot = axes(height=0.9 + 0.36 * len(known))
    for place, (_, value, error, color) in enumerate(known):
        half = 1.96 * error if np.isfinite(error) else 0.0
        plot.errorbar(value, place, xerr=half, fmt="o", color=color, markersize=6.5, capsize=3.0)
        text = (0.0, 6.0)
        plot.annotate(number(float(value or 0.0), 4), (value, place), text, textcoords="offset points", ha="center")
    plot.set_yticks(range(len(known)), [name for name, *_ in known])
    plot.set_ylim(len(known) - 0.5, -0.7)
    plot.margins(x=0.15)
    plot.set_xlabel("NLL per row in nats: the lower, the better")
    alt = "; ".join(f"{name} {number(float(value or 0.0), 4)}" for name, value, *_ in known)
    return Drawing([Panel(figure, f"NLL per row in nats: {alt}")])
