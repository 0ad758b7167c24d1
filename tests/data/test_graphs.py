"""Graphs as data: arrays of the user's, and simulated molecules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pytest
import torch
from scipy import stats

from likelihead import LikelihoodError
from likelihead.data import encode_table, load_data
from likelihead.data.sources import read_again
from likelihead.data.sources.synthetic import make
from likelihead.data.sources.synthetic.graphs import ELEMENTS, MOST, VALENCES
from likelihead.data.tables.encoder import TableEncoder

ROWS, A, F = 40, 5, 2


def arrays() -> dict[str, np.ndarray]:
    """Graphs of three to five nodes, filled up with zeros."""
    generator = np.random.default_rng(0)
    present = np.arange(A) < generator.integers(3, A + 1, (ROWS, 1))
    x = generator.normal([10.0, -3.0], [2.0, 0.1], (ROWS, A, F)) * present[..., None]
    edges = np.triu(generator.integers(0, 3, (ROWS, A, A)), 1)
    edges = (edges + edges.transpose(0, 2, 1)) * present[:, :, None] * present[:, None, :]
    return {"x": x, "adjacency": edges, "y": generator.normal(size=(ROWS, 2))}


def load(path: Path, **options: Any) -> Any:
    return load_data("multivariate_normal", {"kind": "arrays", "path": str(path), **options}, seed=0)


@pytest.mark.parametrize("filling", [0.0, np.nan])
def test_graphs_are_put_together(filling: float, tmp_path: Path) -> None:
    given = arrays()
    present = given["x"].any(-1)
    given["x"] = np.where(present[..., None], given["x"], filling)
    np.savez(tmp_path / "data.npz", **given)
    data = load(tmp_path / "data.npz")
    rows = data.train.rows
    x, there = data.train.x.numpy(), present[rows]
    assert x.shape == (len(rows), A, F + A)
    assert np.array_equal(np.isnan(x).all(-1), ~there) and np.array_equal(np.isnan(x).any(-1), ~there)
    known = given["x"][rows][there]
    np.testing.assert_allclose(x[there][:, :F], (known - known.mean(0)) / known.std(0), atol=1e-5)
    assert np.array_equal(x[there][:, F:], given["adjacency"][rows][there])
    encoder = TableEncoder.from_state(data.encoder.state())
    again = encode_table(read_again(encoder, tmp_path / "data.npz"), encoder)
    torch.testing.assert_close(again.x[data.test.rows], data.test.x, equal_nan=True)


def test_separate_files_and_other_names(tmp_path: Path) -> None:
    given = arrays()
    np.savez(tmp_path / "one.npz", nodes=given["x"], bonds=given["adjacency"], points=given["y"])
    one = load(tmp_path / "one.npz", inputs="nodes", adjacency="bonds", target="points")
    for name, values in {"nodes": given["x"], "bonds": given["adjacency"], "points": given["y"]}.items():
        np.save(tmp_path / f"{name}.npy", values)
    many = load(tmp_path / "nodes.npy", adjacency="bonds.npy", target="points.npy")
    torch.testing.assert_close(one.train.x, many.train.x, equal_nan=True)
    without = load(tmp_path / "one.npz", inputs="nodes", adjacency=None, target="points")
    assert without.train.x.shape[1:] == (A, F)


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "another size": ({"adjacency": np.zeros((ROWS, A, A + 1))}, r"which must be \(N, nodes, inputs\)"),
    "a matrix": ({"x": np.zeros((ROWS, A))}, r"which must be \(N, nodes, inputs\)"),
    "text": ({"adjacency": np.full((ROWS, A, A), "a")}, "of numbers"),
    "not a number": ({"adjacency": np.full((ROWS, A, A), np.nan)}, "NaN or infinity"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults_are_told_in_a_sentence(case: str, tmp_path: Path) -> None:
    changed, message = FAULTS[case]
    np.savez(tmp_path / "data.npz", **{**arrays(), **changed})
    with pytest.raises(LikelihoodError, match=message) as caught:
        load(tmp_path / "data.npz")
    assert "\n" not in str(caught.value)


def test_molecules_are_trees_that_respect_valences() -> None:
    made = make("molecule_graphs", "multivariate_normal", 300, 0)
    for cell in made.frame["molecule"]:
        atoms = cell[~np.isnan(cell).all(1)]
        elements, bonds = atoms[:, : len(ELEMENTS)].argmax(1), atoms[:, len(ELEMENTS) : len(ELEMENTS) + len(atoms)]
        assert cell.shape == (MOST, len(ELEMENTS) + MOST) and (atoms[:, : len(ELEMENTS)].sum(1) == 1).all()
        assert networkx.is_tree(networkx.from_numpy_array(bonds)) and np.array_equal(bonds, bonds.T)
        assert (bonds.sum(1) <= VALENCES[elements]).all()
        assert not (elements[:, None] * elements[None] * bonds).any(), "N and O are bonded to carbon only"


def test_alkanes_boil_and_melt_as_joback_and_reid_say() -> None:
    """Without N, O and neighbouring branches: 198.2 and 122.5 K, and the increments of CH3, CH2, CH and C."""
    made = make("molecule_graphs", "multivariate_normal", 3000, 0)
    increments = {1: (23.58, -5.10), 2: (22.88, 11.27), 3: (21.74, 12.64), 4: (18.25, 46.43)}
    found = 0
    for cell, loc in zip(made.frame["molecule"], made.truth.loc.tolist(), strict=True):
        atoms = cell[~np.isnan(cell).all(1)]
        bonds = atoms[:, len(ELEMENTS) : len(ELEMENTS) + len(atoms)]
        degrees = bonds.sum(1)
        if atoms[:, 1:3].any() or ((degrees >= 3) @ bonds @ (degrees >= 3)):
            continue
        added = np.sum([increments[int(degree)] for degree in degrees], axis=0)
        np.testing.assert_allclose(loc, np.array([198.2, 122.5]) + added)
        found += 1
    assert found > 50


def test_the_errors_of_molecules_are_correlated() -> None:
    made = make("molecule_graphs", "multivariate_normal", 4000, 0)
    errors = (made.y - made.truth.loc).numpy()
    assert stats.pearsonr(*errors.T).statistic == pytest.approx(0.8, abs=0.03)
