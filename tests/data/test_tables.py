"""Tables to tensors: standardising, imputing, one-hot, and what a stored encoder does with a new table."""

from __future__ import annotations

import io
import math
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from likelihead.data import TableEncoder
from likelihead.data.tables.files import read_table
from likelihead.errors import LikelihoodError, TargetError
from likelihead.target_types import target_type_of

NORMAL = target_type_of("normal")


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({**columns, "y": np.arange(len(next(iter(columns.values()))), dtype=float)})  # type: ignore[arg-type]


def fit(table: pd.DataFrame, **options: object) -> TableEncoder:
    return TableEncoder.fit(table, NORMAL, "y", options)


def test_numbers_are_standardised_as_scikit_learn_does() -> None:
    table = frame(a=[1.0, 2.0, 4.0, 9.0], b=[3, 3, 5, 7])
    expected = StandardScaler().fit_transform(table[["a", "b"]])
    np.testing.assert_allclose(fit(table).encode(table).numpy(), expected, rtol=1e-6)


def test_labels_are_one_hot_as_scikit_learn_does() -> None:
    table = frame(c=["red", "blue", "red", "green"])
    encoder = fit(table)
    assert encoder.names == ["c=blue", "c=green", "c=red"]
    expected = OneHotEncoder(sparse_output=False).fit_transform(table[["c"]])
    np.testing.assert_array_equal(encoder.encode(table).numpy(), expected)


def test_constant_columns_survive() -> None:
    table = frame(a=[3.3, 3.3, 3.3], b=[1e8 / 3] * 3)
    encoder = fit(table)
    assert encoder.encode(table).tolist() == [[0.0, 0.0]] * 3
    assert encoder.encode(frame(a=[4.3], b=[1e8 / 3])).tolist() == [[pytest.approx(1.0), 0.0]]


def test_empty_cells_become_the_mean_with_an_indicator() -> None:
    table = frame(a=[1.0, math.nan, 3.0], b=[1.0, 2.0, 3.0])
    encoder = fit(table)
    assert encoder.names == ["a", "a (missing)", "b"]
    assert encoder.encode(table)[:, :2].tolist() == [[-1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    later = encoder.encode(frame(a=[1.0], b=[math.nan]))
    assert later.tolist() == [[-1.0, 0.0, 0.0]]


def test_empty_labels_are_a_level_where_training_has_them() -> None:
    encoder = fit(frame(c=["u", None, "v"]))
    assert encoder.names == ["c=u", "c=v", "c (missing)"]
    assert encoder.encode(frame(c=[None])).tolist() == [[0.0, 0.0, 1.0]]
    with pytest.raises(LikelihoodError, match="'c': 1 of 2 cells are empty, but no training cell is"):
        fit(frame(c=["u", "v"])).encode(frame(c=["u", None]))


def test_unseen_categories_are_an_error_unless_ignored(caplog: pytest.LogCaptureFixture) -> None:
    table, later = frame(c=["u", "v"]), frame(c=["u", "w", "w"])
    with pytest.raises(LikelihoodError, match=r"'c': 2 of 3 cells hold an unseen category \(row 1: 'w'"):
        fit(table).encode(later)
    assert fit(table, unseen="ignore").encode(later).tolist() == [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    assert "they get no category" in caplog.text


@pytest.mark.parametrize(
    "cells",
    [
        pd.Series([True, False, True]),
        pd.Series(["x", "y", "x"], dtype="string"),
        pd.Series(["x", "y", "x"], dtype="category"),
        pd.Series([1, 2, 1], dtype="category"),
        pd.Series([True, None, False], dtype="boolean"),
    ],
)
def test_kinds_of_labels(cells: pd.Series) -> None:
    encoder = fit(frame(c=cells))
    assert encoder.encode(frame(c=cells)).sum(dim=1).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "float32", "int8", object])
def test_kinds_of_numbers(dtype: object) -> None:
    cells = pd.Series([1, 2, 3], dtype=dtype)  # type: ignore[call-overload]
    x = fit(frame(c=cells)).encode(frame(c=cells))
    torch.testing.assert_close(x[:, 0], torch.tensor([-1.0, 0.0, 1.0]) * math.sqrt(1.5))


def test_nullable_numbers_with_empty_cells() -> None:
    cells = pd.Series([1, None, 3], dtype="Int64")
    assert fit(frame(c=cells)).encode(frame(c=cells)).tolist() == [[-1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]


def test_numeric_columns_can_be_named_as_categories() -> None:
    table = frame(district=[1, 2, 1], a=[1, 2, 3])
    encoder = fit(table, categorical=["district"])
    assert encoder.names == ["district=1", "district=2", "a"]
    with_gap = frame(district=[1.0, 2.0, 2.0], a=[1, 2, 3])
    assert encoder.encode(with_gap)[:, 1].tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1.0, math.inf, 2.0]}, r"input column 'a': 1 of 3 cells are infinite \(row 1: inf\)"),
        ({"a": [math.nan] * 3}, "'a' is empty in all training rows"),
        ({"a": [1j, 2j, 3j]}, "'a' holds values of type complex128"),
        ({"a": [f"id{i}" for i in range(200)]}, "'a' is text with 200 values in 200 training rows"),
        ({"a": [f"id{i}" for i in range(200)]}, r"leave it out with data.ignore=\[a\]"),
        ({"a": [*map(str, range(50)), "n/a?"]}, r"'a' holds numbers except in 1 of 51 cells \(row 50: 'n/a\?'\)"),
    ],
)
def test_bad_inputs_are_named(columns: dict[str, object], message: str) -> None:
    with pytest.raises(LikelihoodError, match=message):
        fit(frame(**columns))


