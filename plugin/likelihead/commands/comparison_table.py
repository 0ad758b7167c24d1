"""A comparison of runs as a table, a CSV file, and a recommendation in words."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from likelihead.commands.compared_runs import ComparedRun, order
from likelihead.commands.trials import notes
from likelihead.errors import printable
from likelihead.evaluation.comparison import rounded
from likelihead.files import write_text

#: Where the table is not printed on a terminal, its lines may be this long.
WIDTH = 160
ON_INTEGERS = (
    "\nNote: some of these families give probabilities and others densities, so that their NLLs are on different "
    "scales. As every target is a whole number, they are ranked by NLL(int), the mean of −log P(y − ½ < Y ≤ y + ½), "
    "what each says of the whole number y."
)


def report(runs: Sequence[ComparedRun], columns: Sequence[str], file: Path | None = None) -> None:
    """Print runs, the best first, and what to choose; and write them to a CSV file.

    Args:
        runs: the runs, in any order.
        columns: the names of what distinguishes them, in `Trial.chosen`.
        file: where to write them; None to print only.
    """
    from rich.console import Console

    from likelihead.commands.summary import table

    ordered, score = order(runs)
    if file is not None:
        write_text(file, _csv(ordered, columns))
    terminal = Console(highlight=False)
    console = terminal if terminal.is_terminal else Console(highlight=False, width=WIDTH)
    console.print()
    console.print("NLL per row in nats, the lowest first", style="bold")
    console.print(table(*_table(ordered, columns, score)), soft_wrap=True)
    lines = [ON_INTEGERS] if score == "integer_nll" else []
    trials = [run.trial for run in ordered]
    lines += [note for note in notes(trials) if score == "nll" or not note.startswith("\nNote: some of these")]
    remarks = dict.fromkeys(run.remark for run in ordered if run.remark)
    lines += [f"\nNote: no differences between rows, because {remark}" for remark in remarks]
    for line in [*lines, f"\n{recommendation(ordered, score)}"]:
        console.print(printable(line), soft_wrap=True, markup=False)
    if file is not None:
        console.print(f"\nFiles: {file.parent.absolute()}", soft_wrap=True, markup=False)


def _table(runs: Sequence[ComparedRun], columns: Sequence[str], score: str) -> tuple[list[str], list[list[Any]]]:
    part = next((run.trial.part for run in runs if run.trial.part), "test")
    shown: dict[str, list[Any]] = {name: [run.trial.chosen.get(name, "") for run in runs] for name in columns}
    shown[f"{part} NLL"] = [run.trial.nll for run in runs]
    if score == "integer_nll":
        shown["NLL(int)"] = [run.mean(score) for run in runs]
    shown["behind by"] = [_with_error(run.difference) for run in runs]
    shown["marginal"] = [run.trial.marginal for run in runs]
    shown["CRPS"] = [_digits(run.mean("crps")) for run in runs]
    shown["in 90 %"] = [_percent(run.mean("coverage_0.9")) for run in runs]
    shown["time"] = [_time(run.seconds) for run in runs]
    known = {
        name: cells for name, cells in shown.items() if name in columns or any(cell not in ("–", "") for cell in cells)
    }
    return list(known), [list(row) for row in zip(*known.values(), strict=True)]


def _name(run: ComparedRun) -> str:
    return run.trial.chosen.get("run") or run.trial.name


def _with_error(difference: tuple[float, float] | None) -> str:
    return "–" if difference is None else f"{rounded(difference[0])} ± {rounded(difference[1])}"


def _digits(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100.0 * value:.0f} %"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds:.1f} s" if seconds < 60.0 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def _csv(runs: Sequence[ComparedRun], columns: Sequence[str]) -> str:
    text = io.StringIO()
    rows = [_row(run, columns) for run in runs]
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(run: ComparedRun, columns: Sequence[str]) -> dict[str, Any]:
    trial = run.trial
    nlls = {"part": trial.part, "nll": trial.nll, "marginal_nll": trial.marginal, "validation_nll": trial.validation}
    files = {"directory": trial.directory, "failure": trial.failure}
    chosen = {name: trial.chosen.get(name, "") for name in columns}
    return {**chosen, **nlls, "discrete": trial.is_discrete, **run.measures, **files}


def _no_choice(best: ComparedRun, strangers: Sequence[ComparedRun]) -> str:
    names = ", ".join(_name(run) for run in [best, *strangers])
    if any(run.has_targets_of(best) for run in strangers):
        return f"No choice: {names} cannot be ranked, as some give probabilities and others densities."
    return (
        f"No choice: {names} cannot be ranked, as they were tested on different rows. Train them on one table with the "
        "same data.seed, or score each on the same new rows: likelihead evaluate checkpoint=RUN data.path=FILE."
    )


def recommendation(runs: Sequence[ComparedRun], score: str = "nll") -> str:
    """Which of some runs to choose, and why; the best first."""
    best, *others = [run for run in runs if not run.trial.failure]
    strangers = [run for run in others if run.targets is not None and not run.is_comparable(best, score)]
    if strangers and best.targets is not None:
        return _no_choice(best, strangers)
    rivals = [run for run in others if run.difference is not None and run.is_comparable(best, score)]
    equal = [run for run in rivals if run.difference and run.difference[0] <= 2.0 * run.difference[1]]
    text = f"Choose {_name(best)}: "
    if equal:
        names = ", ".join(map(_name, equal))
        text += f"its NLL is the lowest, but on so few rows {names} may be as good (within two standard errors)."
    elif rivals:
        lead, error = rivals[0].difference or (0.0, 0.0)
        text += f"it is better than {_name(rivals[0])}, the second, by {rounded(lead)} ± {rounded(error)} nats per row."
    else:
        text += "its NLL is the lowest."
    share = best.mean("coverage_0.9")
    if share is not None:
        text += f" Its 90 % intervals hold {100.0 * share:.0f} % of the answers."
    if best.trial.nll is not None and best.trial.marginal is not None and best.trial.nll >= best.trial.marginal:
        text += " But it is no better than its marginal fit, which ignores the inputs."
    return text
