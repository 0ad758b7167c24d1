"""Tables read in parts are the tables read as a whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from likelihead.data.tables.files import read_table
from likelihead.data.tables.table_parts import TableParts, read_parts
from likelihead.errors import LikelihoodError

ROWS = 25


@pytest.fixture
def frame() -> pd.DataFrame:
    """Columns whose first and last parts, read alone, have other types than the whole."""
    return pd.DataFrame(
        {
            "whole": range(ROWS),
            "holed": [1.0] * 20 + [np.nan] * 5,
            "late": [np.nan] * 20 + [2.5] * 5,
            "text": [str(row) for row in range(20)] + ["a"] * 5,
            "late text": [None] * 20 + ["b"] * 5,
            "flag": [True, False, True, True, False] * 5,
            "empty": [np.nan] * ROWS,
        }
    )


def assert_same(parts: TableParts, path: Path, size: int) -> None:
    expected = read_table(path)
    frames = list(parts.parts)
    assert parts.rows == len(expected)
    assert [len(part) for part in frames] == [size] * (ROWS // size) + ([ROWS % size] if ROWS % size else [])
    assert {tuple(part.dtypes) for part in frames if size < ROWS} <= {tuple(frames[0].dtypes)}
    pd.testing.assert_frame_equal(pd.concat(frames), expected)


@pytest.mark.parametrize("size", [4, 10, 25, 100])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz", "t.csv.zip"])
def test_text_files(name: str, size: int, frame: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / name
    frame.to_csv(path, index=False, sep="\t" if "tsv" in name else ",")
    assert_same(read_parts(path, size, large_file=0), path, min(size, ROWS))
    assert_same(read_parts(path, size), path, min(size, ROWS))


def test_semicolons_and_decimal_commas(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    frame.assign(late=[3] * 20 + [2.5] * 5).to_csv(path, index=False, sep=";", decimal=",")
    assert_same(read_parts(path, 10, large_file=0), path, 10)


def test_row_numbers_and_another_encoding(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    frame.assign(text="ä").to_csv(path, encoding="latin-1")
    assert_same(read_parts(path, 10, large_file=0), path, 10)


@pytest.mark.parametrize("size", [4, 10, 25])
def test_parquet_files(size: int, frame: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    codes = pd.array([1] * 20 + [None] * 5, dtype="Int64")
    frame.assign(codes=codes).set_index(pd.Index(range(100, 100 + ROWS))).to_parquet(path, row_group_size=7)
    assert_same(read_parts(path, size), path, size)


def test_integers_with_holes_in_a_parquet_file_of_other_software(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"n": pa.array([1] * 20 + [None] * 5)}), path, row_group_size=7)
    assert_same(read_parts(path, 10), path, 10)


def test_files_without_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n")
    pd.DataFrame({"a": []}).to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        with pytest.raises(LikelihoodError, match="has no rows"):
            read_parts(tmp_path / name, 5, large_file=0)


def test_broken_files(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * 30 + "1,2,3\n")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 no")
    for name in ("t.csv", "t.parquet"):
        with pytest.raises(LikelihoodError, match="cannot be read as a table"):
            read_parts(tmp_path / name, 5, large_file=0)
    with pytest.raises(LikelihoodError, match="there is no file"):
        read_parts(tmp_path / "none.csv", 5)
