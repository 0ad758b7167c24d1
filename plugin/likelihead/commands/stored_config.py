"""The config in a run's folder, which may come from anywhere: it chooses among known classes and names no others."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from likelihead.commands.overrides import REPLACEABLE
from likelihead.configs import conf_directory
from likelihead.errors import LikelihoodError, one_line

#: Arguments that say where a callback or a logger writes, and those that this command line has to name again: servers,
#: and arguments without a name, among which a place or a server may hide.
PLACES = ("dirpath", "directory", "save_dir", "default_root_dir")
AGAIN = ("tracking_uri", "_args_")


def load_stored(file: Path) -> DictConfig:
    """Read a stored config as data.

    Raises:
        LikelihoodError: it cannot be read, or is not a mapping.
    """
    try:
        saved = OmegaConf.load(file)
    except (yaml.YAMLError, OmegaConfBaseException, UnicodeDecodeError, OSError) as error:
        raise LikelihoodError(f"{str(file)!r} cannot be read as the config of a run: {one_line(error, 200)}") from error
    if not isinstance(saved, DictConfig):
        raise LikelihoodError(f"{str(file)!r} is not the config of a run: it holds no mapping")
    return saved


def check_stored(saved: DictConfig, composed: DictConfig, directory: Path) -> None:
    """Refuse a stored config that would import, call or write to anything that is not known.

    Known are the classes that the shipped configs name, and those in `composed`, the config of this very command line.

    Raises:
        LikelihoodError: another class or distribution, or a place outside the run's directory.
    """
    from likelihead.families.signature import TRUSTED_MODULES

    values, own = _plain(saved, directory), _plain(composed, directory)
    known = shipped_targets() | {value for key, value in entries(own) if _is_target(key)}
    families = {value for key, value in entries(own) if key == "distribution.family"}
    for key, value in entries(values):
        if _is_target(key) and (not isinstance(value, str) or value not in known):
            raise LikelihoodError(_refusal(directory, key, value))
        if key == "distribution.family" and value not in families:
            module = str(value).rpartition(".")[0]
            if module not in TRUSTED_MODULES:
                raise LikelihoodError(_refusal(directory, key, value))
        if key.split(".")[-1] in PLACES and value is not None and not _is_inside(value, directory):
            raise LikelihoodError(
                f"the config in {directory} has {key}={value}, outside the directory of the run: a resumed run "
                "writes to its own directory only"
            )
    for key, value in entries(values):
        if key.split(".")[-1] in AGAIN and value not in shipped_values(AGAIN) and (key, value) not in entries(own):
            raise LikelihoodError(
                f"the config in {directory} has {key}={value}, which no shipped config has: the folder of a run may "
                "not choose where a run is sent; choose it again on this command line"
            )


def _plain(config: DictConfig, directory: Path) -> Any:
    try:
        return OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        raise LikelihoodError(f"the config in {directory} cannot be resolved: {one_line(error, 200)}") from error


def _is_target(key: str) -> bool:
    return key.split(".")[-1] == "_target_"


def _refusal(directory: Path, key: str, value: Any) -> str:
    is_word = key.rpartition(".")[0] in REPLACEABLE
    again = f": {key}={value}" if is_word else ", with --config-dir and the choice of its group"
    return (
        f"the config in {directory} has {key}={value}, which no shipped config names: the folder of a run may not "
        f"choose code to run; if it is yours, choose it again on this command line{again}"
    )


def _is_inside(place: Any, directory: Path) -> bool:
    return isinstance(place, str) and Path(place).resolve().is_relative_to(directory.resolve())


def shipped_targets() -> frozenset[str]:
    """The classes and functions that the shipped configs name."""
    return frozenset(shipped_values(("_target_",)))


@cache
def shipped_values(names: tuple[str, ...]) -> list[Any]:
    """The values in the shipped configs of the keys that end in one of these names."""
    files = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in conf_directory().rglob("*.yaml"))
    found = (entry for contents in files for entry in entries(contents))
    return [value for key, value in found if key.split(".")[-1] in names]


def entries(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All entries of nested mappings and lists, each with its key from the top."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        name = f"{prefix}.{key}" if prefix else str(key)
        yield name, item
        yield from entries(item, name)
