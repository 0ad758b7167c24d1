"""Binary cross-entropy is the negative log-likelihood of a Bernoulli distribution.

python examples/lecture/binary_cross_entropy_loss.py
"""

from __future__ import annotations

import torch
from drawing import BLUE, GREEN, GREY, ORANGE, label, likelihood_and_nll, panels, run
from matplotlib.figure import Figure
from networks import nll_along, three_units
from torch.nn import functional


def draw(quick: bool) -> tuple[Figure, str]:
    """The predicted probability, and likelihood and negative log-likelihood against one parameter."""
    torch.manual_seed(1)
    module = three_units("bernoulli", [[7.0, -16.0, 14.0]], [-1.5])
    x = torch.linspace(0.02, 0.98, 40, dtype=torch.float64)[:, None]
    y = module(x).sample()

    bias = module.head.linear.bias[0]
    values = torch.linspace(-4.0, 1.5, 101 if quick else 1101, dtype=torch.float64)
    nll = nll_along(module, bias, values, x, y)
    logits = module(x).logits.detach()
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, y, reduction="sum")
    best = {"likelihood": values[(-nll).exp().argmax()], "nll": values[nll.argmin()]}

    figure, ((raw, probability, shared),) = panels(3)
    grid = torch.linspace(0, 1, 201, dtype=torch.float64)[:, None]
    predicted = module(grid)
    raw.axhline(0, color=GREY, linewidth=0.8)
    raw.plot(grid[:, 0], predicted.logits.detach(), color=BLUE)
    label(raw, "a) the network's output: any number", "x", "f[x]")
    probability.plot(grid[:, 0], predicted.probs.detach(), color=BLUE)
    probability.plot(x[:, 0], y, "o", color=ORANGE, markersize=4)
    label(probability, "b) its sigmoid: a probability", "x", "Pr(y = 1 | x)")
    likelihood_and_nll(shared, values, nll, GREEN, "c) one optimum for both", "offset of the output")
    return figure, (
        f"best offset: {best['likelihood']:.4f} by likelihood, {best['nll']:.4f} by negative log-likelihood\n"
        f"negative log-likelihood: {-module(x).log_prob(y).sum():.6f}; binary cross-entropy: {cross_entropy:.6f}"
    )


if __name__ == "__main__":
    run("binary_cross_entropy_loss", draw)
