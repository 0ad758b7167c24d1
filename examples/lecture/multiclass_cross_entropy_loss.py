"""Multiclass cross-entropy is the negative log-likelihood of a categorical distribution.

python examples/lecture/multiclass_cross_entropy_loss.py
"""

from __future__ import annotations

import torch
from drawing import BLUE, GREEN, ORANGE, RED, label, likelihood_and_nll, panels, run
from matplotlib.figure import Figure
from networks import nll_along, three_units
from torch.nn import functional

CLASSES = (BLUE, ORANGE, GREEN)


def draw(quick: bool) -> tuple[Figure, str]:
    """The probabilities of three classes, and likelihood and negative log-likelihood against one parameter."""
    torch.manual_seed(1)
    weights = [[-6.0, 8.0, -6.0], [6.0, -10.0, 4.0], [2.0, 2.0, 6.0]]
    module = three_units("categorical", weights, [1.5, 0.0, -1.5], event_size=3)
    x = torch.linspace(0.02, 0.98, 40, dtype=torch.float64)[:, None]
    y = module(x).sample()

    bias = module.head.linear.bias[1]
    values = torch.linspace(-3.0, 3.0, 101 if quick else 1201, dtype=torch.float64)
    nll = nll_along(module, bias, values, x, y)
    cross_entropy = functional.cross_entropy(module(x).logits.detach(), y, reduction="sum")
    best = {"likelihood": values[(-nll).exp().argmax()], "nll": values[nll.argmin()]}

    figure, ((raw, probability, shared),) = panels(3)
    grid = torch.linspace(0, 1, 201, dtype=torch.float64)[:, None]
    features = module.head.linear(module.architecture(grid)).detach()
    predicted = module(grid).probs.detach()
    for k, colour in enumerate(CLASSES):
        raw.plot(grid[:, 0], features[:, k], color=colour, label=f"class {k + 1}")
        probability.plot(grid[:, 0], predicted[:, k], color=colour)
        probability.plot(x[y == k, 0], torch.full((int((y == k).sum()),), -0.05), "|", color=colour, markersize=8)
    raw.legend()
    label(raw, "a) one output for each class", "x", "f[x]")
    label(probability, "b) their softmax: probabilities", "x", "Pr(y | x)")
    likelihood_and_nll(shared, values, nll, RED, "c) one optimum for both", "offset of class 2")
    return figure, (
        f"best offset: {best['likelihood']:.4f} by likelihood, {best['nll']:.4f} by negative log-likelihood\n"
        f"negative log-likelihood: {-module(x).log_prob(y).sum():.6f}; cross-entropy: {cross_entropy:.6f}"
    )


if __name__ == "__main__":
    run("multiclass_cross_entropy_loss", draw)
