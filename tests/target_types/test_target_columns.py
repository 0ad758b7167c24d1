"""Target columns: labels, rankings, angles, several outputs; what is converted and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from likelihead.data import TableEncoder
from likelihead.errors import TargetError
from likelihead.target_types import target_type_of


def encode(
    name: str, target: object, columns: dict[str, object], later: dict[str, object] | None = None, **options: object
) -> Tensor:
    table = pd.DataFrame(columns)
    encoder = TableEncoder.fit(table, target_type_of(name), target, {**options, "features": []})  # type: ignore[arg-type]
    again = TableEncoder.from_state(encoder.state())
    return again.encode_target(pd.DataFrame(later) if later else table)


def test_one_column_is_a_vector_and_several_a_matrix() -> None:
    columns = {"a": [1, 2], "b": [0.5, 1.5]}
    assert encode("normal", "a", columns).shape == (2,)
    assert encode("normal", ["a"], columns).shape == (2,)
    assert encode("normal", ["b", "a"], columns).tolist() == [[0.5, 1.0], [1.5, 2.0]]
    assert encode("multivariate_normal", ["a", "b"], columns).shape == (2, 2)


@pytest.mark.parametrize(
    ("name", "cells", "codes"),
    [
        ("categorical", ["dog", "cat", "eel", "cat"], [1, 0, 2, 0]),
        ("categorical", [3, 1, 2, 1], [2, 0, 1, 0]),
        ("categorical", [10.0, 9.0, 30.0, 9.0], [1, 0, 2, 0]),
        ("categorical", [True, False, True, True], [1, 0, 1, 1]),
        ("ordinal", [1, 5, 3, 3], [0, 2, 1, 1]),
        ("bernoulli", ["yes", "no", "no", "yes"], [1.0, 0.0, 0.0, 1.0]),
        ("bernoulli", [True, False, False, True], [1.0, 0.0, 0.0, 1.0]),
        ("bernoulli", [1, 0, 0, 1], [1.0, 0.0, 0.0, 1.0]),
    ],
)
def test_labels_are_encoded_in_sorted_order(name: str, cells: list[object], codes: list[float]) -> None:
    assert encode(name, "y", {"y": cells}).tolist() == codes


def test_labels_are_stored() -> None:
    encoder = TableEncoder.fit(pd.DataFrame({"y": ["b", "a"], "x": [1, 2]}), target_type_of("categorical"), "y")
    assert encoder.target.columns.labels == ["a", "b"] and encoder.target.event_size == 2


def test_levels_give_the_order() -> None:
    cells = ["low", "high", "mid"]
    assert encode("ordinal", "y", {"y": cells}, levels=["low", "mid", "high"]).tolist() == [0, 2, 1]
    with pytest.raises(TargetError, match=r"whose order OrderedLogistic cannot know.*data.levels=\["):
        encode("ordinal", "y", {"y": cells})
    ordered = pd.Categorical(cells, categories=["low", "mid", "high"], ordered=True)
    assert encode("ordinal", "y", {"y": ordered}).tolist() == [0, 2, 1]
    mixed = pd.Series([True, False, True], dtype=object)
    assert encode("bernoulli", "y", {"y": mixed}).tolist() == [1.0, 0.0, 1.0]
    assert encode("bernoulli", "y", {"y": [1, 2, 1]}, levels=[1, 2.0]).tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("name", "cells", "message"),
    [
        ("categorical", [-1, 0, 2], r"'y': 1 of 3 rows.*1 negative or not whole; row 0: -1"),
        ("categorical", [0.5, 0, 2], "negative or not whole"),
        ("categorical", ["a", "a", "a"], "has 1 different labels"),
        ("categorical", ["a", None, "b"], "1 missing"),
        ("bernoulli", ["a", "b", "c"], "has 3 different labels.*takes 2: take categorical"),
        ("bernoulli", [0, 1, 2], "neither 0 nor 1; row 2: 2.*families that would fit: .*categorical"),
        ("poisson", ["many", "few", "1"], "holds text .*'many'.*take categorical, ordinal or bernoulli"),
        ("poisson", [1, math.nan, 2], "missing.*data.missing_target=drop"),
        ("gamma", [1.0, 0.0, 2.0], "data.boundary=squeeze"),
        ("normal", pd.to_datetime(["2020-01-01"] * 3), "holds values of type datetime64"),
        ("multivariate_normal", [1.0, 2.0, 3.0], "takes a vector in each row.*name all of them"),
    ],
)
def test_bad_target_columns_are_named(name: str, cells: object, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        encode(name, "y", {"y": cells})


def test_a_label_that_no_training_row_has_is_an_error() -> None:
    with pytest.raises(TargetError, match=r"'y': 1 of 2 rows have a label that no training row has \(row 1: 'eel'\)"):
        encode("categorical", "y", {"y": ["cat", "dog"]}, later={"y": ["cat", "eel"]})


def test_classes_of_several_outputs_are_shared() -> None:
    assert encode("categorical", ["a", "b"], {"a": ["u", "v"], "b": ["w", "u"]}).tolist() == [[0, 2], [1, 0]]


def test_row_numbers_are_those_of_the_table() -> None:
    table = pd.DataFrame({"y": [1.0, -2.0]}, index=[10, 20])
    encoder = TableEncoder.fit(table, target_type_of("gamma"), "y", {"features": []})
    with pytest.raises(TargetError, match="row 20: -2"):
        encoder.encode_target(table)


def test_degrees() -> None:
    y = encode("von_mises", "y", {"y": [0, 90, 270, 360]}, angles="degrees")
    torch.testing.assert_close(y, torch.tensor([0.0, math.pi / 2, -math.pi / 2, 0.0]), atol=1e-6, rtol=0)
    with pytest.raises(TargetError, match=r"more than one turn.*data.angles=degrees"):
        encode("von_mises", "y", {"y": [0, 90, 270]})


@pytest.mark.parametrize(
    ("target", "columns", "options"),
    [
        ("y", {"y": ["b>a>c", "c > b > a"]}, {}),
        (["r1", "r2", "r3"], {"r1": ["b", "c"], "r2": ["a", "b"], "r3": ["c", "a"]}, {}),
        (["r1", "r2", "r3"], {"r1": [1, 2], "r2": [0, 1], "r3": [2, 0]}, {}),
        (["r1", "r2", "r3"], {"r1": [2, 3], "r2": [1, 2], "r3": [3, 1]}, {}),
        (["a", "b", "c"], {"a": [2, 3], "b": [1, 2], "c": [3, 1]}, {"ranking": "ranks"}),
        (["a", "b", "c"], {"a": [1, 2], "b": [0, 1], "c": [2, 0]}, {"ranking": "ranks"}),
    ],
)
def test_rankings_of_every_style_become_orders(
    target: object, columns: dict[str, object], options: dict[str, object]
) -> None:
    y = encode("plackett_luce", target, columns, **options)
    assert y.dtype == torch.int64 and y.tolist() == [[1, 0, 2], [2, 1, 0]]


def test_items_are_stored_by_number_where_they_are_numbers() -> None:
    table = pd.DataFrame({"r1": [10, 9, 2], "r2": [9, 10, 9], "r3": [2, 2, 10]})
    encoder = TableEncoder.fit(table, target_type_of("plackett_luce"), ["r1", "r2", "r3"])
    assert encoder.target.columns.labels == ["2", "9", "10"]
    assert encoder.encode_target(table).tolist() == [[2, 1, 0], [1, 2, 0], [0, 1, 2]]


@pytest.mark.parametrize(
    ("target", "columns", "options", "message"),
    [
        ("y", {"y": ["b>a>c", "b>a"]}, {}, r"1 of 2 rows are not rankings \(row 1: 'b>a'\)"),
        ("y", {"y": ["b>a>c", None]}, {}, "missing"),
        ("y", {"y": [1, 1]}, {}, "has no rankings"),
        (["a", "b"], {"a": [1, 2], "b": [2, 2]}, {}, "1 of 2 rows are not rankings"),
        (["a", "b"], {"a": [1, 2], "b": [2, 3]}, {}, "2 ranks hold 3 different items"),
        (["a", "b"], {"a": [1, 1], "b": [2, 1]}, {"ranking": "ranks"}, "without ties"),
    ],
)
def test_bad_rankings_are_named(
    target: object, columns: dict[str, object], options: dict[str, object], message: str
) -> None:
    with pytest.raises(TargetError, match=message):
        encode("plackett_luce", target, columns, **options)


def test_squeezing_distances_come_from_the_training_rows() -> None:
    later = {"y": [0.0, 4.0]}
    assert encode("gamma", "y", {"y": [0.5, 3.0]}, later, boundary="squeeze").tolist() == [0.25, 4.0]
    assert encode("beta", "y", {"y": [0.5] * 10}, {"y": [0.0, 1.0]}, boundary="squeeze").tolist() == pytest.approx(
        [0.05, 0.95]
    )


def test_shares_are_checked_by_row() -> None:
    good = {"a": [0.2, 0.3], "b": [0.8, 0.7]}
    torch.testing.assert_close(encode("dirichlet", ["a", "b"], good).sum(dim=1), torch.ones(2))
    with pytest.raises(TargetError, match=r"1 of 2 rows.*a sum that is not 1.*row 1: \(0.3, 0.9\)"):
        encode("dirichlet", ["a", "b"], {"a": [0.2, 0.3], "b": [0.8, 0.9]})


def test_large_counts_are_kept_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        y = encode("poisson", "y", {"y": np.array([2**25 + 1, 3])})
    assert "1 counts above 2**24" in caplog.text and y[1] == 3