def test_text_in_a_column_of_numbers_is_an_error_later() -> None:
    encoder = fit(frame(a=[1.0, 2.0]))
    with pytest.raises(LikelihoodError, match=r"'a': 1 of 2 cells are not numbers \(row 1: 'many'\)"):
        encoder.encode(frame(a=["3", "many"]))


def test_missing_columns_are_named_with_the_closest() -> None:
    encoder = fit(frame(width=[1.0, 2.0]))
    with pytest.raises(LikelihoodError, match="no input column 'width' in the table: did you mean 'widht'"):
        encoder.encode(frame(widht=[1.0]))
    with pytest.raises(LikelihoodError, match="no target column 'Y' in the table"):
        TableEncoder.fit(frame(a=[1.0, 2.0]), NORMAL, "Y")


def test_features_exclude_target_weight_and_exposure() -> None:
    table = frame(a=[1.0, 2.0], w=[1.0, 2.0], e=[3.0, 4.0])
    encoder = fit(table, weight="w", exposure="e")
    assert encoder.inputs == ["a"]
    assert encoder.encode_weight(table).tolist() == [1.0, 2.0]  # type: ignore[union-attr]
    assert encoder.encode_exposure(table).tolist() == [3.0, 4.0]  # type: ignore[union-attr]
    assert fit(table, features=["w"]).inputs == ["w"]
    with pytest.raises(LikelihoodError, match=r"data.features names 'y'"):
        fit(table, features=["y"])


@pytest.mark.parametrize(
    ("options", "cells", "message"),
    [
        (
            {"weight": "w"},
            [1.0, -1.0],
            r"weight column 'w': 1 of 2 cells cannot be weights \(1 negative; row 1: -1\).*finite and not negative",
        ),
        ({"weight": "w"}, [1.0, math.nan], r"weight column 'w': 1 of 2 cells cannot be weights \(1 missing;"),
        ({"weight": "w"}, [-1.0, -math.inf], r"\(1 negative, 1 infinite;"),
        ({"weight": "w"}, [0.0, 0.0], "is 0 in every training row"),
        ({"exposure": "w"}, [1.0, 0.0], r"exposure column 'w': 1 of 2 .* \(1 not above 0;.*finite and above 0"),
        ({"exposure": "w"}, [1.0, math.inf], r"exposure column 'w': .* \(1 infinite;"),
        ({"exposure": "w"}, ["a", "b"], "exposure column 'w'"),
        ({"weight": "y"}, [1.0, 1.0], "already the target"),
    ],
)
def test_bad_weights_and_exposures(options: dict[str, str], cells: list[object], message: str) -> None:
    table = frame(a=[1.0, 2.0], w=cells)
    with pytest.raises(LikelihoodError, match=message):
        encoder = fit(table, **options)
        encoder.encode_weight(table), encoder.encode_exposure(table)


def test_a_table_without_inputs_has_one_constant_column() -> None:
    encoder = fit(pd.DataFrame({"y": [1.0, 2.0]}))
    assert encoder.encode(pd.DataFrame({"y": [1.0, 2.0]})).tolist() == [[0.0], [0.0]]


def test_state_is_plain_and_gives_the_same_encoder() -> None:
    table = frame(a=[1.0, math.nan, 3.0], c=["u", None, "v"], d=[True, False, True], w=[1.0, 2.0, 1.0])
    encoder = fit(table, weight="w")
    stored = io.BytesIO()
    torch.save(encoder.state(), stored)
    stored.seek(0)
    again = TableEncoder.from_state(torch.load(stored, weights_only=True))
    assert again == encoder
    assert torch.equal(again.encode(table), encoder.encode(table))
    assert torch.equal(again.encode_target(table), encoder.encode_target(table))


def test_parquet_and_csv_give_the_same(tmp_path: Path) -> None:
    table = frame(a=[1.5, math.nan, 3.0], c=["u", None, "v"], d=[1, 2, 3])
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_parquet(tmp_path / "t.parquet")
    encoder = fit(table)
    expected = encoder.encode(table)
    for name in ("t.csv", "t.parquet"):
        assert torch.equal(encoder.encode(read_table(tmp_path / name)), expected)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none.csv", None, "there is no file .*none.csv"),
        ("t.xlsx", "a,b\n1,2\n", "neither CSV"),
        ("t.csv", "a,b\n", "has no rows"),
        ("t.csv", "", "cannot be read as a table"),
        ("t.csv", "a,a\n1,2\n", "two columns named 'a'"),
        ("t.parquet", "not parquet", "cannot be read as a table"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(LikelihoodError, match=message):
        read_table(tmp_path / name)


def test_extreme_inputs_later_are_an_error_not_infinity() -> None:
    with pytest.raises(LikelihoodError, match="too far from the training rows"):
        fit(frame(a=[1.0, 1.1])).encode(frame(a=[1e300]))


def test_target_errors_are_likelihood_errors() -> None:
    assert issubclass(TargetError, LikelihoodError) and issubclass(LikelihoodError, ValueError)


def test_row_numbers_without_a_name_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frame(a=[1.0, 2.0]).to_csv(tmp_path / "t.csv")
    with caplog.at_level("INFO"):
        assert list(read_table(tmp_path / "t.csv").columns) == ["a", "y"]
    assert "taken for row numbers" in caplog.text


def test_decimals_are_numbers() -> None:
    table = frame(a=[Decimal("1.5"), None, Decimal("2.5")])
    assert fit(table).encode(table).tolist() == [[-1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
