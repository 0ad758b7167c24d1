"""likelihead predict: a checkpoint and a table in, a table of predictions out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from omegaconf import DictConfig

from likelihead.commands import command_line as words
from likelihead.commands.telling import telling
from likelihead.configs import conf_directory
from likelihead.errors import LikelihoodError

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".pq")


def predict(config: DictConfig) -> Path:
    """Write the predictions for `data.path` to `output`; the file's path.

    Raises:
        LikelihoodError: a file that cannot be read or written, a missing column, a level outside (0, 1).
    """
    from likelihead.commands.saved_model import file_of, rows_of, trained
    from likelihead.evaluation.evaluate import distribution, double
    from likelihead.evaluation.predictions import frame_of

    output = _output(file_of(config, "output"), [file_of(config, "checkpoint"), file_of(config, "data.path")])
    levels = _levels(config.quantiles)
    model = trained(file_of(config, "checkpoint"))
    split = rows_of(model, file_of(config, "data.path"), "optional")
    frame = frame_of(
        distribution(model.module, split), double(split.y), model.targets, levels, model.labels, model.unit
    )
    _write(output, frame)
    print(f"{len(frame)} rows, {len(frame.columns)} columns: {output}")
    return output


def _levels(given: Any) -> Sequence[float]:
    levels = [given] if isinstance(given, int | float) else list(given or [])
    for level in levels:
        if isinstance(level, bool) or not isinstance(level, int | float) or not 0.0 < level < 1.0:
            raise LikelihoodError(f"quantiles holds {level!r}; a level lies between 0 and 1, such as [0.05,0.5,0.95]")
    return [float(level) for level in levels]


def _output(path: Path, inputs: Sequence[Path]) -> Path:
    if not path.name.lower().endswith(SUFFIXES):
        raise LikelihoodError(f"output={path}: the name must end in one of {', '.join(SUFFIXES)}")
    if path.is_dir():
        raise LikelihoodError(f"output={path} is a directory: name a file in it")
    if any(path.exists() and other.exists() and path.samefile(other) for other in inputs):
        raise LikelihoodError(f"output={path} is a file that is read here: name another")
    return path


def _write(path: Path, frame: pd.DataFrame) -> None:
    from likelihead.files import write_whole

    if path.name.lower().endswith((".parquet", ".pq")):
        write_whole(path, lambda place: frame.to_parquet(place, index=False))
    elif path.name.lower().endswith(".gz"):
        write_whole(path, lambda place: frame.to_csv(place, index=False, compression={"method": "gzip", "mtime": 1}))
    else:
        write_whole(path, lambda place: frame.to_csv(place, index=False, compression=None))


@hydra.main(version_base="1.3", config_path=str(conf_directory()), config_name="predict")
@telling
def application(config: DictConfig) -> None:
    """The task that Hydra runs."""
    predict(config)


def main() -> None:
    """`likelihead predict`."""
    words.run(application, "predict", "predict")
