"""Texts: words as codes, vocabularies of the training rows, next words as targets, and files that hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer

from likelihead import LikelihoodError
from likelihead.data import encode_table, load_data, split_table
from likelihead.data.sources import read_again
from likelihead.data.tables.encoder import TableEncoder
from likelihead.data.tables.text_column import TextColumn, words_of
from likelihead.errors import TargetError

TEXTS = ["the cat sees the dog.", "a dog sleeps.", "The bird sings, the cat sleeps.", "don't wait", "a cat"]


def frame_of(count: int = 40) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    texts = [TEXTS[k] for k in generator.integers(0, len(TEXTS), count)]
    return pd.DataFrame({"note": texts, "good": generator.integers(0, 2, count)})


def test_the_vocabulary_is_that_of_scikit_learn() -> None:
    column = TextColumn.fit(pd.Series(TEXTS, name="note"), max_words=100, max_length=100)
    vectorizer = CountVectorizer(token_pattern=r"\w+(?:'\w+)*|[^\w\s]")
    counts = np.asarray(vectorizer.fit_transform(TEXTS).sum(0)).ravel()
    frequency = dict(zip(vectorizer.get_feature_names_out(), counts, strict=True))
    assert column.words == sorted(frequency, key=lambda word: (-frequency[word], word))
    assert column.length == max(len(words_of(text)) for text in TEXTS) == 8


def test_codes_stand_for_words_in_their_order() -> None:
    column = TextColumn.fit(pd.Series(TEXTS, name="note"), max_words=3, max_length=4)
    block = column.encode(pd.Series(["the unknown cat", "", None, "cat . the cat . cat"]), False)
    codes = {word: code for code, word in enumerate(column.words, start=2)}
    the, cat, stop = (codes[word] for word in ("the", "cat", "."))
    assert block.tolist() == [[the, 1, cat, 0], [0] * 4, [0] * 4, [cat, stop, the, cat]]
    assert column.texts(torch.from_numpy(block))[0] == "the ? cat"


def test_the_vocabulary_is_of_the_training_rows_only() -> None:
    frame = frame_of()
    data = split_table(frame, "bernoulli", "good", text="note")
    frame.loc[data.test.rows, "note"] = "entirely different words"
    again = split_table(frame, "bernoulli", "good", text="note")
    assert data.encoder is not None and again.encoder is not None
    assert again.encoder.state()["columns"] == data.encoder.state()["columns"]
    assert again.test.x.unique().tolist() == [0, 1] and again.train.x.dtype == torch.int64


def test_the_next_word_is_the_target_where_the_text_is_both() -> None:
    data = split_table(frame_of(), "categorical", "note", text="note")
    assert data.encoder is not None and data.train.y is not None and data.train.mask is not None
    labels = data.encoder.target.columns.labels  # type: ignore[union-attr]
    words = ["", "?", *data.encoder.columns[0].words]  # type: ignore[union-attr]
    assert labels is not None
    for x, y, mask in zip(data.train.x, data.train.y, data.train.mask, strict=True):
        following = [words[int(code)] for code in x[1:]] + [""]
        assert mask.tolist() == [word != "" for word in following]
        assert [labels[int(code)] for code in y[mask]] == [word for word in following if word]


def test_words_that_no_training_row_has_do_not_count_as_targets() -> None:
    data = split_table(frame_of(), "categorical", "note", text="note")
    assert data.encoder is not None
    rows = encode_table(pd.DataFrame({"note": ["the cat flies .", "unicorn"]}), data.encoder)
    assert rows.mask is not None
    assert rows.mask[:, :4].tolist() == [[True, False, True, False], [False] * 4]


def test_rare_words_share_a_code_and_are_no_targets() -> None:
    data = split_table(frame_of(), "categorical", "note", text="note", max_words=3)
    assert data.encoder is not None and data.train.x.max() == 4
    assert len(data.encoder.target.columns.labels) <= 3  # type: ignore[union-attr, arg-type]


def test_an_encoder_of_texts_survives_storage() -> None:
    frame = frame_of()
    data = split_table(frame, "categorical", "note", text="note")
    assert data.encoder is not None
    encoder = TableEncoder.from_state(data.encoder.state())
    assert encoder.state() == data.encoder.state()
    again = encode_table(frame, encoder)
    assert torch.equal(again.x[data.test.rows], data.test.x)
    assert again.y is not None and data.test.y is not None and torch.equal(again.y[data.test.rows], data.test.y)


def test_lines_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("\n\n".join(TEXTS * 4))
    data = load_data("categorical", {"kind": "text", "path": str(tmp_path / "book.txt")}, seed=0)
    assert sum(map(len, data.parts.values())) == 20 and data.train.y is not None
    assert data.encoder is not None and data.train.y.shape == data.train.x.shape
    assert read_again(data.encoder, tmp_path / "book.txt")["text"].tolist() == TEXTS * 4


def test_a_folder_of_texts_for_each_class(tmp_path: Path) -> None:
    for number in range(20):
        folder = tmp_path / ("bad", "good")[number % 2]
        folder.mkdir(exist_ok=True)
        (folder / f"{number:02}.txt").write_text(TEXTS[number % 5] + "\n")
    data = load_data("bernoulli", {"kind": "text", "path": str(tmp_path)}, seed=0)
    frame = read_again(data.encoder, tmp_path)  # type: ignore[arg-type]
    assert frame["text"][0] == TEXTS[0] and frame["class"].tolist() == ["bad"] * 10 + ["good"] * 10
    assert data.train.y is not None
    assert data.train.y.tolist() == [float(row >= 10) for row in data.train.rows]


def test_a_table_with_a_column_of_texts(tmp_path: Path) -> None:
    frame_of().to_csv(tmp_path / "notes.csv", index=False)
    named = {"path": str(tmp_path / "notes.csv"), "text": "note", "target": "good"}
    parts = [load_data("bernoulli", {"kind": kind, **named}, seed=0) for kind in ("text", "table")]
    assert torch.equal(parts[0].train.x, parts[1].train.x) and parts[0].train.x.shape[1] == 8


def test_faults_are_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LikelihoodError, match="no texts are named"):
        load_data("bernoulli", {"kind": "text"}, seed=0)
    (tmp_path / "latin.txt").write_bytes("Größe\n".encode("cp1252"))
    with pytest.raises(LikelihoodError, match=r"cannot be read as UTF-8 text: give data.encoding"):
        load_data("categorical", {"kind": "text", "path": str(tmp_path / "latin.txt")}, seed=0)
    (tmp_path / "empty.txt").write_text(" \n")
    with pytest.raises(LikelihoodError, match="holds no text"):
        load_data("categorical", {"kind": "text", "path": str(tmp_path / "empty.txt")}, seed=0)
    frame = frame_of()
    with pytest.raises(LikelihoodError, match="there is no text column 'nots'"):
        split_table(frame, "bernoulli", "good", text="nots")
    with pytest.raises(LikelihoodError, match="holds no words in the training rows"):
        split_table(frame.assign(note=""), "bernoulli", "good", text="note")
    with pytest.raises(LikelihoodError, match=r"data.max_words is 0"):
        split_table(frame, "bernoulli", "good", text="note", max_words=0)
    with pytest.raises(TargetError, match="takes a vector in each row"):
        split_table(frame, "multivariate_normal", "note", text="note")
    with pytest.raises(LikelihoodError, match="must be the only input"):
        split_table(frame.assign(age=1.0), "bernoulli", "good", text="note", features=["note", "age"])
