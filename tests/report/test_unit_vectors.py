"""Pictures of single directions: the regions hold what they promise, and the marks lie where the vectors point."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from likelihead.distributions import ProjectedNormal
from likelihead.inference import sample
from likelihead.report import style
from likelihead.report.answers import Answer
from likelihead.report.figures.unit_vectors import circle, sphere
from likelihead.target_types import TargetColumns

NAMES = ["east", "north", "up", "w"]
#: The predicted concentration points to +up, which is the upper edge of a map, and is broad.
CONCENTRATION = [0.5, 0.3, 1.2, 0.0]


def answer_of(dims: int, rows: int = 3) -> Answer:
    predicted = ProjectedNormal(torch.tensor(CONCENTRATION[:dims], dtype=torch.float64).expand(rows, dims))
    y = torch.eye(4, dtype=torch.float64)[torch.arange(rows) % dims, :dims]
    return Answer(TargetColumns(NAMES[:dims]), predicted, predicted, y)


def test_the_observed_direction_is_marked_where_it_points() -> None:
    with style.applied():
        roses, maps = circle(answer_of(2, 2)).panels, sphere(answer_of(3)).panels
    lines = [panel.figure.axes[0].get_lines()[-1] for panel in roses]
    assert sorted(line.get_xdata()[0] for line in lines) == pytest.approx([0.0, np.pi / 2])
    names = [text.get_text() for text in roses[0].figure.axes[0].get_xticklabels()]
    assert names == ["+east", "+north", "−east", "−north"]
    points = [line for panel in maps for line in panel.figure.axes[0].get_lines() if line.get_label() == "observed"]
    # Of +east, +north and +up: longitude and latitude in degrees; at a pole every longitude is the same place.
    places = sorted((float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in points)
    np.testing.assert_allclose(places, [(0.0, 0.0), (0.0, 90.0), (90.0, 0.0)], atol=1e-9)


def test_the_regions_of_a_map_hold_their_share_of_samples() -> None:
    answer = answer_of(3)
    with style.applied():
        figure = sphere(answer).panels[0].figure
    (lines,) = [drawn for drawn in figure.axes[0].collections if len(drawn.levels) == 2]
    density = answer.predicted.log_prob(sample(answer.predicted, 20_000)).exp().numpy()[:, 0]
    shares = [(density >= level).mean() for level in lines.levels]
    assert shares == pytest.approx([0.9, 0.5], abs=0.015)


def test_the_area_of_a_rose_is_a_probability_of_1() -> None:
    with style.applied():
        (curve, _) = circle(answer_of(2)).panels[0].figure.axes[0].get_lines()
    angles, radius = (np.asarray(values) for values in curve.get_data())
    assert np.trapezoid(radius**2, angles) == pytest.approx(1.0, rel=1e-6)


def test_directions_in_more_dimensions_have_no_picture() -> None:
    answer = answer_of(4)
    assert not circle(answer).panels and not sphere(answer).panels
    assert not circle(answer_of(3)).panels and not sphere(answer_of(2)).panels
