"""Files and folders that hold tables: Parquet, Arrow, Excel, and text in a named encoding."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from likelihead.data.tables.files import read_table
from likelihead.errors import LikelihoodError

TABLE = pd.DataFrame(
    {
        "name": ["Zoë", None, "a;b", "x"],
        "size": [1.5, 2.25, None, 4.0],
        "count": [1, 2, 3, 4],
        "day": pd.date_range("2024-01-01", periods=4),
    }
)


@pytest.mark.parametrize("name", ["t.parquet", "t.pq", "t.feather", "t.arrow", "T.PARQUET"])
@pytest.mark.parametrize("folder", ["", "year=2024"])
def test_a_file_of_each_kind(tmp_path: Path, folder: str, name: str) -> None:
    path = tmp_path / folder / name
    path.parent.mkdir(exist_ok=True)
    (TABLE.to_feather if name in ("t.feather", "t.arrow") else TABLE.to_parquet)(path)
    pd.testing.assert_frame_equal(read_table(path), TABLE, check_dtype=False)


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_a_folder_of_files(tmp_path: Path, kind: str) -> None:
    for part in range(3):
        getattr(TABLE.assign(part=part), f"to_{kind}")(tmp_path / f"{part}.{kind}")
    (tmp_path / "_SUCCESS").write_text("")
    expected = pd.concat([TABLE.assign(part=part) for part in range(3)], ignore_index=True)
    pd.testing.assert_frame_equal(read_table(tmp_path), expected, check_dtype=False)


def test_a_partitioned_folder_has_its_folders_as_a_column(tmp_path: Path) -> None:
    TABLE.assign(year=[2023, 2023, 2024, 2024]).to_parquet(tmp_path / "t", partition_cols=["year"])
    pd.testing.assert_frame_equal(
        read_table(tmp_path / "t"), TABLE.assign(year=[2023, 2023, 2024, 2024]), check_dtype=False
    )


def test_the_first_sheet_of_an_excel_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "t.xlsx"
    with pd.ExcelWriter(path) as book:
        TABLE.to_excel(book, sheet_name="sales", index=False)
        TABLE.head(1).to_excel(book, sheet_name="notes", index=False)
    pd.testing.assert_frame_equal(read_table(path), TABLE, check_dtype=False)
    assert "t.xlsx has 2 sheets; the first, 'sales', is read" in caplog.text
    assert read_table(path, text=["count"])["count"].tolist() == ["1", "2", "3", "4"]


def test_excel_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    TABLE.to_excel(tmp_path / "t.xlsx", index=False)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(LikelihoodError, match=r"takes openpyxl to read: pip install 'likelihead\[excel\]'"):
        read_table(tmp_path / "t.xlsx")


@pytest.mark.parametrize("encoding", ["utf-16-le", "cp1251", "shift_jis", "iso8859-15", "UTF8"])
def test_a_named_encoding(tmp_path: Path, encoding: str) -> None:
    word = {"cp1251": "цена", "shift_jis": "価格"}.get(encoding, "prix")
    frame = pd.DataFrame({word: [1, 2], "b": ["x", word]})
    frame.to_csv(tmp_path / "t.csv", index=False, encoding=encoding, sep=";")
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.csv", encoding), frame, check_dtype=False)


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("latin-99", "there is no such encoding; common ones are utf-8"),
        ("utf-8", "is not encoded as data.encoding=utf-8"),
    ],
)
def test_a_wrong_encoding_is_an_error(tmp_path: Path, encoding: str, message: str) -> None:
    (tmp_path / "t.csv").write_bytes("a,b\n1,é\n".encode("cp1252"))
    with pytest.raises(LikelihoodError, match=message):
        read_table(tmp_path / "t.csv", encoding)


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_damaged_files_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not a table")
    with pytest.raises(LikelihoodError, match=f"{name}' cannot be read as a table"):
        read_table(tmp_path / name)


def test_a_folder_without_tables(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(LikelihoodError, match="holds neither Parquet"):
        read_table(tmp_path)


def test_text_columns_stay_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("code;n\n01;1,5\n02;2,5\n")
    assert read_table(tmp_path / "t.csv", text=["code", "other"]).to_numpy().tolist() == [["01", 1.5], ["02", 2.5]]
