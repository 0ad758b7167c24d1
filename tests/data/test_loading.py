"""One entrance for files, bundled and synthetic sets, and one for a new file through a stored encoder."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_diabetes

from likelihead.data import load_data, load_table
from likelihead.errors import LikelihoodError, TargetError

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(5, 2, 40), "c": rng.choice(["u", "v"], 40), "visits": rng.poisson(3, 40)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def test_splits_follow_the_seed_and_rows_name_the_source(table: Path) -> None:
    options = {"kind": "table", "path": str(table), "target": "visits"}
    data, again = (load_data("poisson", options, seed=1) for _ in range(2))
    whole = pd.read_csv(table)
    for name, split in data.parts.items():
        assert split.y is not None and torch.equal(split.x, again.parts[name].x)
        np.testing.assert_array_equal(split.y.numpy(), whole["visits"].to_numpy()[split.rows])
    assert sorted(np.concatenate([split.rows for split in data.parts.values()])) == list(range(40))


def test_the_encoder_sees_the_training_rows_alone(table: Path) -> None:
    data = load_data("poisson", {"path": str(table), "target": "visits", "features": ["a"]}, seed=0)
    torch.testing.assert_close(data.train.x.mean(dim=0), torch.zeros(1), atol=1e-6, rtol=0)
    torch.testing.assert_close(data.train.x.std(dim=0, correction=0), torch.ones(1))


def test_nothing_is_held_out_at_fraction_zero(table: Path) -> None:
    options = {"path": str(table), "target": "visits", "test_fraction": 0, "validation_fraction": 0.0}
    assert [len(split) for split in load_data("poisson", options, seed=0).parts.values()] == [40, 0, 0]


def test_a_test_file_replaces_the_test_fraction(table: Path, tmp_path: Path) -> None:
    pd.read_csv(table).head(7).to_parquet(tmp_path / "new.parquet")
    options = {"path": str(table), "target": "visits", "test_path": str(tmp_path / "new.parquet")}
    data = load_data("poisson", options, seed=0)
    assert [len(split) for split in data.parts.values()] == [34, 6, 7]


def test_rows_without_a_target_are_an_error_or_dropped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "t.csv"
    pd.DataFrame({"a": range(10), "y": [1.0, None, *range(3, 10), None]}).to_csv(path, index=False)
    options = {"path": str(path), "target": "y"}
    with pytest.raises(TargetError, match=r"'y': 2 of 10 rows.*2 missing.*row 1.*row 9.*missing_target=drop"):
        load_data("normal", options, seed=0)
    with caplog.at_level(logging.WARNING):
        data = load_data("normal", {**options, "missing_target": "drop"}, seed=0)
    assert "2 of 10 rows have no target" in caplog.text
    rows = np.concatenate([split.rows for split in data.parts.values()])
    assert sorted(rows) == [0, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pth": "x"}, "data has no option 'pth': did you mean 'path'"),
        ({"kind": "tabel"}, "the choices are arrays, bundled, images, synthetic, table, text"),
        ({"test_fraction": 1.0}, "test_fraction is 1.0"),
        ({"validation_fraction": -0.1}, "validation_fraction is -0.1"),
        ({"boundary": "clamp"}, "the choices are error, squeeze"),
        ({"target": None}, "no target is named"),
        ({"path": None}, "no table is named"),
        ({"target": "visit"}, "no target column 'visit' in the table: did you mean 'visits'"),
        ({"path": "/nowhere/t.csv"}, "there is no file"),
        ({"weight": "w"}, "no weight column 'w'"),
        ({"kind": "synthetic"}, "data.path is an option of data=table, but the data is data=synthetic"),
        ({"kind": "bundled", "name": "boston"}, "the sets bundled with scikit-learn are diabetes"),
    ],
)
def test_wrong_options_are_named(table: Path, options: dict[str, object], message: str) -> None:
    base = {"path": str(table), "target": "visits"} if options.get("kind") != "bundled" else {}
    with pytest.raises(LikelihoodError, match=message):
        load_data("poisson", {**base, **options}, seed=0)


@pytest.mark.parametrize(
    ("name", "family", "rows", "width", "shape"),
    [
        ("diabetes", "normal", 442, 10, ()),
        ("breast_cancer", "bernoulli", 569, 30, ()),
        ("wine", "categorical", 178, 13, ()),
        ("digits", "categorical", 1797, 64, ()),
        ("linnerud", "multivariate_normal", 20, 3, (3,)),
    ],
)
def test_bundled_sets(name: str, family: str, rows: int, width: int, shape: tuple[int, ...]) -> None:
    data = load_data(family, {"kind": "bundled", "name": name, "test_fraction": 0, "validation_fraction": 0}, seed=0)
    assert data.train.x.shape == (rows, width) and data.train.y is not None and data.train.y.shape == (rows, *shape)
    assert data.train.x.isfinite().all()


def test_diabetes_is_in_natural_units() -> None:
    data = load_data("normal", {"kind": "bundled", "name": "diabetes", "test_fraction": 0, "validation_fraction": 0}, 0)
    ages = load_diabetes(scaled=False).data[:, 0]
    assert data.encoder.columns[0].mean == pytest.approx(ages.mean())  # type: ignore[union-attr]


def test_a_new_table_goes_through_the_stored_encoder(table: Path, tmp_path: Path) -> None:
    data = load_data("poisson", {"path": str(table), "target": "visits", "test_fraction": 0}, seed=0)
    state = data.encoder.state()
    whole = load_table(table, state)
    assert torch.equal(whole.x[data.train.rows], data.train.x) and whole.y is not None
    frame = pd.read_csv(table)
    frame[["c", "a"]].to_csv(tmp_path / "bare.csv", index=False)
    bare = load_table(tmp_path / "bare.csv", state, target="optional")
    assert bare.y is None and torch.equal(bare.x, whole.x)
    with pytest.raises(LikelihoodError, match="no target column 'visits'"):
        load_table(tmp_path / "bare.csv", state)
    frame.assign(visits=np.nan).to_csv(tmp_path / "empty.csv", index=False)
    assert load_table(tmp_path / "empty.csv", state, target="optional").y is None
    frame.assign(visits=[np.nan] * 3 + [1] * 37).to_csv(tmp_path / "partly.csv", index=False)
    with pytest.raises(TargetError, match="3 of 40 rows"):
        load_table(tmp_path / "partly.csv", state)
    partly = load_table(tmp_path / "partly.csv", state, target="optional")
    assert partly.mask is not None and partly.mask.tolist() == [False] * 3 + [True] * 37


def test_weights_are_needed_to_score_not_to_predict(table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table).assign(w=2.0, hours=1.5)
    frame.to_csv(tmp_path / "w.csv", index=False)
    options = {"path": str(tmp_path / "w.csv"), "target": "visits", "weight": "w", "exposure": "hours"}
    data = load_data("poisson", options, seed=0)
    assert data.train.weight is not None and data.train.exposure is not None
    frame.drop(columns=["w", "visits"]).to_csv(tmp_path / "new.csv", index=False)
    new = load_table(tmp_path / "new.csv", data.encoder.state(), target="optional")
    assert new.weight is None and new.exposure is not None
    frame.drop(columns="hours").to_csv(tmp_path / "without.csv", index=False)
    with pytest.raises(LikelihoodError, match="no exposure column 'hours'"):
        load_table(tmp_path / "without.csv", data.encoder.state(), target="optional")


REAL = [
    ("randhie", "poisson", "mdvis", {}),
    ("randhie", "negative_binomial", "mdvis", {}),
    ("airquality", "gamma", "Ozone", {"missing_target": "drop"}),
    ("mcycle", "student_t", "accel", {}),
    ("gasoline_yield", "beta", "yield", {"categorical": ["batch"]}),
    ("faithful", "multivariate_normal", ["eruptions", "waiting"], {}),
    ("faithful", "gaussian_mixture", "eruptions", {}),
    ("periwinkles", "von_mises", "theta", {"features": ["distance"]}),
    ("periwinkles", "von_mises", "theta_deg", {"angles": "degrees", "features": ["distance"]}),
    ("wind_col_de_la_roa", "von_mises", "theta", {}),
    ("anes96", "categorical", "PID", {}),
    ("anes96", "ordinal", "PID", {}),
    ("breast_cancer", "bernoulli", "target", {}),
    ("insurance_claims", "poisson", "Claims", {"exposure": "Holders"}),
    ("labelrank_iris", "plackett_luce", "ranking", {}),
    ("netflix", "plackett_luce", ["rank1", "rank2", "rank3", "rank4"], {"weight": "count"}),
    ("salad", "plackett_luce", ["A", "B", "C", "D"], {"ranking": "ranks"}),
    ("bikeshare_hourly", "poisson", "bikers", {"features": ["hr", "mnth", "weathersit", "temp"]}),
    ("stackloss", "exponential", "STACKLOSS", {}),
]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of real data is not there")
@pytest.mark.parametrize(("name", "family", "target", "more"), REAL, ids=[f"{row[0]}-{row[1]}" for row in REAL])
def test_real_tables(name: str, family: str, target: object, more: dict[str, object]) -> None:
    options = {"path": str(SHARED / name / "data.csv"), "target": target, **more}
    data = load_data(family, options, seed=0)
    for split in data.parts.values():
        assert split.x.isfinite().all() and split.y is not None and len(split) > 0
