"""The table at the end of a sweep."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from commands.runs import Command, metrics, words

pytestmark = pytest.mark.usefixtures("at_home")


def swept(*more: str) -> list[str]:
    return [word for word in words("x", "trainer.max_epochs=1", *more) if not word.startswith("hydra.run")]


def test_one_row_a_run_the_best_first(home: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    command("train", "-m", *swept("optimizer.lr=0.001,0.01", "seed=1,2", "hydra.sweep.dir=table"))
    written = pd.read_csv(home / "table" / "sweep.csv")
    measures = ["part", "nll", "marginal_nll", "validation_nll", "discrete", "directory", "failure"]
    assert list(written) == ["optimizer.lr", "seed", *measures]
    assert len(written) == 4
    assert list(written.validation_nll) == sorted(written.validation_nll)
    for _, row in written.iterrows():
        stored = metrics(Path(row.directory))
        assert (row.nll, row.marginal_nll) == (stored["test"]["nll"], stored["marginal"]["nll"])
        overrides = (Path(row.directory) / ".hydra" / "overrides.yaml").read_text()
        assert f"- optimizer.lr={row['optimizer.lr']}\n" in overrides and f"- seed={row.seed}\n" in overrides
    printed = capsys.readouterr().out
    assert "the lowest validation NLL first" in printed
    assert "Note: some of these families" not in printed
    last = printed[printed.index("the lowest validation NLL first") :].splitlines()
    assert [line.split()[-1] for line in last[2:6]] == [Path(place).name for place in written.directory]


def test_families_of_different_scales_and_data_get_a_note(
    in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["distribution=normal,poisson", "data.rows=80", "trainer.max_epochs=1", "strategy=cpu"]
    command("train", "-m", *given, "hydra.sweep.dir=both")
    printed = capsys.readouterr().out
    assert "some of these families give probabilities and others densities" in printed
    assert "trained on different synthetic data (house_prices, pedestrians)" in printed
    assert set(pd.read_csv(in_folder / "both" / "sweep.csv").distribution) == {"normal", "poisson"}


def test_one_run_has_no_table(finished: Path) -> None:
    assert not list(finished.parent.glob("run/sweep.csv"))
