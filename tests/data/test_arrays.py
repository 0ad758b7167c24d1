"""Arrays of numpy as data sets: images, sequences, tokens, matrices, and targets at every site."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from likelihead import LikelihoodError
from likelihead.data import encode_table, load_data, split_table
from likelihead.data.sources import read_again
from likelihead.data.tables.array_column import cells_of
from likelihead.data.tables.encoder import TableEncoder
from likelihead.errors import TargetError

GENERATOR = np.random.default_rng(0)
N = 30
LABELS = GENERATOR.integers(0, 3, (N, 4, 5))


def load(path: Path, family: str = "normal", **options: object) -> object:
    return load_data(family, {"kind": "arrays", "path": str(path), **options}, seed=0)


#: Arrays x and y, the family, and the shapes of a row of x and y.
CASES = {
    "matrix": (GENERATOR.normal(size=(N, 3)), GENERATOR.normal(size=N), "normal", (3,), ()),
    "outputs": (GENERATOR.normal(size=(N, 3)), GENERATOR.normal(size=(N, 2)), "normal", (3,), (2,)),
    "images": (GENERATOR.normal(size=(N, 1, 4, 5)), GENERATOR.poisson(2, N), "poisson", (1, 4, 5), ()),
    "pixels": (GENERATOR.normal(size=(N, 1, 4, 5)), LABELS, "categorical", (1, 4, 5), (4, 5)),
    "sequences": (GENERATOR.normal(size=(N, 6, 2)), GENERATOR.normal(size=(N, 6)), "normal", (6, 2), (6,)),
    "tokens": (GENERATOR.integers(2, 9, (N, 6)), GENERATOR.integers(0, 3, (N, 6)), "categorical", (6,), (6,)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_arrays_keep_their_shape_and_values(case: str, tmp_path: Path) -> None:
    x, y, family, x_shape, y_shape = CASES[case]
    np.savez(tmp_path / "data.npz", x=x, y=y)
    data = load_data(family, {"kind": "arrays", "path": str(tmp_path / "data.npz")}, seed=0)
    train = data.train
    assert train.y is not None and data.encoder is not None
    assert train.x.shape[1:] == x_shape and train.y.shape[1:] == y_shape
    np.testing.assert_allclose(train.y.numpy(), y[train.rows], rtol=1e-6)
    known = x[train.rows].astype(np.float64)
    if case == "tokens":
        assert np.array_equal(train.x.numpy(), known) and train.x.dtype == torch.int64
    else:
        axes = {"matrix": 0, "outputs": 0, "sequences": (0, 1)}.get(case)
        np.testing.assert_allclose(train.x.numpy(), (known - known.mean(axes)) / known.std(axes), atol=1e-5)
    encoder = TableEncoder.from_state(data.encoder.state())
    again = encode_table(read_again(encoder, tmp_path / "data.npz"), encoder)
    assert torch.equal(again.x[data.test.rows], data.test.x)


def test_two_files(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", GENERATOR.normal(size=(N, 3)))
    np.save(tmp_path / "visits.npy", np.arange(N))
    options = {"kind": "arrays", "path": str(tmp_path / "x.npy"), "target": "visits.npy"}
    data = load_data("poisson", options, seed=0)
    assert data.train.y is not None and data.train.y.tolist() == data.train.rows.tolist()
    assert data.encoder is not None and data.encoder.target.names == ["visits"]


def test_other_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", pictures=np.zeros((N, 1, 2, 2)), counts=np.arange(N))
    options = {"kind": "arrays", "path": str(tmp_path / "data.npz"), "inputs": "pictures", "target": "counts"}
    data = load_data("poisson", options, seed=0)
    assert data.train.x.shape[1:] == (1, 2, 2) and not data.train.x.any()


def test_sites_without_a_target_are_masked() -> None:
    y = GENERATOR.normal(size=(N, 4))
    y[::3, 1] = np.nan
    frame = pd.DataFrame({"x": cells_of(GENERATOR.normal(size=(N, 4, 2))), "y": cells_of(y)})
    data = split_table(frame, "normal", "y")
    assert data.train.mask is not None and data.train.y is not None and data.train.y.isfinite().all()
    assert np.array_equal(data.train.mask.numpy(), np.isfinite(y[data.train.rows]))
    known = data.train.mask.numpy()
    np.testing.assert_allclose(data.train.y.numpy()[known], y[data.train.rows][known], rtol=1e-6)


def test_a_target_outside_the_support_at_one_site_is_an_error() -> None:
    y = GENERATOR.poisson(2, (N, 4, 4)).astype(float)
    y[7, 1, 1] = -1
    frame = pd.DataFrame({"x": cells_of(np.zeros((N, 1, 4, 4))), "y": cells_of(y)})
    with pytest.raises(TargetError, match="row 7: -1"):
        split_table(frame, "poisson", "y")


def no_targets(folder: Path) -> None:
    np.savez(folder / "data.npz", x=np.zeros((N, 3)))


def no_inputs(folder: Path) -> None:
    np.savez(folder / "data.npz", y=np.zeros(N))


def lengths(folder: Path) -> None:
    np.savez(folder / "data.npz", x=np.zeros((N, 3)), y=np.zeros(N - 1))


def objects(folder: Path) -> None:
    np.savez(folder / "data.npz", x=np.array([{}, {}], dtype=object), y=np.zeros(2))


def text(folder: Path) -> None:
    (folder / "data.npz").write_text("no arrays")


def not_finite(folder: Path) -> None:
    np.savez(folder / "data.npz", x=np.full((N, 1, 2, 2), np.nan), y=np.zeros(N))


FAULTS = {
    no_targets: "save it with an array 'y'",
    no_inputs: "holds no array 'x'",
    lengths: "their first dimension must be the rows",
    objects: "cannot be read as arrays of numpy",
    text: "cannot be read as arrays of numpy",
    not_finite: "holds arrays with NaN or infinity",
}


@pytest.mark.parametrize("spoil", FAULTS, ids=lambda spoil: spoil.__name__)
def test_faults_are_told_in_a_sentence(spoil: object, tmp_path: Path) -> None:
    spoil(tmp_path)  # type: ignore[operator]
    with pytest.raises(LikelihoodError, match=FAULTS[spoil]) as caught:  # type: ignore[index]
        load(tmp_path / "data.npz")
    assert "\n" not in str(caught.value)


def test_arrays_of_another_shape_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=np.ones((N, 1, 4, 4)), y=np.arange(N) % 2)
    data = load_data("bernoulli", {"kind": "arrays", "path": str(tmp_path / "data.npz")}, seed=0)
    np.savez(tmp_path / "new.npz", x=np.zeros((N, 1, 4, 5)))
    assert data.encoder is not None
    with pytest.raises(LikelihoodError, match=r"shape \(1, 4, 5\), but those of the training rows have \(1, 4, 4\)"):
        encode_table(read_again(data.encoder, tmp_path / "new.npz"), data.encoder, "ignored")
    frame = pd.DataFrame({"x": [np.zeros(2), np.zeros(3)] * 10, "y": range(20)})
    with pytest.raises(LikelihoodError, match="all rows need the same"):
        split_table(frame, "poisson", "y")
