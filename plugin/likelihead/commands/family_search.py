"""distribution=auto: the shipped families that fit the targets, and those of them that are worth training in full."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from likelihead.errors import LikelihoodError
from likelihead.loggers import only_errors

if TYPE_CHECKING:
    from likelihead.data.tables.split_table import Table
    from likelihead.evaluation.paired import RowScores

#: How many families are trained in full.
FINALISTS = 3
#: The most rows that are looked at to choose them.
ROWS = 20_000
#: Families of labels and rankings, which are tried where the target is no number.
OF_TEXT = ("bernoulli", "categorical", "ordinal", "plackett_luce")


def finalists(config: DictConfig) -> list[str]:
    """The families that fit the targets of a config, the best linear models first; the screening is printed.

    Raises:
        LikelihoodError: the data are no table, or no family fits the targets.
    """
    from rich.console import Console

    from likelihead.commands.summary import table

    source = _source(config)
    # What is to be said about the table is said in training, once and not by every family.
    with only_errors("likelihead.data"):
        found = {name: scores for name in _fitting(source, config) if (scores := _screened(source, name, config))}
    if not found:
        raise LikelihoodError(f"no shipped family fits the targets {', '.join(source.target)}: choose one yourself")
    score = _score(list(found.values()))
    values = {name: scores.mean(score) for name, scores in found.items()}
    ranked = sorted(found, key=lambda name: _finite(values[name]))
    console = Console(highlight=False)
    console.print(f"{len(ranked)} families fit the targets; validation NLL of a linear model of each:", style="bold")
    head = "NLL(int)" if score == "integer_nll" else "NLL"
    console.print(table(["distribution", head], [[name, values[name]] for name in ranked]))
    console.print(f"\nTraining in full: {', '.join(ranked[:FINALISTS])}", soft_wrap=True)
    return ranked[:FINALISTS]


def _finite(value: float | None) -> float:
    return math.inf if value is None or math.isnan(value) else value


def _score(found: Sequence[RowScores]) -> str:
    """What counts and densities say of whole numbers, where they say it; otherwise the NLL."""
    return "integer_nll" if all("integer_nll" in scores.scores for scores in found) else "nll"


def _source(config: DictConfig) -> Table:
    from likelihead.commands.build import plain
    from likelihead.data.sources.bundled import bundled
    from likelihead.data.tables.files import read_table
    from likelihead.data.tables.split_table import Table
    from likelihead.target_types.cells import as_list, require_columns

    options = plain(config.data)
    if options.get("kind") == "table":
        frame, target = read_table(options["path"], options.get("encoding")), as_list(options["target"])
    elif options.get("kind") == "bundled":
        frame, own = bundled(options["name"])
        target = as_list(options["target"]) or own
    else:
        raise LikelihoodError("distribution=auto looks at a table: give data=table data.path=… data.target=…")
    require_columns(frame, target, "target")
    if len(frame) > ROWS:
        frame = frame.sample(ROWS, random_state=config.seed).reset_index(drop=True)
    return Table(frame, target, "table")


def _fitting(source: Table, config: DictConfig) -> list[str]:
    """The families whose support holds the targets."""
    import numpy as np

    from likelihead.target_types import fitting_families
    from likelihead.target_types.cells import is_text, parsed_numbers

    columns = [source.frame[name] for name in source.target]
    if config.data.angles == "degrees":
        return ["von_mises"]
    values = np.stack([parsed_numbers(column) for column in columns], axis=1)
    if any(is_text(column) for column in columns) and np.isnan(values).all():
        return list(OF_TEXT)
    return fitting_families(values)


def _screened(source: Table, name: str, config: DictConfig) -> RowScores | None:
    """The scores of a linear model of a family; None where it cannot take the targets after all."""
    from likelihead.commands.build import plain
    from likelihead.data.options import complete
    from likelihead.data.sources import source_options
    from likelihead.data.tables.split_table import split
    from likelihead.training.screening import linear_scores

    options = complete({**plain(config.data), "target": source.target}, source_options())
    seed = config.seed if options["seed"] is None else options["seed"]
    try:
        return linear_scores(split(source, name, options, seed), name)
    except LikelihoodError:
        return None
