"""A path on the command line is taken as it was typed, whatever characters the file's name has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from likelihead.commands import quoting

Command = Callable[..., None]
ODD = [
    "my data (1).csv", "copy(1)", "[a].csv", "{a}.csv", "[a]", "é ü.csv", "~rows.csv", "a=b.csv", "a,b.csv",
    "it's.csv", 'a"b.csv', "'", "1.50", "1_000", "007", "true", "1e3", "a;b&c#d!.csv", "a\\", "a'b\\'c (1).csv",
    "(a) \\\\.csv", "a  b .csv", "日本.csv",
]  # fmt: skip
PLAIN = ["rows.csv", "sub/rows.csv", "my data.csv", "2026-01-31/12-00-00.000000", "../a-b_c.csv", "C:/a.csv"]


def value_of(word: str) -> object:
    override = OverridesParser.create().parse_override(word)
    assert not override.is_sweep_override()
    return override.value()


@pytest.mark.parametrize("key", quoting.PATHS)
@pytest.mark.parametrize("name", [*ODD, *PLAIN])
def test_a_path_is_taken_as_typed(key: str, name: str) -> None:
    (word,) = quoting.quote([f"{key}={name}"], sweep=False)
    assert value_of(word) == name
    assert value_of(quoting.assignment(key, name)) == name


@pytest.mark.parametrize("name", PLAIN)
def test_what_hydra_takes_as_typed_is_not_changed(name: str) -> None:
    assert quoting.quote([f"output={name}"], sweep=False) == [f"output={name}"]


@pytest.mark.parametrize(
    "word",
    [
        "data.target=[a,b]", "seed=1", "-m", "~callbacks.averaging", "resume=null", "data.path='my (1).csv'",
        "data.path=${oc.env:HOME}/x.csv", "distribution=normal,laplace", "data.paths=a (1)", "output",
    ],
)  # fmt: skip
def test_other_words_stay(word: str) -> None:
    assert quoting.quote([word], sweep=False) == [word]


@pytest.mark.parametrize("name", ["body mass (g)", "größe", "a=b", "y ~ x"])
def test_a_column_that_hydra_cannot_parse_is_taken_as_typed(name: str) -> None:
    (word,) = quoting.quote([f"data.target={name}"], sweep=False)
    assert value_of(word) == name
    assert quoting.quote(["data.target=[a (1),b"], sweep=False) == ["data.target=[a (1),b"]


def test_a_list_of_paths_is_swept_only_where_hydra_can_parse_it() -> None:
    assert quoting.quote(["data.path=a.csv,b.csv"], sweep=True) == ["data.path=a.csv,b.csv"]
    assert quoting.quote(["+data.path=a (1).csv,b.csv"], sweep=True) == ["+data.path='a (1).csv,b.csv'"]


def test_odd_names_from_training_to_prediction(in_folder: Path, command: Command) -> None:
    x = np.linspace(-1.0, 1.0, 60)
    for name in ("my data (1).csv", "tést=[2], {b}~.csv"):
        pd.DataFrame({"x": x, "y": x**2}).to_csv(in_folder / name, index=False)
    command(
        "train", "distribution=normal", "data=table", "data.path=my data (1).csv", "data.test_path=tést=[2], {b}~.csv",
        "data.target=y", "trainer.max_epochs=1", "strategy=cpu", "hydra.run.dir=run (é), [1]",
    )  # fmt: skip
    run = in_folder / "run (é), [1]"
    assert (run / "metrics.json").is_file()
    command("train", "resume=run (é), [1]", "trainer.max_epochs=2")
    assert len((run / "metrics.csv").read_text(encoding="utf-8").splitlines()) == 1 + 2
    command("predict", f"checkpoint={run}/checkpoints/best.ckpt", "data.path=tést=[2], {b}~.csv", "output=a, (b).csv")
    assert len(pd.read_csv(in_folder / "a, (b).csv")) == 60
    command("evaluate", f"checkpoint={run}/checkpoints/best.ckpt", "data.path=my data (1).csv", "output=1.50")
    assert (in_folder / "1.50").is_file()
