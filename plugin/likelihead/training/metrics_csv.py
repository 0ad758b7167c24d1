"""metrics.csv: one row per epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lightning_utilities.core.rank_zero import rank_zero_only
from pytorch_lightning.loggers import Logger

from likelihead.errors import LikelihoodError


class MetricsCSV(Logger):
    """Writes `metrics.csv`, with a row per epoch and a column per metric; cells of missing values are empty.

    An existing file is continued; the rows of epochs that are trained again are replaced.

    Args:
        directory: where to write the file.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> log = MetricsCSV(folder)
    >>> log.log_metrics({"validation/nll": 2.0, "epoch": 0}, step=10)
    >>> log.log_metrics({"train/nll": 1.5, "epoch": 0}, step=10)
    >>> log.save()
    >>> print(Path(folder, "metrics.csv").read_text().strip())
    epoch,step,train/nll,validation/nll
    0,10,1.5,2.0
    """

    def __init__(self, directory: str | Path) -> None:
        super().__init__()
        self.path = Path(directory) / "metrics.csv"
        self._rows: dict[int, dict[str, Any]] = {}
        #: Metrics without an epoch, which belong to the next that is logged.
        self.pending: dict[str, Any] = {}
        self._names: set[str] = set()
        self._columns: list[str] = []
        # The last row may still get more metrics: its epoch, and its offset in the file.
        self._epoch, self._offset = 0, 0

    @property
    def name(self) -> str:
        return "metrics"

    @property
    def version(self) -> int:
        return 0

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the composed config is in the same directory."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add metrics of an epoch; those without one (the learning rate) belong to the next that is logged."""
        values = {name: float(value) for name, value in metrics.items() if name != "epoch"}
        if "epoch" not in metrics:
            self.pending |= values
            return
        epoch = int(metrics["epoch"])
        if not self._rows:
            self._rows = {earlier: row for earlier, row in self._read() if earlier < epoch}
        row = self._rows.setdefault(epoch, {})
        row |= {**self.pending, **values, "step": step}
        self._names.update(*([*self._rows.values()] if not self._names else [row]))
        self.pending = {}

    def _read(self) -> list[tuple[int, dict[str, Any]]]:
        if not self.path.is_file():
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            return _rows(file)

    def state(self) -> dict[str, Any]:
        """All rows as text, and the metrics without an epoch, as plain values for a checkpoint."""
        names = ["epoch", "step", *sorted({name for row in self._rows.values() for name in row} - {"step"})]
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({"epoch": epoch, **row} for epoch, row in sorted(self._rows.items()))
        return {"text": text.getvalue(), "pending": dict(self.pending)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the rows of a `state` in place of those in the file, which may have been cut off."""
        self._rows = dict(_rows(io.StringIO(state["text"], newline="")))
        self._names, self._columns, self.pending = set(), [], dict(state["pending"])

    @rank_zero_only
    def save(self) -> None:
        """Write the rows that are new or have changed, or all rows if there is a new column.

        Raises:
            LikelihoodError: the file cannot be written, as where the disk is full.
        """
        if not self._rows:
            return
        try:
            self._write()
        except OSError as error:
            raise LikelihoodError(f"{str(self.path)!r} cannot be written: {error.strerror or error}") from error

    def _write(self) -> None:
        columns = ["epoch", "step", *sorted(self._names - {"step"})]
        if columns != self._columns:
            self._columns, self._epoch, self._offset = columns, min(self._rows), 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("r+" if self._offset else "w", encoding="utf-8", newline="") as file:
            file.seek(self._offset)
            file.truncate()
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            if not self._offset:
                writer.writeheader()
            for epoch in range(self._epoch, max(self._rows) + 1):
                if epoch in self._rows:
                    self._epoch, self._offset = epoch, file.tell()
                    writer.writerow({"epoch": epoch, **self._rows[epoch]})

    @rank_zero_only
    def finalize(self, status: str) -> None:
        self.save()


def _rows(lines: Iterable[str]) -> list[tuple[int, dict[str, Any]]]:
    """The rows of a file by epoch; those that were cut off are left out."""
    rows = [{name: cell for name, cell in row.items() if name and cell} for row in csv.DictReader(lines)]
    return [(int(row.pop("epoch")), row) for row in rows if str(row.get("epoch", "")).isdigit()]
