"""metrics.csv: a row for each epoch, whatever order the figures come in."""

from __future__ import annotations

import csv
from pathlib import Path

from likelihead.training.metrics_csv import MetricsCSV


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def epoch(log: MetricsCSV, number: int, nll: float) -> None:
    log.log_metrics({"lr-Adam": 0.1 / (number + 1)}, step=number)
    log.save()
    log.log_metrics({"validation/nll": nll, "epoch": number}, step=number)
    log.save()
    log.log_metrics({"train/nll": nll - 1, "epoch": number}, step=number)
    log.save()


def test_a_row_for_each_epoch(tmp_path: Path) -> None:
    log = MetricsCSV(tmp_path)
    for number in range(3):
        epoch(log, number, 5.0 - number)
    log.finalize("success")
    found = rows(tmp_path / "metrics.csv")
    assert [row["epoch"] for row in found] == ["0", "1", "2"]
    assert [row["train/nll"] for row in found] == ["4.0", "3.0", "2.0"]
    assert [row["validation/nll"] for row in found] == ["5.0", "4.0", "3.0"]
    assert float(found[1]["lr-Adam"]) == 0.05


def test_a_new_column_comes_late(tmp_path: Path) -> None:
    log = MetricsCSV(tmp_path)
    epoch(log, 0, 1.0)
    log.log_metrics({"extra": 7.0, "epoch": 1}, step=1)
    log.save()
    assert [row["extra"] for row in rows(tmp_path / "metrics.csv")] == ["", "7.0"]


def test_a_resumed_run_goes_on(tmp_path: Path) -> None:
    first = MetricsCSV(tmp_path)
    for number in range(4):
        epoch(first, number, float(number))
    second = MetricsCSV(tmp_path)
    for number in (2, 3, 4):
        epoch(second, number, 10.0 + number)
    found = rows(tmp_path / "metrics.csv")
    assert [row["validation/nll"] for row in found] == ["0.0", "1.0", "12.0", "13.0", "14.0"]
    assert {row["step"] for row in found} == {"0", "1", "2", "3", "4"}
