"""New tables whose targets are partly unknown: masked for predictions, left out or refused for scores."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torch import nn

from likelihead import DistributionHead, LikelihoodModule
from likelihead.data import encode_table, load_table, split_table
from likelihead.errors import LikelihoodError, TargetError
from likelihead.evaluation.evaluate import evaluate
from likelihead.evaluation.predictions import predict_frame

#: The target cells of the training rows, and new cells of which only the first and the last can be used.
CASES: dict[str, tuple[str, list[object], list[object], dict[str, object]]] = {
    "empty": ("poisson", [0, 1, 2, 3], [2, None, None, 1], {}),
    "outside the support": ("gamma", [1.0, 2.0, 3.0, 4.0], [2.5, -1.0, 0.0, 1.5], {}),
    "text": ("normal", [1.0, 2.0, 3.0, 4.0], ["2.5", "?", "soon", "1.5"], {}),
    "infinite": ("normal", [1.0, 2.0, 3.0, 4.0], [2.5, math.inf, None, 1.5], {}),
    "unseen label": ("categorical", ["a", "b", "c", "a"], ["b", "d", None, "c"], {}),
    "unseen binary label": ("bernoulli", ["yes", "no", "yes", "no"], ["yes", "maybe", "", "no"], {}),
    "neither 0 nor 1": ("bernoulli", [0, 1, 1, 0], [1, 2, 0.5, 0], {}),
    "ranking": ("plackett_luce", ["a>b>c", "b>a>c", "c>a>b", "a>c>b"], ["b>a>c", "a>a>c", "a>b", "c>a>b"], {}),
    "degrees": ("von_mises", [10.0, 20.0, 30.0, 350.0], [90.0, 400.0, None, 45.0], {"angles": "degrees"}),
    "boundary": ("beta", [0.1, 0.2, 0.3, 0.4], [0.5, 2.0, None, 0.0], {"boundary": "squeeze"}),
}


def table(cells: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"size": np.arange(float(len(cells))), "y": pd.Series(cells)})


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_rows_without_a_usable_target_are_masked(
    case: tuple[str, list[object], list[object], dict[str, object]], caplog: pytest.LogCaptureFixture
) -> None:
    family, training, cells, options = case
    frame = table(training * 5)
    encoder = split_table(frame, family, "y", test_fraction=0, validation_fraction=0, **options).encoder
    assert encoder is not None
    new = table(cells)
    with caplog.at_level(logging.WARNING):
        rows = encode_table(new, encoder, "optional")
    assert rows.mask is not None and rows.mask.tolist() == [True, False, False, True]
    assert caplog.text.count("y: 2 of 4 rows have no target") == 1
    assert rows.y is not None
    known = encode_table(new.iloc[[0, 3]], encoder)
    assert known.y is not None and torch.equal(rows.y[[0, 3]], known.y)
    with pytest.raises(TargetError):
        encode_table(new, encoder)


def test_a_table_without_any_usable_target_has_none(caplog: pytest.LogCaptureFixture) -> None:
    encoder = split_table(table([0, 1, 2, 3] * 5), "poisson", "y").encoder
    assert encoder is not None
    rows = encode_table(table([-1, 0.5, None]), encoder, "optional")
    assert rows.y is None and rows.mask is None
    assert "y: 3 of 3 rows have no target that Poisson can take (1 empty, 2 invalid)" in caplog.text


def test_all_usable_targets_need_no_mask() -> None:
    encoder = split_table(table([0, 1, 2, 3] * 5), "poisson", "y").encoder
    assert encoder is not None
    rows = encode_table(table([1, 2]), encoder, "optional")
    assert rows.mask is None and rows.y is not None and rows.y.tolist() == [1.0, 2.0]


def test_predictions_of_masked_rows_have_no_pit() -> None:
    encoder = split_table(table([0.5, 1.5, 2.5, 3.5] * 5), "normal", "y").encoder
    assert encoder is not None
    torch.manual_seed(0)
    module = LikelihoodModule(nn.Identity(), DistributionHead("normal", in_features=1))
    frame = predict_frame(module, encode_table(table([1.0, None, 3.0]), encoder, "optional"))
    law = stats.norm(frame["loc"], frame["scale"])
    expected = law.logpdf([1.0, 0.0, 3.0])
    np.testing.assert_allclose(frame["log_prob"].to_numpy()[[0, 2]], expected[[0, 2]], rtol=1e-6)
    assert frame["pit"].isna().tolist() == [False, True, False]
    assert frame["mean"].notna().all()


def test_rows_without_a_target_can_be_left_out_of_scores(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    encoder = split_table(table([0, 1, 2, 3] * 5), "poisson", "y").encoder
    assert encoder is not None
    new = table([1, None, 2])
    new.to_csv(tmp_path / "new.csv", index=False)
    rows = load_table(tmp_path / "new.csv", encoder.state(), missing_target="drop")
    assert rows.rows.tolist() == [0, 2] and rows.y is not None and rows.y.tolist() == [1.0, 2.0]
    assert "1 of 3 rows have no target and were left out" in caplog.text
    module = LikelihoodModule(nn.Identity(), DistributionHead("poisson", in_features=1))
    assert evaluate(module, rows).n == 2
    with pytest.raises(TargetError, match=r"data.missing_target=drop"):
        load_table(tmp_path / "new.csv", encoder.state())
    with pytest.raises(TargetError, match="empty in all 2 rows"):
        encode_table(table([None, None]), encoder, missing_target="drop")


def test_unseen_levels_can_be_ignored_at_prediction(caplog: pytest.LogCaptureFixture) -> None:
    frame = pd.DataFrame({"city": ["Rome", "Oslo"] * 10, "y": range(20)})
    encoder = split_table(frame, "poisson", "y").encoder
    assert encoder is not None
    new = pd.DataFrame({"city": ["Rome"] * 19 + ["Paris"]})
    with pytest.raises(LikelihoodError, match=r"'city': 1 of 20 cells hold an unseen category.*data.unseen=ignore"):
        encode_table(new, encoder, "optional")
    x = encode_table(new, encoder, "optional", unseen="ignore").x
    assert x[-1].tolist() == [0.0, 0.0] and x[:-1].sum().item() == 19
    assert "input column 'city': 1 of 20 cells hold an unseen category (row 19: 'Paris')" in caplog.text


@pytest.mark.parametrize("wrong", [{"target": "maybe"}, {"missing_target": "keep"}, {"unseen": "other"}])
def test_wrong_choices_are_named(wrong: dict[str, str]) -> None:
    encoder = split_table(table([0, 1, 2, 3] * 5), "poisson", "y").encoder
    assert encoder is not None
    with pytest.raises(LikelihoodError, match=f"{next(iter(wrong))} is '{next(iter(wrong.values()))}'; the choices"):
        encode_table(table([1]), encoder, **wrong)
