"""Simulators of images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyro.distributions as dist
import torch
from numpy.typing import NDArray

from likelihead.data.sources.synthetic.simulation import Simulation, tensor
from likelihead.data.tables.array_column import cells_of

#: The side of an image in pixels.
SIDE = 16
#: What a pixel may show, and its grey level there.
OBJECTS, GREYS = ["background", "circle", "square"], np.array([0.2, 0.8, 0.8])
#: The deviation of the noise of a pixel, and the probability that its label is a wrong one.
GREY_NOISE, LABEL_NOISE = 0.05, 0.1


def shapes(rng: np.random.Generator, rows: int) -> Simulation:
    """Categorical at every pixel: a circle, a square or the background; a tenth of the pixels are mislabelled."""
    down, across = np.mgrid[:SIDE, :SIDE]
    true = np.zeros((rows, SIDE, SIDE), dtype=np.int64)
    # Each object has one half of the image, so that none hides the other.
    circle_is_left = rng.random(rows) < 0.5
    for label, left in ((1, circle_is_left), (2, ~circle_is_left)):
        size, row = rng.integers(2, 4, rows), rng.integers(3, SIDE - 3, rows)
        column = np.where(left, 3, SIDE // 2 + 3) + rng.integers(0, 2, rows)
        vertical, horizontal = np.abs(down - row[:, None, None]), np.abs(across - column[:, None, None])
        radius = size[:, None, None]
        inside = vertical**2 + horizontal**2 <= radius**2 if label == 1 else np.maximum(vertical, horizontal) <= radius
        true[inside] = label
    image = GREYS[true] + rng.normal(0.0, GREY_NOISE, true.shape)
    wrong = LABEL_NOISE / (len(OBJECTS) - 1)
    probabilities = np.where(np.arange(len(OBJECTS)) == true[..., None], 1.0 - LABEL_NOISE, wrong)
    truth = dist.Categorical(probs=tensor(probabilities)).to_event(2)
    return Simulation({"image": _grey_images(image)}, truth, ["object"], OBJECTS)


def tumours(rng: np.random.Generator, rows: int) -> Simulation:
    """Bernoulli: whether a tissue is malignant, given a scan; the larger the bright lesion in it, the likelier."""
    down, across = np.mgrid[:SIDE, :SIDE]
    row, column = rng.uniform(4, SIDE - 4, (2, rows))
    radius = rng.uniform(1.0, 4.0, rows)
    squared = (down - row[:, None, None]) ** 2 + (across - column[:, None, None]) ** 2
    tissue = 0.4 + 0.1 * np.sin(down / rng.uniform(2, 4, (rows, 1, 1))) * np.cos(
        across / rng.uniform(2, 4, (rows, 1, 1))
    )
    lesion = 0.5 / (1.0 + np.exp(2.0 * (np.sqrt(squared) - radius[:, None, None])))
    image = tissue + lesion + rng.normal(0.0, 0.03, tissue.shape)
    truth = dist.Bernoulli(logits=tensor(4.0 * (radius - 2.5)))
    return Simulation({"scan": _grey_images(image)}, truth, ["malignant"])


def _grey_images(values: NDArray[Any]) -> NDArray[Any]:
    """Grey levels (n, height, width) from 0 to 1 as a column of images of one channel of bytes."""
    levels = torch.from_numpy(values).mul(255).round().clamp(0, 255).to(torch.uint8)
    return cells_of(levels.unsqueeze(1).numpy())
