"""Tables for docs/benchmarks.md from what `python -m tests.benchmarks --output=FILE` wrote.

python -m tests.benchmarks.page FILE.json ...
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FIELDS = {"log-likelihood": 3, "crps": 3, "seconds": 1}


def figure(value: float | None, error: float | None = None, digits: int = 2) -> str:
    """A value with its standard error."""
    if value is None:
        return "not finite"
    return f"{value:.{digits}f}" + ("" if error is None else f" ± {error:.{digits}f}")


def ratios(rows: Iterable[dict[str, Any]]) -> list[str]:
    """A table of figures and goals."""
    lines = ["| what | compared with | value | goal |", "|---|---|---|---|"]
    for row in rows:
        goal = "" if row["goal"] is None else f"{row['goal']:.2f}"
        lines.append(f"| {row['case']} | {row['against']} | {figure(row['value'])} {row['unit']} | {goal} |")
    return lines


def peers(rows: list[dict[str, Any]]) -> list[str]:
    """A table for each data set, with a line for each fit."""
    lines: list[str] = []
    for table in dict.fromkeys(row["case"].partition(":")[0] for row in rows):
        cells = {(row["against"], row["case"].partition(": ")[2]): row for row in rows if row["case"].startswith(table)}
        lines += [f"| {table} | log-likelihood | CRPS | seconds |", "|---|---|---|---|"]
        for name in dict.fromkeys(against for against, _ in cells):
            each = [(cells[name, field], digits) for field, digits in FIELDS.items()]
            figures = " | ".join(figure(cell["value"], cell["error"], digits) for cell, digits in each)
            lines.append(f"| {name} | {figures} |")
        lines.append("")
    return lines


def heads(rows: list[dict[str, Any]]) -> list[str]:
    """A table with a line for each family, and a column for each number of rows and what it is compared with."""
    cells = {(row["case"], row["against"]): figure(row["value"]) for row in rows}
    families = list(dict.fromkeys(case.partition(", ")[0] for case, _ in cells))
    columns = list(dict.fromkeys((case.partition(", ")[2], against) for case, against in cells))
    lines = ["| family | " + " | ".join(f"{against}, {size}" for size, against in columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for family in families:
        values = [cells.get((f"{family}, {size}", against), "") for size, against in columns]
        lines.append(f"| {family} | " + " | ".join(values) + " |")
    return lines


#: The parts that have a table of their own form.
FORMS = {"heads": heads, "peers": peers}


def page(found: dict[str, Any]) -> str:
    """All tables of one file of figures, each part under its name."""
    lines = [found["machine"]["text"], ""]
    for part in dict.fromkeys(row["benchmark"] for row in found["rows"]):
        rows = [row for row in found["rows"] if row["benchmark"] == part]
        lines += [f"### {part}", "", *FORMS.get(part, ratios)(rows), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    for place in sys.argv[1:]:
        print(page(json.loads(Path(place).read_text(encoding="utf-8"))))
