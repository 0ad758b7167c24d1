"""The summary that a run prints at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from likelihead.errors import printable
from likelihead.evaluation.comparison import compared, heading, sentence
from likelihead.target_types.target_type import TargetColumns
from likelihead.training.fit import Outcome


def number(value: Any) -> str:
    """A value as it is printed; a dash for None."""
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def count(number: int, noun: str) -> str:
    """A number of things.

    >>> count(1, "row"), count(2, "row")
    ('1 row', '2 rows')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], text: Sequence[str] = ()) -> Table:
    """A table without lines: the first column and those named in `text` are aligned left, the others right."""
    drawn = Table(box=None, pad_edge=False)
    for index, column in enumerate(columns):
        drawn.add_column(_shown(column), justify="right" if index and column not in text else "left")
    for row in rows:
        drawn.add_row(*map(_shown, row))
    return drawn


def _shown(cell: Any) -> Text:
    """A cell as it stands: the name of a column may hold brackets, which rich would take for markup."""
    return Text(printable(cell if isinstance(cell, str) else number(cell)))


def print_start(distribution: str, source: str, parts: Mapping[str, int], members: int = 1) -> None:
    """Print what is trained on which rows, before training starts."""
    rows = ", ".join(f"{number} {part}" for part, number in parts.items()) + " rows"
    if members > 1 and parts:
        seen = parts["train"] + parts.get("validation", 0)
        rows = f"{members} networks on {seen} rows, of which each holds out its own {seen // members}"
        rows += f"; {count(parts['test'], 'test row')}" if "test" in parts else ""
    print(f"Training {distribution} on {source}" + (f": {rows}" if parts else ""), flush=True)


def print_refit(rows: int, epochs: int) -> None:
    """Print that the network is trained again, on how many rows and for how many epochs."""
    print(
        f"Refitting on all {rows} training and validation rows, for the {count(epochs, 'epoch')} that were best",
        flush=True,
    )


def print_summary(
    title: str,
    outcome: Outcome,
    columns: TargetColumns | Mapping[str, TargetColumns] | None,
    notes: Sequence[str],
    console: Console | None = None,
) -> None:
    """Print the NLL of each part, how the model compares with the marginal fit, and notes below.

    Args:
        title: the family and the data.
        outcome: the scores of each part.
        columns: the target columns of the table.
        notes: lines to print at the end.
        console: where to print; by default on standard output.
    """
    parts = [(name, evaluation) for name, evaluation in outcome.evaluations.items() if evaluation.n]
    known = any(evaluation.oracle is not None for _, evaluation in parts)
    names = ["NLL per row", "rows", "trained", "marginal", *(["truth"] if known else [])]
    rows = [[name, part.n, part.nll, part.marginal, *([part.oracle] if known else [])] for name, part in parts]
    reference = outcome.evaluations[outcome.reference]
    where = "On new rows" if outcome.reference == "test" else "On the training rows"
    said = sentence(reference, where, columns)
    console = console or Console(highlight=False)
    console.print()
    console.print(title, style="bold", markup=False, soft_wrap=True)
    console.print(table(names, rows))
    console.print()
    console.print(table([heading(outcome.reference, columns), "trained", "marginal"], compared(reference, columns)))
    for note in [*([f"\n{said}"] if said else []), *notes]:
        console.print(note, soft_wrap=True, markup=False)


#: Coefficients that are printed; all of them stand in coefficients.csv.
PRINTED = 40


def print_coefficients(frame: pd.DataFrame) -> None:
    """Print the coefficients of a linear model, as many as fit on a page."""
    columns = ["parameter (link)", "term", "estimate", "std. error", "z", "95% interval"]
    rows = [
        [
            f"{row.parameter} ({row.link})",
            row.term,
            f"{row.estimate:.5g}",
            f"{row.standard_error:.3g}",
            f"{row.z:.2f}",
            f"{row.lower:.5g} to {row.upper:.5g}",
        ]
        for row in frame.head(PRINTED).itertuples()
    ]
    console = Console(highlight=False)
    console.print()
    console.print(table(columns, rows))
    if len(frame) > PRINTED:
        console.print(f"… and {len(frame) - PRINTED} more in coefficients.csv")
