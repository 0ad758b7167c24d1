"""The learning curves: what is marked, and what the axis shows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from likelihead.report.figures.training import learning_curves

NAN = math.nan


def shown(history: dict[str, list[float]], marginal: float) -> tuple[str, tuple[float, float]]:
    drawing = learning_curves(history, marginal, None)
    (plot,) = drawing.panels[0].figure.axes
    return drawing.finding, plot.get_ylim()


def test_the_best_epoch_is_that_of_the_validation_rows_where_there_are_any() -> None:
    """Validation every second epoch leaves cells empty; epochs count from 1."""
    history = {"epoch": [0, 1, 2, 3], "train/nll": [4.0, 3.0, 2.0, 1.0], "validation/nll": [NAN, 3.5, NAN, 3.6]}
    assert shown(history, 5.0)[0] == "The lowest NLL, 3.5, came after epoch 2."
    without = {name: values for name, values in history.items() if name != "validation/nll"}
    assert shown(without, 5.0)[0] == "The lowest NLL, 1, came after epoch 4."


@pytest.mark.parametrize("marginal", [1.9, 2.2, 2.6])
def test_the_curves_are_in_the_picture_wherever_the_marginal_fit_lies(marginal: float) -> None:
    train, validation = [2.4, 2.3, 2.25, 2.2], [2.1, 2.15, 2.12, 2.13]
    _, (low, high) = shown({"epoch": [0, 1, 2, 3], "train/nll": train, "validation/nll": validation}, marginal)
    assert low <= min(*validation, marginal) and high >= marginal
    assert np.mean([low <= value <= high for value in [*train, *validation]]) > 0.5


def test_a_curve_that_explodes_does_not_flatten_the_others() -> None:
    train, validation = [3.0, 2.5, 2.2, 2.0, 1.9], [3.1, 2.9, 40.0, 400.0, 4000.0]
    _, (low, high) = shown({"epoch": [0, 1, 2, 3, 4], "train/nll": train, "validation/nll": validation}, 3.2)
    assert low < 1.9 and high < 20.0


def test_nothing_is_drawn_of_an_empty_history() -> None:
    assert not learning_curves({"epoch": [0], "train/nll": [NAN]}, 1.0, None).panels
    assert not learning_curves({}, 1.0, None).panels
