"""Decision boundaries: units of a second hidden layer bound convex regions, and the output combines them.

python examples/lecture/decision_boundaries.py
"""

from __future__ import annotations

import math

import torch
from drawing import BLUE, ORANGE, label, panels, run
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor, nn

from likelihead import DistributionHead, LikelihoodModule

CENTRES, RADIUS, SIDES = torch.tensor([[-0.9, -0.5], [0.9, 0.5]]), 0.75, 6
#: How steeply a unit falls outside its region, and how sure the network is inside.
STEEPNESS, GAIN = 12.0, 12.0


def is_inside(x: Tensor) -> Tensor:
    """Whether points (n, 2) lie in one of two separate discs."""
    return (torch.cdist(x, CENTRES) < RADIUS).any(1)


def two_polygons(combine: tuple[float, float]) -> LikelihoodModule:
    """A network written down by hand.

    Each unit of the first hidden layer measures how far x lies beyond one side of a polygon, and each unit of the
    second is 1 inside a polygon and falls to 0 outside. The output adds the second layer's units with the weights
    `combine`.
    """
    angles = torch.arange(SIDES) * (2 * math.pi / SIDES)
    normals = torch.stack([angles.cos(), angles.sin()], 1)
    sides, regions = nn.Linear(2, 2 * SIDES), nn.Linear(2 * SIDES, 2)
    head = DistributionHead("bernoulli", in_features=2)
    with torch.no_grad():
        sides.weight.copy_(normals.repeat(2, 1))
        sides.bias.copy_((-(CENTRES @ normals.T) - 0.95 * RADIUS).flatten())
        regions.weight.copy_(torch.block_diag(*[torch.full((1, SIDES), -STEEPNESS)] * 2))
        regions.bias.fill_(1.0)
        head.linear.weight.copy_(GAIN * torch.tensor([combine]))
        head.linear.bias.fill_(-GAIN / 2)
    return LikelihoodModule(nn.Sequential(sides, nn.ReLU(), regions, nn.ReLU()), head)


CASES = {"a) one unit: one convex region": (1.0, 0.0), "b) another unit": (0.0, 1.0), "c) both": (1.0, 1.0)}


def draw(quick: bool) -> tuple[Figure, str]:
    """The probability of class 1 over the plane, of each region and of both."""
    torch.manual_seed(0)
    x = 4 * torch.rand(100 if quick else 800, 2) - 2
    y = is_inside(x)
    ticks = torch.linspace(-2, 2, 201)
    plane = torch.cartesian_prod(ticks, ticks)
    figure, (axes,) = panels(3, height=3.5, sharey=True)
    lines = []
    for axis, (title, combine) in zip(axes, CASES.items(), strict=True):
        module = two_polygons(combine)
        probability = module(plane).probs.detach().reshape(201, 201).T
        axis.contourf(ticks, ticks, probability, levels=20, cmap="PuOr_r", vmin=0, vmax=1, alpha=0.45)
        axis.contour(ticks, ticks, probability, levels=[0.5], colors="black", linewidths=1.2)
        axis.scatter(*x.T, c=y, s=4, cmap=ListedColormap([BLUE, ORANGE]))
        axis.set_aspect("equal")
        label(axis, title, "x₁", "x₂")
        nll, right = -module(x).log_prob(y.float()).mean(), ((module(x).probs > 0.5) == y).float().mean()
        lines.append(f"{title[3:]}: accuracy {right:.3f}, NLL {nll:.3f}")
    return figure, "\n".join(lines)


if __name__ == "__main__":
    run("decision_boundaries", draw)
