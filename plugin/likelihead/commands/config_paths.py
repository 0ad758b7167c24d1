"""The files that a config names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra.utils import to_absolute_path
from omegaconf import DictConfig, OmegaConf

from likelihead.errors import LikelihoodError
from likelihead.files import refuse_url


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


def output_of(config: DictConfig, inputs: Sequence[Path | None]) -> Path:
    """The path under `output`.

    Raises:
        LikelihoodError: it was not given, is a directory, or is one of the input files.
    """
    path = path_of(config, "output")
    if path.is_dir():
        raise LikelihoodError(f"output={path} is a directory: name a file in it")
    if any(other and path.exists() and other.exists() and path.samefile(other) for other in inputs):
        raise LikelihoodError(f"output={path} is one of the input files: choose another name")
    if path.suffix == ".ckpt":
        raise LikelihoodError(f"output={path} has the name of a checkpoint: choose another name")
    return path
