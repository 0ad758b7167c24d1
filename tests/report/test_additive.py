"""The curves of an additive model in its report: against closed forms, for every family, and on the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from report.pages import blocks, drawings, page_of, parsed, run_of

from likelihead import LikelihoodModule
from likelihead.configs import shipped
from likelihead.data import Data, load_data, split_table
from likelihead.report import sections
from likelihead.report.additive import curves
from likelihead.report.subject import Subject
from likelihead.training.ensemble import Ensemble

SMALL = {"width": 4, "bins": 4}


def model_of(data: Data, spec: object, **options: object) -> LikelihoodModule:
    module = LikelihoodModule.for_data(data, spec, "additive", **{**SMALL, **options})
    module.head.fit_marginal(data.train.y, data.train.weight, data.train.exposure)
    torch.manual_seed(0)
    for parameter in module.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return module.eval()


@pytest.fixture(scope="module")
def table() -> Data:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(30.0, 5.0, 300), "colour": rng.choice(list("abc"), 300)})
    frame["y"] = frame["size"] + rng.normal(size=300)
    return split_table(frame, "normal", "y")


def test_without_hidden_layers_the_curves_are_lines_in_the_inputs_own_units(table: Data) -> None:
    module = model_of(table, "normal", depth=0)
    subject = Subject.of(module, table.test)
    loc, scale = curves(subject, subject.inputs)
    head, column = subject.model.head, subject.inputs[0].column.state()  # type: ignore[union-attr]
    for k, (found, name) in enumerate([(loc, "loc"), (scale, "log scale")]):
        size, colour = found
        assert (size.label, size.names, size.entry.name) == (name, [], "size")
        slope = float(head.linear.weight[k, 0]) * float(head.parameter["loc" if k == 0 else "scale"].unit)
        expected = slope * (size.values - size.data.mean()) / column["scale"]
        np.testing.assert_allclose(size.heights[0, :, 0], expected, rtol=1e-5, atol=1e-6)
        shares = colour.data.value_counts(normalize=True)[list(colour.values)]
        assert colour.heights[0, :, 0] @ shares.to_numpy() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("name", shipped())
def test_every_predicted_parameter_has_a_named_curve_for_each_input(name: str) -> None:
    data = load_data(name, {"kind": "synthetic", "rows": 80}, seed=0)
    module = model_of(data, name)
    subject = Subject.of(module, data.test)
    found = curves(subject, subject.inputs)
    predicted = [key for key, role in module.head.family.roles.items() if role == "predicted"]
    labels = [parameter[0].label for parameter in found]
    assert [label for label in dict.fromkeys(label.split()[-1] for label in labels)] == predicted
    assert len(set(labels)) == len(labels) and all(len(parameter) == len(subject.inputs) for parameter in found)
    for curve in (curve for parameter in found for curve in parameter):
        assert curve.heights.shape[1] == len(curve.values) and np.isfinite(curve.heights).all()
        assert len(curve.names) == (curve.heights.shape[2] if curve.names else 0)
        assert len(set(curve.names)) == len(curve.names) and (curve.names or curve.heights.shape[2] == 1)


@pytest.fixture
def few_inputs() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sections, "MOST_ADDITIVE", 1)
        patch.setattr(sections, "MOST_EFFECTS", 1)
        yield


@pytest.mark.usefixtures("few_inputs", "few_panels")
def test_the_page_of_an_ensemble_has_a_line_for_each_member(table: Data, tmp_path: Path) -> None:
    module = Ensemble.of(lambda: model_of(table, "normal"), 3, 0).eval()
    text = page_of(run_of(module, table), tmp_path)
    assert "additive" in blocks(parsed(text))
    subject = Subject.of(module, table.test)
    assert curves(subject, subject.inputs[:1])[0][0].heights.shape[0] == 3
    block = text[text.index('id="additive"') :]
    assert "size adds" in block and "to loc" in block and "to log scale" in block
    assert "the one that matters most is shown" in block


@pytest.mark.usefixtures("few_panels")
def test_other_models_have_no_such_block(table: Data, tmp_path: Path) -> None:
    module = LikelihoodModule.for_data(table, "normal", "linear")
    module.head.fit_marginal(table.train.y)
    tree = parsed(page_of(run_of(module.eval(), table), tmp_path))
    assert "additive" not in blocks(tree) and drawings(tree)
