"""likelihead predict: a checkpoint and a table in, a table of predictions out."""

from __future__ import annotations

from collections.abc import Sequence
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

    Raises:
        LikelihoodError: a file that cannot be read or written, a missing column, a level outside (0, 1).
    """
    from likelihead.commands.config_paths import output_of, path_of
    from likelihead.commands.saved_model import SavedModel
    from likelihead.evaluation.predictions import predict_frame

    checkpoint, path = path_of(config, "checkpoint"), path_of(config, "data.path")
    output = output_of(config, [checkpoint, path])
    if not output.name.lower().endswith(SUFFIXES):
        raise LikelihoodError(f"output={output}: the name must end in one of {', '.join(SUFFIXES)}")
    levels = _levels(config.quantiles)
    model = SavedModel.load(checkpoint)
    frame = predict_frame(model.module, model.read(path, "optional"), model.encoder.target.columns, levels)
    _write(output, frame)
    print(f"{len(frame)} rows, {len(frame.columns)} columns: {output}")
    return output


def _levels(given: Any) -> Sequence[float]:
    levels = [given] if isinstance(given, int | float) else list(given or [])
    for level in levels:
        if isinstance(level, bool) or not isinstance(level, int | float) or not 0.0 < level < 1.0:
            raise LikelihoodError(
                f"quantiles contains {level!r}; each level must lie between 0 and 1, such as [0.05,0.5,0.95]"
            )
    return [float(level) for level in levels]


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
