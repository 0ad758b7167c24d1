"""The figure of calibration that loggers get while a model trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from likelihead import Ensemble, LikelihoodModule, fit
from likelihead.report.callback import CalibrationFigure


@pytest.fixture
def logged(tmp_path: Path) -> Any:
    """The epochs of the figures of a run, by their names."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def run(module: LikelihoodModule, data: Any, **options: Any) -> dict[str, list[int]]:
        logger = pl.loggers.TensorBoardLogger(tmp_path, name=None, version="run")
        callbacks = [CalibrationFigure(**options)]
        fit(module, data, data, logger=logger, callbacks=callbacks, max_epochs=5, batch_size=30)
        events = accumulator.EventAccumulator(str(tmp_path / "run"), size_guidance={"images": 0}).Reload()
        return {tag: [event.step for event in events.Images(tag)] for tag in events.Tags()["images"]}

    return run


def rows(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.rand(60, 2), torch.randn(60, *shape)


def test_there_is_a_figure_for_each_epoch(logged: Any) -> None:
    data = rows()
    assert logged(LikelihoodModule.for_data(data, "normal", "linear"), data) == {"calibration/y": [0, 1, 2, 3, 4]}


def test_each_coordinate_of_a_vector_has_its_own_every_second_epoch(logged: Any) -> None:
    data = rows(2)
    module = LikelihoodModule.for_data(data, "multivariate_normal", "linear")
    found = logged(module, data, every_n_epochs=2)
    assert found == {"calibration/y1": [0, 2, 4], "calibration/y2": [0, 2, 4]}


def test_classes_and_ensembles_have_none(logged: Any) -> None:
    x, y = rows()
    labels = (x, (y > 0).long())
    assert logged(LikelihoodModule.for_data(labels, "categorical", "linear"), labels) == {}
    ensemble = Ensemble.of(lambda: LikelihoodModule.for_data((x, y), "normal", "linear"), members=2)
    hook = CalibrationFigure()
    hook.on_validation_batch_end(pl.Trainer(logger=False, accelerator="cpu"), ensemble, None, (x, y), 0)
    assert not hook._pits
