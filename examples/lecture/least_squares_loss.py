"""Least squares is maximum likelihood: of a normal distribution whose scale is fixed.

python examples/lecture/least_squares_loss.py
"""

from __future__ import annotations

import torch
from drawing import BLUE, GREEN, GREY, ORANGE, label, likelihood_and_nll, panels, run, second_axis
from matplotlib.figure import Figure
from networks import nll_along, three_units

NOISE = 0.15


def draw(quick: bool) -> tuple[Figure, str]:
    """Likelihood, negative log-likelihood and sum of squares against one parameter, and against the scale."""
    torch.manual_seed(2)
    fixed = {"family": "pyro.distributions.Normal", "parameters": {"loc": "predicted", "scale": NOISE}}
    module = three_units(fixed, [[1.6, -3.4, 2.6]], [-0.2])
    x = torch.linspace(0.02, 0.98, 25, dtype=torch.float64)[:, None]
    mean = module(x).mean.detach()
    y = mean + NOISE * torch.randn(25, dtype=torch.float64)

    bias = module.head.linear.bias[0]
    values = torch.linspace(-0.6, 0.2, 101 if quick else 1601, dtype=torch.float64)
    nll = nll_along(module, bias, values, x, y)
    squares = torch.stack([((y - mean - (value - bias)) ** 2).sum() for value in values]).detach()
    best = {
        "likelihood": values[(-nll).exp().argmax()],
        "nll": values[nll.argmin()],
        "squares": values[squares.argmin()],
    }

    scales = torch.linspace(0.06, 0.4, 101 if quick else 3401, dtype=torch.float64)
    by_scale = torch.stack([-torch.distributions.Normal(mean, scale).log_prob(y).sum() for scale in scales])
    learned, residual = scales[by_scale.argmin()], ((y - mean) ** 2).mean().sqrt()

    figure, ((data, shared, same, scale),) = panels(4)
    grid = torch.linspace(0, 1, 201, dtype=torch.float64)[:, None]
    predicted = module(grid).mean.detach()
    data.fill_between(grid[:, 0], predicted - 2 * NOISE, predicted + 2 * NOISE, color=BLUE, alpha=0.2, linewidth=0)
    data.plot(grid[:, 0], predicted, color=BLUE)
    data.plot(x[:, 0], y, "o", color=ORANGE, markersize=4)
    label(data, "a) y is normal around f[x]", "x", "y")

    likelihood_and_nll(shared, values, nll, GREEN, "b) one optimum for both", "offset of the output")

    same.plot(values, squares, color=ORANGE)
    label(same, "c) and for the sum of squares", "offset of the output", "sum of squares")
    same.yaxis.label.set_color(ORANGE)
    second_axis(same, "negative log-likelihood", BLUE).plot(values, nll, color=BLUE, linestyle=(0, (3, 3)))
    same.axvline(best["nll"], color=GREY, linestyle=":")

    scale.plot(scales, by_scale, color=BLUE)
    scale.axvline(residual, color=GREY, linestyle=":")
    label(scale, "d) the scale can be learned too", "scale σ", "negative log-likelihood")
    return figure, (
        f"best offset: {best['likelihood']:.4f} by likelihood, {best['nll']:.4f} by negative log-likelihood, "
        f"{best['squares']:.4f} by sum of squares\n"
        f"best scale: {learned:.4f}; root mean squared residual: {residual:.4f}"
    )


if __name__ == "__main__":
    run("least_squares_loss", draw)
