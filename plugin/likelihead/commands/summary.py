"""The closing words of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def number(value: Any) -> str:
    """A figure for a reader; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """A plain table, its first column to the left and figures to the right."""
    drawn = Table(box=None, pad_edge=False)
    for index, column in enumerate(columns):
        drawn.add_column(column, justify="right" if index else "left")
    for row in rows:
        drawn.add_row(*(cell if isinstance(cell, str) else number(cell) for cell in row))
    return drawn


def close(
    title: str,
    metrics: Mapping[str, Mapping[str, Any]],
    compared: Mapping[str, tuple[float | None, float | None]],
    directory: Path,
) -> None:
    """Print the NLL of each split beside the marginal fit's and the truth's, and where the run's files are.

    Args:
        compared: for each split the NLL of the marginal fit and that of the true distribution.
    """
    parts = [(name, metrics[name], *compared[name]) for name in ("train", "validation", "test") if metrics[name]["n"]]
    known = any(oracle is not None for *_, oracle in parts)
    columns = ["NLL per row", "rows", "trained", "marginal", *(["truth"] if known else [])]
    rows = [
        [name, int(figures["n"]), figures["nll"], marginal, *([oracle] if known else [])]
        for name, figures, marginal, oracle in parts
    ]
    console = Console(highlight=False)
    console.print()
    console.print(title, style="bold", markup=False, soft_wrap=True)
    console.print(table(columns, rows))
    console.print()
    best = directory / "checkpoints" / "best.ckpt"
    console.print(f"Files:   {directory}", soft_wrap=True, markup=False)
    hint = f"likelihead predict checkpoint={best} data.path=NEW.csv output=predictions.csv"
    console.print(f"Predict: {hint}", soft_wrap=True, markup=False)
