"""The config in a run's folder, which may come from anywhere: it chooses among known classes and names no others."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from likelihead.commands.overrides import REPLACEABLE
from likelihead.configs import conf_directory
from likelihead.errors import DAMAGED, LikelihoodError, one_line
from likelihead.files import URL

#: Arguments that say where a callback or a logger writes, and the names of files there.
PLACES = ("dirpath", "directory", "save_dir", "default_root_dir")
FILES = ("filename", "name", "version")
#: Those that this command line has to name again: servers, and arguments without a name, among which one may hide.
AGAIN = ("tracking_uri", "offline", "_args_")
#: What stands in an interpolation before its first colon or its end: the name of a resolver, or a key.
INTERPOLATION = re.compile(r"\$\{([^:}]*)([:}]?)")


@contextmanager
def reads_run(directory: Path) -> Iterator[None]:
    """Say in one sentence that the files of a run, which may come from anywhere, are not what they should be.

    Raises:
        LikelihoodError: they are damaged, or were changed.
    """
    try:
        yield
    except LikelihoodError:
        raise
    except (*DAMAGED, OmegaConfBaseException, yaml.YAMLError) as error:
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        raise LikelihoodError(
            f"the files of the run in {str(directory)!r} are damaged, or were changed ({reason})"
        ) from error


def load_stored(file: Path, replaced: Collection[str] = ()) -> DictConfig:
    """Read a stored config as data.

    Args:
        file: the config of a run.
        replaced: keys whose values this command line replaces, so that they may be anything.

    Raises:
        LikelihoodError: it cannot be read, is not a mapping, or reads more than other keys and what Hydra knows of a
            run, such as variables of the environment.
    """
    try:
        saved = OmegaConf.load(file)
    except (yaml.YAMLError, OmegaConfBaseException, UnicodeDecodeError, OSError) as error:
        raise LikelihoodError(f"{str(file)!r} cannot be read as the config of a run: {one_line(error, 200)}") from error
    if not isinstance(saved, DictConfig):
        raise LikelihoodError(f"{str(file)!r} is not the config of a run: it holds no mapping")
    _check_interpolations(saved, file, replaced)
    return saved


def _check_interpolations(saved: DictConfig, file: Path, replaced: Collection[str]) -> None:
    for key, value in entries(OmegaConf.to_container(saved, resolve=False)):
        if any(f"{key}.".startswith(f"{given}.") for given in replaced):
            continue
        for name, end in INTERPOLATION.findall(str(value)) if isinstance(value, str) else ():
            if "$" in name or (end == ":" and name.strip() not in shipped_resolvers()):
                raise LikelihoodError(
                    f"{str(file)!r} has {key}={value}, which no shipped config names: the folder of a run may not "
                    "choose what is read from elsewhere; if it is yours, write the value in its place"
                )


def check_stored(saved: DictConfig, composed: DictConfig, directory: Path) -> None:
    """Refuse a stored config that would import, call or write to anything that is not known.

    Known are the classes that the shipped configs name, and those in `composed`, the config of this very command line.

    Raises:
        LikelihoodError: another class or distribution, or a place outside the run's directory.
    """
    from likelihead.families.signature import TRUSTED_MODULES

    values, own = _plain(saved, directory), _plain(composed, directory)
    for group, node in own.items():
        if isinstance(node, dict) and not isinstance(values.get(group), dict | None):
            raise LikelihoodError(f"the config in {directory} has {group}={values.get(group)}, which must be a mapping")
    known = shipped_targets() | {value for key, value in entries(own) if _is_target(key)}
    families = {value for key, value in entries(own) if _is_family(key)}
    for key, value in entries(values):
        if _is_target(key) and (not isinstance(value, str) or value not in known):
            raise LikelihoodError(_refusal(directory, key, value))
        if _is_family(key) and value not in families and _module(value) not in TRUSTED_MODULES:
            raise LikelihoodError(_refusal(directory, key, value))
        if not _stays_inside(key, value, directory):
            raise LikelihoodError(
                f"the config in {directory} has {key}={value}, outside the directory of the run: a resumed run "
                "writes to its own directory only"
            )
    for key, value in entries(values):
        if _says_where_to_send(key, value) and (key, value) not in entries(own):
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


def _says_where_to_send(key: str, value: Any) -> bool:
    """Whether a value, or an argument of a logger, is one that no shipped config has."""
    group, *_, name = ["", *key.split(".")][-3:]
    if group == "logger" and name not in shipped_logger_arguments():
        return True
    return name in AGAIN and value not in shipped_values((name,))


def _is_family(key: str) -> bool:
    """Whether a key names a distribution class; a joint distribution has several."""
    return key.startswith("distribution.") and key.endswith(".family")


def _module(path: Any) -> str:
    return str(path).rpartition(".")[0]


def known_distribution(saved: DictConfig) -> Any:
    """The distribution of a stored config as plain values; None where it names classes that were never imported."""
    from likelihead.families.signature import TRUSTED_MODULES

    plain: Any = OmegaConf.to_container(saved.distribution, resolve=True)
    modules = {_module(value) for key, value in entries({"distribution": plain}) if _is_family(key)}
    return plain if all(module in TRUSTED_MODULES or module in sys.modules for module in modules) else None


def _refusal(directory: Path, key: str, value: Any) -> str:
    is_word = key.rpartition(".")[0] in REPLACEABLE
    again = f": {key}={value}" if is_word else ", with --config-dir and the choice of its group"
    return (
        f"the config in {directory} has {key}={value}, which no shipped config names: the folder of a run may not "
        f"choose code to run; if it is yours, choose it again on this command line{again}"
    )


def _stays_inside(key: str, value: Any, directory: Path) -> bool:
    """Whether a value, if it is that of a place or a file, does not lead out of the directory."""
    name = key.split(".")[-1]
    if value is None or name not in (*PLACES, *FILES):
        return True
    place = directory / value if name in FILES and isinstance(value, str) else value
    if name in PLACES and (not isinstance(value, str) or URL.match(value)):
        return False
    return not isinstance(place, str | Path) or Path(place).resolve().is_relative_to(directory.resolve())


def shipped_targets() -> frozenset[str]:
    """The classes and functions that the shipped configs name."""
    return frozenset(shipped_values(("_target_",)))


@cache
def shipped_resolvers() -> frozenset[str]:
    """The resolvers that the shipped configs use, such as `hydra` and `now`."""
    texts = (path.read_text(encoding="utf-8") for path in conf_directory().rglob("*.yaml"))
    return frozenset(name for text in texts for name, end in INTERPOLATION.findall(text) if end == ":")


@cache
def shipped_logger_arguments() -> frozenset[str]:
    """The arguments that the shipped configs give to loggers."""
    files = (conf_directory() / "logger").glob("*.yaml")
    loggers = [node for file in files for node in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).values()]
    return frozenset(name for node in loggers if isinstance(node, dict) for name in node)


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
