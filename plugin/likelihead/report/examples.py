"""Single rows of images and texts, with what was observed and what the model predicts there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray
from torch import Tensor

from likelihead import inference
from likelihead.data.tables.columns import shaped_column
from likelihead.data.tables.text_column import TextColumn
from likelihead.heads.sites import by_site
from likelihead.inference import law
from likelihead.report.figures.rows import places_of
from likelihead.report.sections import Block, guarded
from likelihead.report.style import SERIES, WIDTH, Drawing, Panel, number
from likelihead.report.subject import Subject
from likelihead.report.tables import Table
from likelihead.target_types.target_type import TargetColumns

_CHOSEN = "Best and worst are the rows whose answers the model thought most and least likely."


def example_blocks(subject: Subject) -> Iterator[Block]:
    """The pictures of some images, or a table of some texts; nothing for other inputs."""
    x, columns = subject.batch.x, subject.columns
    if not isinstance(x, Tensor) or not isinstance(columns, TargetColumns) or len(x) < 2:
        return
    rows = places_of(subject.log_likelihood(subject.predicted).numpy())
    if x.dim() == 4 and x.shape[1] in (1, 3):
        drawing = guarded("images", lambda: images(subject, columns, rows))
        yield Block("images", "Single images", f"What the network sees. {_CHOSEN}", panels=drawing.panels)
    text = None if subject.encoder is None else shaped_column(subject.encoder.columns)
    if isinstance(text, TextColumn):
        yield Block("texts", "Single texts", *_texts(subject, columns, text, rows))


def images(subject: Subject, columns: TargetColumns, rows: dict[str, int]) -> Drawing:
    """Some images; beside them the observed and the most probable class of each pixel, or above them those of all."""
    sited, x = by_site(subject.predicted), subject.batch.x
    mode, y = inference.mode(sited).numpy(), subject.batch.y.numpy()  # type: ignore[union-attr]
    low, high = float(x.min()), float(x.max())
    panels = []
    for name, row in rows.items():
        pixels = np.moveaxis((x[row].numpy() - low) / max(high - low, 1e-12), 0, -1)
        if columns.sites == 2 and columns.labels and mode.shape[1:] == x.shape[2:]:
            panels.append(_maps(name, pixels, y[row], mode[row], columns.labels))
        elif mode.ndim == 1:
            texts = [_written(values[row], columns) for values in (y, mode)]
            panels.append(_picture(f"{name}: observed {texts[0]}, predicted {texts[1]}", pixels))
    return Drawing(panels)


def _written(value: Any, columns: TargetColumns) -> str:
    return columns.labels[int(value)] if columns.labels else number(float(value))


def _picture(title: str, pixels: NDArray[np.float64]) -> Panel:
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    _show(figure.add_subplot(), pixels, title)
    return Panel(figure, f"An image. {title}")


def _maps(name: str, pixels: NDArray[np.float64], y: Any, mode: Any, labels: list[str]) -> Panel:
    figure = Figure(figsize=(WIDTH, 2.2), layout="constrained")
    first, second, third = (figure.add_subplot(1, 3, place) for place in (1, 2, 3))
    colors = [SERIES[code % len(SERIES)] for code in range(len(labels))]
    classes = {"cmap": ListedColormap(colors), "vmin": -0.5, "vmax": len(labels) - 0.5}
    _show(first, pixels, f"{name} row")
    for plot, values, title in ((second, y, "observed"), (third, mode, "most probable")):
        _show(plot, values, title, **classes)
    handles = [Patch(color=color, label=label) for color, label in zip(colors, labels, strict=True)]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(4, len(labels)))
    right = float(np.mean(y == mode))
    return Panel(
        figure, f"{name} row: an image, the observed classes of its pixels, and the most probable: {right:.0%} agree"
    )


def _show(plot: Axes, values: Any, title: str, **options: Any) -> None:
    if values.ndim == 3 and values.shape[-1] == 1:
        values, options = values[..., 0], {"cmap": "gray", "vmin": 0.0, "vmax": 1.0}
    plot.imshow(values, interpolation="nearest", **options)
    plot.set_title(title)
    plot.set_axis_off()


def _texts(
    subject: Subject, columns: TargetColumns, text: TextColumn, rows: dict[str, int]
) -> tuple[str, list[str], list[Panel], Table]:
    """The explanation, findings, panels and table of some texts."""
    y = cast("Tensor", subject.batch.y)
    sited = by_site(subject.predicted)
    log_prob = sited.log_prob(y)
    written = text.texts(subject.batch.x)
    if sited.event_shape or log_prob.dim() == 2:
        known = np.ones(log_prob.shape, dtype=bool) if subject.batch.mask is None else subject.batch.mask.numpy()
        listed = [
            [name, _with_chances(written[row], log_prob[row].exp().numpy(), known[row])] for name, row in rows.items()
        ]
        meaning = f"Each word with the probability that the model gave it, knowing the words before it. {_CHOSEN}"
        return meaning, [], [], Table(["row", "text"], listed)
    mode, is_label = inference.mode(sited), law(sited).labels
    header = ["row", "text", "observed", "most probable", *(["probability of the observed"] if is_label else [])]
    listed = []
    for name, row in rows.items():
        chance = [f"{float(log_prob[row].exp()):.2f}"] if is_label else []
        listed.append([name, written[row], *(_written(values[row], columns) for values in (y, mode)), *chance])
    return f"What the network reads. {_CHOSEN}", [], [], Table(header, listed)


def _with_chances(text: str, chances: NDArray[np.float64], known: NDArray[np.bool_]) -> str:
    """The words of a text, each but the first with its probability in brackets."""
    words = text.split()
    further = zip(words[1:], chances, known, strict=False)
    return " ".join([*words[:1], *(f"{word} ({chance:.2f})" if has else word for word, chance, has in further)])
