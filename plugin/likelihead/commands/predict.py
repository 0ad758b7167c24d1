"""likelihead predict: a checkpoint and a table in, a table of predictions out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from likelihead.commands import command_line

if TYPE_CHECKING:
    import pandas as pd

    from likelihead.data.tables.table_parts import TableParts
    from likelihead.evaluation.statistics import Statistics


def predict(config: DictConfig) -> Path:
    """Write the predictions for `data.path` to `output`, and return that path.

    Without `data.path` they are those of the test rows of the run. The table is read, predicted and written part by
    part.

    Raises:
        LikelihoodError: a file that cannot be read or written, a missing column, a statistic that is not defined.
    """
    from likelihead.commands.config_paths import input_paths, output_of
    from likelihead.commands.repeated_remarks import without_repetitions
    from likelihead.commands.saved_model import load_model, parts_of
    from likelihead.commands.summary import count
    from likelihead.evaluation.prediction_file import check_suffix, write_predictions
    from likelihead.evaluation.predictions import predict_tables

    checkpoint, path = input_paths(config)
    output = output_of(config, checkpoint, path)
    check_suffix(output)
    statistics = _statistics(config)
    module = load_model(checkpoint, config)
    table, encoder, name = parts_of(module, checkpoint, path, config.data.get("encoding"))
    columns = [str(column) for column in _as_list(config.columns)]
    written: list[str] = []

    def parts() -> Iterator[pd.DataFrame]:
        for part in predict_tables(module, _with_progress(table), encoder, statistics, columns, config.data.unseen):
            written[:] = part.columns
            yield part

    with without_repetitions("likelihead.data"):
        write_predictions(output, parts())
    print(f"{count(table.rows, 'row')} of {name}, {count(len(written), 'column')}: {output}")
    return output


def _statistics(config: DictConfig) -> Statistics:
    from likelihead.evaluation.statistics import Statistics

    return Statistics(
        _as_list(config.quantiles),
        config.point,
        _as_list(config.intervals),
        _as_list(config.probability),
        config.samples,
        config.seed,
    )


def _as_list(given: Any) -> list[Any]:
    return [given] if isinstance(given, int | float | str) else list(given or [])


def _with_progress(table: TableParts) -> Iterator[pd.DataFrame]:
    """The parts of a table; on a terminal a bar shows how many rows were predicted, and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("rows"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=table.rows)
        for part in table.parts:
            yield part
            bar.update(task, advance=len(part))


def main() -> None:
    """`likelihead predict`."""
    command_line.run(predict, "predict", "predict")
