"""Universal approximation: each hidden unit adds one linear piece, and the error falls as the units grow.

python examples/lecture/universal_approximation.py
"""

from __future__ import annotations

import torch
from drawing import BLUE, GREY, label, panels, run
from matplotlib.figure import Figure
from torch import Tensor, nn

from likelihead import DistributionHead, LikelihoodModule


def curve(x: Tensor) -> Tensor:
    """The function that is approximated."""
    return torch.sin(2 * torch.pi * x) + 0.5 * torch.cos(5 * torch.pi * x)


def interpolating(units: int) -> LikelihoodModule:
    """The network of ReLU units that goes through the curve at the ends of `units` equal pieces."""
    knots = torch.linspace(0, 1, units + 1, dtype=torch.float64)
    heights = curve(knots)
    slopes = heights.diff() * units
    hidden = nn.Linear(1, units)
    family = {"family": "pyro.distributions.Normal", "parameters": {"loc": "predicted", "scale": 1.0}}
    head = DistributionHead(family, in_features=units)
    module = LikelihoodModule(nn.Sequential(hidden, nn.ReLU()), head).double()
    with torch.no_grad():
        hidden.weight.fill_(1.0)
        hidden.bias.copy_(-knots[:-1])
        # A unit changes the slope at its kink.
        head.linear.weight.copy_(torch.cat([slopes[:1], slopes.diff()])[None])
        head.linear.bias.fill_(heights[0])
    return module


def draw(quick: bool) -> tuple[Figure, str]:
    """A curve and its approximations by 5, 10 and 20 units, and the error against the number of units."""
    figure, (axes,) = panels(4)
    grid = torch.linspace(0, 1, 2001, dtype=torch.float64)
    for axis, units in zip(axes, (5, 10, 20), strict=False):
        axis.plot(grid, curve(grid), color=GREY, linestyle="--")
        axis.plot(grid, interpolating(units)(grid[:, None]).mean.detach(), color=BLUE)
        label(axis, f"{units} hidden units", "x", "y")
    counts = [5, 10, 20, 40, 80] if quick else [5, 10, 20, 40, 80, 160, 320]
    errors = [float((interpolating(units)(grid[:, None]).mean - curve(grid)).detach().abs().max()) for units in counts]
    axes[3].loglog(counts, errors, "o-", color=BLUE)
    axes[3].set_xticks(counts, map(str, counts))
    axes[3].minorticks_off()
    label(axes[3], "the largest error", "hidden units", "largest |f[x] − y|")
    listed = "\n".join(f"{units} units: largest error {error:.5f}" for units, error in zip(counts, errors, strict=True))
    return figure, f"{listed}\ntwice the units divide it by {errors[-2] / errors[-1]:.2f}"


if __name__ == "__main__":
    run("universal_approximation", draw)
