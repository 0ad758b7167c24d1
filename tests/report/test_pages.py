"""The report of every shipped family: valid, whole, offline, and told in words."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from cases import CASES, Case
from report.pages import blocks, drawings, module_for, page_of, parsed, repeated_ids, run_of, simulated

from likelihead import DistributionHead, LikelihoodModule
from likelihead.data import Data, Examples, split_table
from likelihead.report import sections
from likelihead.report.figures import FIGURES

pytestmark = pytest.mark.usefixtures("few_panels")

ALWAYS = {"nats", "learning", "importance", "effects", "coefficients", "scores", "columns"}
NUMBERS = {"densities", "fan", "pit", "pit_reliability", "coverage", "residuals", "worm"}
CLASSES = {"probabilities", "class_reliability", "confusion"}
#: The figures that a report must have, by the name of the target type.
EXPECTED = {
    "real": NUMBERS,
    "positive": NUMBERS,
    "proportion": NUMBERS,
    "count": NUMBERS,
    "shares": NUMBERS | {"contours"},
    "class_counts": NUMBERS | {"contours"},
    "angle": {"rose", "directions", "pit", "pit_reliability", "coverage"},
    "binary": CLASSES,
    "class": CLASSES,
    "level": CLASSES | {"pit", "pit_reliability"},
    "ranking": {"ranks", "rankings"},
    "partial_ranking": {"ranks", "rankings"},
    "unit_vector": {"sphere"},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_report_of_a_family(case: Case, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = simulated(case)
    module = module_for(data, case.spec)
    text = page_of(run_of(module, data), tmp_path)
    tree = parsed(text)
    kind = module.head.target_type
    vectors = {"contours"} if kind.is_vector and kind.name == "real" else set()
    assert blocks(tree) == ALWAYS | EXPECTED[kind.name] | vectors
    assert not [record for record in caplog.records if record.name == "likelihead.report"]
    check_page(text)


def check_page(text: str) -> None:
    tree = parsed(text)
    assert not repeated_ids(tree)
    for svg in drawings(tree):
        assert svg.get("role") == "img"
        assert len(svg.get("aria-label")) > 15
    for node in tree.iter():
        assert node.get("src") is None
        assert not (node.get("href") or "#").startswith(("http", "//", "file"))
    assert "http" not in text and "url(//" not in text and "@import" not in text and "<script" not in text
    assert not re.findall(r"\b(?:nan|inf|None|NaN)\b", text)


def test_names_from_a_table_are_text_in_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "MOST_EFFECTS", 2)
    rng = np.random.default_rng(0)
    awkward = '<b>$\\alpha$ & "größe" 温度 {{ 7*7 }}'
    frame = pd.DataFrame({awkward: rng.normal(size=120), "colour": rng.choice(["<i>", "a&b", "$x$"], 120)})
    frame["y_1"] = frame[awkward] + rng.normal(size=120)
    data = split_table(frame, "normal", "y_1")
    text = page_of(run_of(module_for(data, "normal"), data, awkward), tmp_path)
    check_page(text)
    tree = parsed(text)
    assert tree.find(".//title").text == awkward
    labels = {node.text for node in tree.iter() if str(node.tag).endswith("text")}
    assert {awkward, "<i>", "a&b", "$x$", "y_1"} <= labels


def test_several_outputs_have_a_panel_each(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=200)})
    frame["height"], frame["weight"] = frame.x + rng.normal(size=200), 5.0 * rng.normal(size=200)
    data = split_table(frame, "normal", ["height", "weight"])
    tree = parsed(page_of(run_of(module_for(data, "normal"), data), tmp_path))
    for name in ("pit", "coverage", "worm", "fan"):
        block = next(node for node in tree.iter("div") if node.get("id") == name)
        assert [svg.get("aria-label").split(":")[0] for svg in drawings(block)] == ["height", "weight"]


def test_a_table_without_inputs(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": np.random.default_rng(0).gamma(2.0, size=90)})
    data = split_table(frame, "gamma", "y")
    text = page_of(run_of(module_for(data, "gamma"), data), tmp_path)
    assert "The table has no inputs" in text
    assert not blocks(parsed(text)) & {"importance", "effects", "fan"}


def test_tensors_and_sites(tmp_path: Path) -> None:
    """Tokens with a class each, some of them masked, from an embedding: no columns, so no effects of inputs."""
    torch.manual_seed(0)
    x, y, mask = torch.randint(20, (60, 7)), torch.randint(3, (60, 7)), torch.rand(60, 7) > 0.3
    examples = Examples(x, y, mask=mask)
    data = Data(*(examples.take(np.arange(start, start + 20)) for start in (0, 20, 40)))
    module = LikelihoodModule(torch.nn.Embedding(20, 4), DistributionHead("categorical", in_features=4, event_size=3))
    module.head.fit_marginal(y, mask=mask)
    text = page_of(run_of(module.eval(), data), tmp_path)
    check_page(text)
    assert blocks(parsed(text)) == {"nats", "learning", "scores"} | CLASSES
    assert f"of {int(mask[40:].sum())} rows" in text


def test_without_test_rows_the_training_rows_are_shown(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.arange(60.0), "y": np.random.default_rng(0).normal(size=60)})
    data = split_table(frame, "normal", "y", test_fraction=0.0)
    text = page_of(run_of(module_for(data, "normal"), data), tmp_path)
    assert "51 train, 9 validation rows. Figures and numbers are about the training rows." in text


def test_a_figure_that_fails_is_left_out_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("no such luck")

    monkeypatch.setitem(FIGURES, "pit", FIGURES["pit"]._replace(draw=broken))
    data = simulated(CASES["normal"])
    tree = parsed(page_of(run_of(module_for(data, "normal"), data), tmp_path))
    assert "pit" not in blocks(tree) and "worm" in blocks(tree)
    assert [record.getMessage() for record in caplog.records if record.name == "likelihead.report"] == [
        "the figure 'pit' could not be drawn: ZeroDivisionError: no such luck"
    ]
