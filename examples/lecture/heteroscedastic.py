"""One spread for all x, or a spread that the network predicts too: homoscedastic and heteroscedastic regression.

python examples/lecture/heteroscedastic.py
"""

from __future__ import annotations

import torch
from drawing import BLUE, GREY, ORANGE, label, panels, run
from matplotlib.figure import Figure

from likelihead import LikelihoodModule, fit
from likelihead.evaluation.evaluate import predict
from likelihead.inference import quantile

ROLES = {"a) learned: one scale for all x": "learned", "b) predicted: a scale for each x": "predicted"}


def draw(quick: bool) -> tuple[Figure, str]:
    """Data whose noise grows with x, and the 90 % bands of two networks."""
    torch.manual_seed(0)
    x = torch.rand(600, 1)
    noise = 0.05 + 0.45 * x[:, 0] ** 2
    y = torch.sin(7 * x[:, 0]) + noise * torch.randn(600)
    figure, (axes,) = panels(2, width=4.2, sharey=True)
    grid, lines = torch.linspace(0, 1, 201)[:, None], []
    for axis, (title, role) in zip(axes, ROLES.items(), strict=True):
        family = {"family": "pyro.distributions.Normal", "parameters": {"loc": "predicted", "scale": role}}
        torch.manual_seed(0)
        module = LikelihoodModule.for_data((x, y), family, bins=0)
        fit(module, (x[:500], y[:500]), (x[500:], y[500:]), max_epochs=2 if quick else 150)
        predicted = predict(module, grid)
        lower, upper = quantile(predicted, torch.tensor([0.05, 0.95]))
        axis.fill_between(grid[:, 0], lower, upper, color=BLUE, alpha=0.2, linewidth=0)
        axis.plot(grid[:, 0], predicted.mean, color=BLUE)
        axis.plot(x[:, 0], y, ".", color=ORANGE, markersize=3)
        axis.plot(grid[:, 0], torch.sin(7 * grid[:, 0]), color=GREY, linestyle=":", linewidth=1)
        at = predict(module, torch.tensor([[0.1], [0.9]])).scale.expand(2)
        nll = -predict(module, x[500:]).log_prob(y[500:].double()).mean()
        label(axis, title, "x", "y")
        lines.append(f"scale {role}: {at[0]:.2f} at x = 0.1, {at[1]:.2f} at x = 0.9; held-out NLL {nll:.3f}")
    return figure, "\n".join([*lines, "true scale: 0.05 at x = 0.1, 0.41 at x = 0.9"])


if __name__ == "__main__":
    run("heteroscedastic", draw)
