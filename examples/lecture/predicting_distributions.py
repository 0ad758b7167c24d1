"""The network predicts a distribution over the answer: of a real value, a class, a count, a direction.

python examples/lecture/predicting_distributions.py
"""

from __future__ import annotations

import math

import torch
from drawing import BLUE, GREEN, ORANGE, label, panels, run
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from likelihead import LikelihoodModule, fit
from likelihead.evaluation.evaluate import predict

#: Where the predicted distributions are drawn, and in which colours.
PLACES, COLOURS = torch.tensor([2.0, 7.0]), (BLUE, GREEN)


def samples(kind: str, x: Tensor) -> Tensor:
    """Answers y of the kind of a family, for x between 0 and 10."""
    wave = torch.sin(0.7 * x)
    if kind == "normal":
        return 2 + wave + (0.1 + 0.05 * x) * torch.randn(len(x))
    if kind == "categorical":
        logits = torch.stack([2 * wave, 1 - 0.4 * x, 0.3 * x - 1.5, -2 * wave], 1)
        return torch.distributions.Categorical(logits=2 * logits).sample()
    if kind == "poisson":
        return torch.poisson((1.2 + wave).exp())
    return torch.distributions.VonMises(0.9 * x - 4.5, torch.full_like(x, 6.0)).sample()


def values(kind: str, y: Tensor) -> Tensor:
    """The values at which a distribution is drawn."""
    if kind == "normal":
        return torch.linspace(0, 5, 301)
    return torch.linspace(-math.pi, math.pi, 301) if kind == "von_mises" else torch.arange(int(y.max()) + 1.0)


def draw_panel(axis: Axes, kind: str, quick: bool) -> tuple[Tensor, Tensor]:
    """Train on 400 rows and draw the distributions at two x, beside the data; returns values and probabilities."""
    torch.manual_seed(0)
    x = 10 * torch.rand(400, 1)
    y = samples(kind, x[:, 0])
    module = LikelihoodModule.for_data((x, y), kind, bins=0)
    fit(module, (x[:320], y[:320]), (x[320:], y[320:]), max_epochs=2 if quick else 120)
    at = values(kind, y)
    axis.plot(x[:, 0], y.double() + (kind == "categorical"), ".", color=ORANGE, markersize=3)
    probabilities = predict(module, PLACES[:, None]).log_prob(at[:, None].expand(-1, 2)).exp()
    for place, colour, density in zip(PLACES.tolist(), COLOURS, probabilities.T, strict=True):
        height = place + 2.4 * density / density.max()
        where = at + (kind == "categorical")
        axis.axvline(place, color=colour, linewidth=0.6)
        if len(at) > 200:
            axis.plot(height, where, color=colour)
        else:
            axis.barh(where.numpy(), (height - place).numpy(), left=place, height=0.5, color=colour, alpha=0.8)
            axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    return at, probabilities


def draw(quick: bool) -> tuple[Figure, str]:
    """Four networks, and the distribution that each predicts at x = 2 and x = 7."""
    figure, axes = panels(2, 2, width=4.2)
    titles = {
        "normal": ("a) a real value: normal", "y"),
        "categorical": ("b) a class: categorical", "class"),
        "poisson": ("c) a count: Poisson", "count"),
        "von_mises": ("d) a direction: von Mises", "angle"),
    }
    lines = []
    for axis, (kind, (title, name)) in zip(axes.flat, titles.items(), strict=True):
        at, probabilities = draw_panel(axis, kind, quick)
        label(axis, title, "x", name)
        best = [float(at[column.argmax()]) + (kind == "categorical") for column in probabilities.T]
        lines.append(f"{kind}: most probable y is {best[0]:.2f} at x = 2 and {best[1]:.2f} at x = 7")
    return figure, "\n".join(lines)


if __name__ == "__main__":
    run("predicting_distributions", draw)
