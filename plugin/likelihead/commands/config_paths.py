"""The files that a config names."""

from __future__ import annotations

from pathlib import Path

from hydra.utils import to_absolute_path
from omegaconf import DictConfig, OmegaConf

from likelihead.commands.run_directory import CONFIG
from likelihead.commands.stored_config import load_stored
from likelihead.errors import LikelihoodError
from likelihead.files import refuse_url

#: The files of a run, besides its checkpoints, that no output may replace.
RUN_FILES = (
    CONFIG, ".hydra/*", "coefficients.csv", "metrics.csv", "metrics.json", "out_of_fold.csv", "report.html",
    "splits.npz",
)  # fmt: skip
#: Those of several runs, in the directory above.
SUMMARIES = ("comparison.csv", "folds.json", "sweep.csv")


def path_of(config: DictConfig, key: str) -> Path:
    """The path under a key, relative to the directory in which the command was typed.

    Raises:
        LikelihoodError: the key was not given.
    """
    value = OmegaConf.select(config, key, throw_on_missing=False)
    if value is None:
        raise LikelihoodError(f"{key} is missing: add {key}=FILE")
    refuse_url(value, key)
    return Path(to_absolute_path(str(value)))


def input_paths(config: DictConfig) -> tuple[Path, Path | None]:
    """The checkpoint file, of a run if `checkpoint` is its directory, and the table, None without `data.path`.

    Raises:
        LikelihoodError: no checkpoint was given.
    """
    from likelihead.training.checkpoint import checkpoint_file

    checkpoint = checkpoint_file(path_of(config, "checkpoint"))
    return checkpoint, None if config.data.path is None else path_of(config, "data.path")


def output_of(config: DictConfig, checkpoint: Path, table: Path | None = None) -> Path:
    """The path under `output`.

    Raises:
        LikelihoodError: it was not given, is a directory, or is a file that the command reads or that belongs to a run.
    """
    path = path_of(config, "output")
    if path.is_dir():
        raise LikelihoodError(f"output={path} is a directory: name a file in it")
    if not path.exists():
        return path
    run = checkpoint.absolute().parent.parent
    files = [checkpoint, table, *run.glob("checkpoints/*"), *_tables_of(run)]
    runs = [run, *(place for place in (path.absolute().parent,) if (place / CONFIG).is_file())]
    files += [file for place in runs for name in RUN_FILES for file in place.glob(name)]
    files += [run.parent / name for name in SUMMARIES]
    if any(file and file.exists() and path.samefile(file) for file in files):
        raise LikelihoodError(f"output={path} is one of the input files, or belongs to a run: choose another name")
    if path.suffix == ".ckpt":
        raise LikelihoodError(f"output={path} has the name of a checkpoint: choose another name")
    return path


def _tables_of(run: Path) -> list[Path]:
    """The tables that a run read."""
    if not (run / CONFIG).is_file():
        return []
    data = load_stored(run / CONFIG).get("data") or {}
    return [Path(str(data[key])) for key in ("path", "test_path") if data.get(key)]
