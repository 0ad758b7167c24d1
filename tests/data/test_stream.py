"""Streamed Parquet tables: every row once, in one part, on any number of processes, as in memory."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from commands.runs import Command, metrics

from likelihead.data import encode_table, load_data, stream
from likelihead.data.stream import StreamedRows
from likelihead.data.tables.files import read_table
from likelihead.errors import LikelihoodError, TargetError

ROWS, GROUP = 6000, 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, rng = tmp_path_factory.mktemp("parquet"), np.random.default_rng(0)
    for part in range(3):
        frame = pd.DataFrame({"a": rng.normal(size=ROWS // 3), "c": rng.choice(["u", "v"], ROWS // 3)})
        frame["y"] = frame.a + (frame.c == "u") + rng.normal(size=ROWS // 3)
        frame["hours"], frame["row"] = 1.0, np.arange(ROWS // 3) + part * (ROWS // 3)
        frame.to_parquet(path / f"{part}.parquet", row_group_size=GROUP)
    return path


def streamed(folder: Path, **options: Any) -> dict[str, StreamedRows]:
    table = {"kind": "table", "path": str(folder), "target": "y", "stream": True, "features": ["a", "c", "row"]}
    data = load_data("normal", {**table, **options}, seed=0)
    return data.parts  # type: ignore[return-value]


def row_numbers(batches: Any, encoder: Any) -> list[int]:
    column = encoder.columns[2]
    return [round(float(x) * column.scale + column.mean) for batch in batches for x in batch.x[:, 3]]


def test_every_row_is_in_one_part(folder: Path) -> None:
    parts = streamed(folder)
    seen = {name: row_numbers(part, part.encoder) for name, part in parts.items()}
    assert sorted(row for rows in seen.values() for row in rows) == list(range(ROWS))
    assert {name: len(rows) for name, rows in seen.items()} == {name: len(part) for name, part in parts.items()}
    # six standard deviations of the binomial
    assert abs(len(parts["test"]) - 0.2 * ROWS) < 6 * np.sqrt(0.16 * ROWS)
    assert abs(len(parts["validation"]) - 0.12 * ROWS) < 6 * np.sqrt(0.11 * ROWS)


def test_batches_are_encoded_as_in_memory(folder: Path) -> None:
    train = streamed(folder)["train"]
    table = read_table(folder)
    expected = encode_table(table.iloc[row_numbers(train, train.encoder)], train.encoder)
    batches = list(train)
    torch.testing.assert_close(torch.cat([batch.x for batch in batches]), expected.x)
    torch.testing.assert_close(torch.cat([batch.y for batch in batches]), expected.y)


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("shuffle", [False, True])
def test_processes_share_the_rows_and_take_the_same_steps(folder: Path, processes: int, shuffle: bool) -> None:
    train = streamed(folder)["train"]
    loaders = [train.loader(64, shuffle, 5, rank, processes) for rank in range(processes)]
    epochs = []
    for epoch in range(2):
        for loader in loaders:
            loader.sampler.set_epoch(epoch)
        batches = [list(loader) for loader in loaders]
        assert {len(taken) for taken in batches} == {len(loaders[0])}
        assert all(len(batch.x) <= 64 for taken in batches for batch in taken)
        epochs.append([row for taken in batches for row in row_numbers(taken, train.encoder)])
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(row_numbers(train, train.encoder))
    assert (epochs[0] == epochs[1]) is not shuffle
    loaders[0].sampler.set_epoch(1)
    again = row_numbers(loaders[0], train.encoder)
    assert again == epochs[1][: len(again)]


def test_samples_come_from_all_over_the_table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train: Any = streamed(folder)["train"]
    rows = row_numbers(train.sample(300), train.encoder)
    assert 200 < len(rows) <= 300 + 15
    assert {row // GROUP for row in rows} == set(range(ROWS // GROUP))
    assert set(rows) < set(row_numbers(train, train.encoder))


def test_rows_of_several_row_groups_are_mixed(folder: Path) -> None:
    train = streamed(folder)["train"]
    first = row_numbers([next(iter(train.loader(64, True, 0, 0, 1)))], train.encoder)
    assert len({row // GROUP for row in first}) > 5


def test_the_memory_does_not_grow_with_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BUFFER_ROWS", 20_000)
    rng, peaks = np.random.default_rng(0), []
    for count in (1, 4):
        folder = tmp_path / str(count)
        folder.mkdir()
        for part in range(count):
            frame = pd.DataFrame(rng.normal(size=(100_000, 3)), columns=["a", "b", "y"])
            frame.to_parquet(folder / f"{part}.parquet", row_group_size=10_000)
        options = {"kind": "table", "path": str(folder), "target": "y", "stream": True}
        train: Any = load_data("normal", options, seed=0).train
        tracemalloc.start()
        assert sum(len(batch.x) for batch in train.loader(4096, True, 0, 0, 1)) == len(train)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


def test_rows_without_a_target_are_left_out(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(900.0), "y": np.where(np.arange(900) % 3 == 0, np.nan, np.arange(900.0))})
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=100)
    options = {"kind": "table", "path": str(tmp_path), "target": "y", "stream": True}
    with pytest.raises(TargetError, match="missing"):
        load_data("normal", options, seed=0)
    parts: Any = load_data("normal", {**options, "missing_target": "drop"}, seed=0).parts
    assert sum(len(batch.y) for part in parts.values() for batch in part) == 600
    loader = parts["train"].loader(50, True, 0, 0, 1)
    assert len(list(loader)) == len(loader)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 5, "fold": 0}, "data.stream=true splits rows at random: leave out data.folds"),
        ({"group": "c"}, "leave out data.group"),
        ({"path": "t.csv"}, "holds neither Parquet"),
    ],
)
def test_what_a_stream_cannot_do(
    folder: Path, options: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("a,c,row,y\n1,2,3,4\n")
    with pytest.raises(LikelihoodError, match=message):
        streamed(folder, **options)


def test_too_few_row_groups_for_the_processes(folder: Path) -> None:
    with pytest.raises(LikelihoodError, match="15 row groups, too few for 16 processes"):
        streamed(folder)["train"].loader(64, True, 0, 0, 16)


def test_a_run_on_a_stream_is_scored_again(
    folder: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = ["data=table", f"data.path={folder}", "data.target=y", "data.stream=true", "data.ignore=[row]"]
    command("train", *given, "trainer.max_epochs=2", "strategy=cpu", "architecture=linear", "hydra.run.dir=run")
    found = metrics(tmp_path / "run")
    assert found["test"]["nll"] < found["marginal"]["nll"]
    command("evaluate", "checkpoint=run", "output=scores.json")
    assert json.loads(Path("scores.json").read_text())["nll"] == pytest.approx(found["test"]["nll"], rel=1e-9)
    command("predict", "checkpoint=run", "output=predictions.csv")
    assert pd.read_csv("predictions.csv").log_prob.mean() == pytest.approx(-found["test"]["nll"], rel=1e-6)
