"""Predicted probabilities of classes and levels, whether they can be believed, and which classes are mixed up."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from likelihead import inference
from likelihead.inference import law
from likelihead.report.answers import Answer
from likelihead.report.calibration import reliability
from likelihead.report.effects import class_names
from likelihead.report.figures.rows import chosen_rows, single
from likelihead.report.style import INK, MUTED, OBSERVED, PREDICTED, Drawing, Panel, axes, shortened

Array = NDArray[np.float64]
#: Of more classes only the most probable, or most frequent, ones are drawn.
MOST_CLASSES = 12


def probabilities(answer: Answer) -> Drawing:
    """The probability of each class at the best, typical and worst rows, that of the observed class marked."""
    panels = []
    for name, row in chosen_rows(answer).items():
        one = single(answer, row)
        probability, reference = (_probabilities(part)[0] for part in (one.predicted, one.marginal))
        observed = int(one.y[0])
        shown = _most_probable(probability, observed)
        names = [shortened(text, 18) for text in class_names(answer, len(probability))]
        figure, plot = axes(f"{name} row: observed {names[observed]}", 0.9 + 0.24 * max(4, len(shown)))
        places = np.arange(len(shown))[::-1]
        colors = [OBSERVED if k == observed else PREDICTED for k in shown]
        plot.barh(places, probability[shown], color=colors, alpha=0.8, height=0.7)
        plot.plot(reference[shown], places, "|", color=INK, markersize=10.0, label="ignoring the inputs")
        plot.set_yticks(places, [names[k] for k in shown])
        plot.set_xlim(0.0, 1.0)
        plot.set_xlabel("probability")
        alt = f"{name} row: the observed class {names[observed]} had probability {probability[observed]:.2f}"
        panels.append(Panel(figure, alt))
    return Drawing(panels)


def _probabilities(dist: object) -> Array:
    probabilities = law(dist).probabilities
    assert probabilities is not None
    return probabilities


def _most_probable(probability: Array, observed: int) -> list[int]:
    """The classes to draw, in the order of their codes."""
    order = np.argsort(-probability, kind="stable")[:MOST_CLASSES].tolist()
    return sorted({*order[: MOST_CLASSES - (observed not in order)], observed})


def class_reliability(answer: Answer) -> Drawing:
    """How often an event happened against its predicted probability: the second of two classes, or a right guess."""
    probability, codes = _probabilities(answer.predicted), answer.y.numpy().astype(np.int64)
    if probability.shape[1] == 2:
        event, chance, happened = f"{class_names(answer, 2)[1]}", probability[:, 1], codes == 1
    else:
        event, chance, happened = "a right guess", probability.max(1), codes == probability.argmax(1)
    found = reliability(chance, happened)
    figure, plot = axes(answer.name, 3.9)
    plot.plot([0.0, 1.0], [0.0, 1.0], color=MUTED, linestyle="--", linewidth=1.0, label="perfectly reliable")
    bands = plot.vlines(found.forecast, found.lower, found.upper, color=PREDICTED, alpha=0.35, label="range to expect")
    bands.set_linewidth(7.0)
    plot.plot(found.forecast, found.observed, "o", color=OBSERVED, markersize=5.5, label="observed")
    plot.set_xlabel(f"predicted probability of {event}")
    plot.set_ylabel("how often it happened")
    plot.set_xlim(-0.02, 1.02)
    plot.set_ylim(-0.02, 1.02)
    figure.legend(loc="outside lower center", ncols=3)
    finding = f"{found.within().sum()} of {len(found.counts)} groups of rows lie in the range to expect."
    return Drawing([Panel(figure, f"Reliability diagram of {event}: {finding}")], finding)


def confusion_counts(answer: Answer) -> tuple[list[str], NDArray[np.int64]]:
    """The names of the classes, and the number of rows by observed and most probable class, (K, K)."""
    size = _probabilities(answer.predicted).shape[1]
    counts = np.zeros((size, size), dtype=np.int64)
    np.add.at(counts, (answer.y.numpy().astype(np.int64), inference.mode(answer.predicted).numpy().astype(np.int64)), 1)
    return class_names(answer, size), counts


def confusion(answer: Answer) -> Drawing:
    """The number of rows by observed and most probable class."""
    names, counts = confusion_counts(answer)
    right, total = int(np.trace(counts)), int(counts.sum())
    frequent = np.sort(np.argsort(-counts.sum(1), kind="stable")[:MOST_CLASSES])
    counts, names = counts[np.ix_(frequent, frequent)], [names[k] for k in frequent]
    figure, plot = axes(answer.name, 1.4 + 0.3 * max(5, len(names)))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    heat(plot, shares, [shortened(name, 12) for name in names], [shortened(name, 12) for name in names], counts)
    plot.set_xlabel("most probable class")
    plot.set_ylabel("observed class")
    finding = f"The most probable class is the observed one in {right} of {total} rows ({right / total:.0%})."
    return Drawing([Panel(figure, f"Confusion matrix of {len(names)} classes. {finding}")], finding)


def heat(
    plot: Axes, values: Array, rows: list[str], columns: list[str], texts: NDArray[np.int64] | None = None
) -> None:
    """A heat map of values (m, k) from 0 to 1, the first row on top; the darker, the larger."""
    from matplotlib.patches import Rectangle

    for (i, k), value in np.ndenumerate(values):
        place = (k - 0.5, i - 0.5)
        plot.add_patch(Rectangle(place, 1.0, 1.0, facecolor=PREDICTED, alpha=0.05 + 0.7 * float(value), linewidth=0.0))
        if texts is not None and texts[i, k]:
            plot.text(k, i, f"{texts[i, k]}", ha="center", va="center", fontsize=8.5)
    plot.set_xlim(-0.5, len(columns) - 0.5)
    plot.set_ylim(len(rows) - 0.5, -0.5)
    is_long = max(map(len, columns)) * len(columns) > 36
    plot.set_xticks(range(len(columns)), columns, rotation=60 if is_long else 0, ha="right" if is_long else "center")
    plot.set_yticks(range(len(rows)), rows)
    plot.tick_params(length=0.0)
