"""likelihead predict: a checkpoint and a table in, a table of predictions out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from likelihead.commands import command_line
from likelihead.errors import LikelihoodError

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".pq")


def predict(config: DictConfig) -> Path:
    """Write the predictions for `data.path` to `output`, and return that path.

    Without `data.path` they are those of the test rows of the run.

    Raises:
        LikelihoodError: a file that cannot be read or written, a missing column, a level outside (0, 1).
    """
    from likelihead.commands.config_paths import input_paths, output_of
    from likelihead.commands.saved_model import load_model, rows_of
    from likelihead.commands.summary import count
    from likelihead.evaluation.predictions import check_levels, predict_table

    checkpoint, path = input_paths(config)
    output = output_of(config, [checkpoint, path])
    if not output.name.lower().endswith(SUFFIXES):
        raise LikelihoodError(f"output={output}: the name must end in one of {', '.join(SUFFIXES)}")
    quantiles = _as_list(config.quantiles)
    check_levels(quantiles)
    module = load_model(checkpoint, config)
    frame, encoder, name = rows_of(module, checkpoint, path, config.data.get("encoding"))
    columns = [str(column) for column in _as_list(config.columns)]
    predicted = predict_table(module, frame, encoder, quantiles, columns, config.data.unseen)
    _write(output, predicted)
    print(f"{count(len(predicted), 'row')} of {name}, {count(len(predicted.columns), 'column')}: {output}")
    return output


def _as_list(given: Any) -> list[Any]:
    return [given] if isinstance(given, int | float | str) else list(given or [])


def _write(path: Path, frame: pd.DataFrame) -> None:
    from likelihead.files import write_whole

    if path.name.lower().endswith((".parquet", ".pq")):
        write_whole(path, lambda place: frame.to_parquet(place, index=False))
    elif path.name.lower().endswith(".gz"):
        write_whole(path, lambda place: frame.to_csv(place, index=False, compression={"method": "gzip", "mtime": 1}))
    else:
        write_whole(path, lambda place: frame.to_csv(place, index=False, compression=None))


def main() -> None:
    """`likelihead predict`."""
    command_line.run(predict, "predict", "predict")
