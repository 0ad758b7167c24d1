"""The directory of a run: new, or that of a run that goes on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from hydra.utils import to_absolute_path
from omegaconf import DictConfig, OmegaConf, open_dict

from likelihead.errors import LikelihoodError
from likelihead.files import write_text

CONFIG = "config.yaml"
LAST, BEST = Path("checkpoints") / "last.ckpt", Path("checkpoints") / "best.ckpt"
#: Files that show that a directory holds a run.
TRACES = ("checkpoints", "metrics.csv", "metrics.json")


def is_copy() -> bool:
    """Whether this process was started by another one of the same run."""
    return os.environ.get("LOCAL_RANK", "0") != "0"


def check_words(words: Sequence[str]) -> None:
    """Refuse a directory before Hydra writes to it.

    Raises:
        LikelihoodError: `resume` names no run, or `hydra.run.dir` or `hydra.sweep.dir` names one.
    """
    given = dict(word.split("=", 1) for word in words if "=" in word and not word.startswith("-"))
    resume = given.get("resume", "null").strip("'\"")
    if resume not in ("null", ""):
        _check_resume(Path(resume), words)
        return
    if is_copy():
        return
    for key, pattern in (("hydra.run.dir", "{}"), ("hydra.sweep.dir", "*/{}")):
        directory = Path(given.get(key, "").strip("'\""))
        if key in given and any(any(directory.glob(pattern.format(trace))) for trace in TRACES):
            raise LikelihoodError(_occupied(directory))


def _occupied(directory: Path) -> str:
    return f"{str(directory)!r} already holds a run: choose another directory, or go on with it: resume={directory}"


def _check_resume(directory: Path, words: Sequence[str]) -> None:
    if any(word in ("-m", "--multirun") for word in words):
        raise LikelihoodError("resume goes on with one run, and -m starts several: resume them one by one")
    if any(word.startswith("hydra.run.dir=") for word in words) and not is_copy():
        raise LikelihoodError("a resumed run stays in its directory: leave out hydra.run.dir")
    for needed in (Path(CONFIG), LAST):
        if not (directory / needed).is_file():
            raise LikelihoodError(
                f"resume={directory}: there is no {str(directory / needed)!r}; give the directory of a run that "
                "wrote a checkpoint, such as outputs/2026-01-31/12-00-00.000000"
            )


def output_directory() -> Path:
    """Where this run writes."""
    return Path(HydraConfig.get().runtime.output_dir)


def settle(config: DictConfig) -> DictConfig:
    """The config to run: as composed, or that of the resumed run with the words given now; stored with the run.

    Raises:
        LikelihoodError: the directory already holds a run, or a word asks a resumed run for another choice.
    """
    directory = output_directory()
    if config.resume:
        config = _resumed(directory, config.resume)
    elif not is_copy() and any((directory / trace).exists() for trace in TRACES):
        raise LikelihoodError(_occupied(directory))
    for key in ("path", "test_path"):
        if not OmegaConf.is_missing(config.data, key) and config.data.get(key):
            config.data[key] = to_absolute_path(config.data[key])
    if not is_copy():
        write_text(directory / CONFIG, OmegaConf.to_yaml(config))
    return config


def _resumed(directory: Path, resume: str) -> DictConfig:
    saved = OmegaConf.load(directory / CONFIG)
    if not isinstance(saved, DictConfig):
        raise LikelihoodError(f"{str(directory / CONFIG)!r} holds no config of a run")
    choices = HydraConfig.get().runtime.choices
    for word in HydraConfig.get().overrides.task:
        override = OverridesParser.create().parse_override(word)
        key = override.key_or_group
        if key in choices:
            _check_choice(saved, key, override, directory)
        elif key != "resume":
            with open_dict(saved):
                OmegaConf.update(saved, key, override.value(), merge=True)
    OmegaConf.set_struct(saved, True)
    saved.resume = resume
    return saved


def _check_choice(saved: DictConfig, group: str, override: Override, directory: Path) -> None:
    """A resumed run keeps its choices of groups."""
    chosen: Any = OmegaConf.select(saved, f"choices.{group}")
    if chosen != override.value():
        raise LikelihoodError(
            f"{directory} was trained with {group}={chosen}, and a resumed run keeps its choices: leave out "
            f"{group}={override.value()}, or start a new run with it"
        )


def stored_choices(config: DictConfig) -> None:
    """Keep with the config which choice of each group it was composed from."""
    choices = {key: value for key, value in HydraConfig.get().runtime.choices.items() if not key.startswith("hydra/")}
    with open_dict(config):
        config.choices = choices


def is_sweep() -> bool:
    """Whether this run is one of a sweep."""
    return HydraConfig.get().mode == RunMode.MULTIRUN
