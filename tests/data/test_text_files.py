"""Text files of other makes: separators, decimal commas, encodings and compression."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from likelihead.data.tables.files import read_table
from likelihead.errors import LikelihoodError

TABLE = pd.DataFrame({"name": ["Zoë", "Jürgen, senior", "a;b"], "size": [1.5, 2.25, 1000.0], "count": [1, 2, 3]})


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["t.csv", "t.txt", "t.tsv"])
def test_separators_are_recognised(tmp_path: Path, separator: str, name: str) -> None:
    TABLE.to_csv(tmp_path / name, sep=separator, index=False)
    pd.testing.assert_frame_equal(read_table(tmp_path / name), pd.read_csv(tmp_path / name, sep=separator))
    pd.testing.assert_frame_equal(read_table(tmp_path / name), TABLE, check_dtype=False)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimal_commas_are_recognised(tmp_path: Path, separator: str, caplog: pytest.LogCaptureFixture) -> None:
    TABLE.to_csv(tmp_path / "t.csv", sep=separator, decimal=",", index=False)
    with caplog.at_level("INFO"):
        table = read_table(tmp_path / "t.csv")
    pd.testing.assert_frame_equal(table, TABLE, check_dtype=False)
    assert "t.csv: decimal commas in size are read as decimal points" in caplog.text


def test_commas_in_text_are_no_decimal_commas(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a;b, in m;c\n1,5;x,y;\n2;z;3,5\n")
    table = read_table(tmp_path / "t.csv")
    assert list(table) == ["a", "b, in m", "c"]
    assert table["a"].tolist() == [1.5, 2.0] and table["b, in m"].tolist() == ["x,y", "z"]
    assert table["c"].isna().tolist() == [True, False] and table["c"][1] == 3.5


@pytest.mark.parametrize("text", ["a\n1\n2\n", "a\nx;y\nz\n", "a\n" + "1\n" * 50_000])
def test_a_single_column_stays_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.csv"), pd.read_csv(tmp_path / "t.csv"))


def test_long_files_and_ragged_rows_keep_their_separator(tmp_path: Path) -> None:
    TABLE.sample(20_000, replace=True, random_state=0).to_csv(tmp_path / "t.csv", sep=";", index=False)
    assert read_table(tmp_path / "t.csv").shape == (20_000, 3)
    (tmp_path / "ragged.csv").write_text("a,b,c\n1,2,3\n4,5\n")
    assert list(read_table(tmp_path / "ragged.csv")) == ["a", "b", "c"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_recognised(tmp_path: Path, encoding: str, caplog: pytest.LogCaptureFixture) -> None:
    TABLE.to_csv(tmp_path / "t.csv", sep=";", index=False, encoding=encoding)
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.csv"), TABLE, check_dtype=False)
    assert ("t.csv is not UTF-8; it is read as cp1252" in caplog.text) == (encoding == "cp1252")


def test_unknown_encodings_are_named(tmp_path: Path) -> None:
    TABLE.to_csv(tmp_path / "t.csv", index=False, encoding="utf-16-le")
    with pytest.raises(LikelihoodError, match="holds zero bytes, as UTF-16 text does: save it as UTF-8"):
        read_table(tmp_path / "t.csv")


def test_compressed_files_are_read(tmp_path: Path) -> None:
    content = TABLE.to_csv(sep=";", index=False).encode()
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(content))
    for name in ("t.csv.zip", "t.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("folder/t.csv", content)
            archive.writestr("__MACOSX/folder/t.csv", b"\0")
    for name in ("t.csv.gz", "t.csv.zip", "t.zip"):
        pd.testing.assert_frame_equal(read_table(tmp_path / name), TABLE, check_dtype=False)


def test_damaged_and_crowded_archives_are_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", "a\n1\n")
        archive.writestr("b.csv", "a\n1\n")
    (tmp_path / "no.zip").write_bytes(b"no archive")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 100)[:20])
    with pytest.raises(LikelihoodError, match="holds 2 files: a zipped table must be the only file in it"):
        read_table(tmp_path / "two.zip")
    for name in ("no.zip", "cut.csv.gz"):
        with pytest.raises(LikelihoodError, match=f"{name}' cannot be read as a table"):
            read_table(tmp_path / name)
