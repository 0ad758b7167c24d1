"""The shipped configs, the YAML files of conf/, read as plain data."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from likelihead.errors import LikelihoodError, suggest


def conf_directory() -> Path:
    """The directory of the configs: inside the package if it is installed, else at the top of the checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "conf"
    return installed if installed.is_dir() else package.parents[1] / "conf"


@cache
def shipped() -> tuple[str, ...]:
    """The names of the shipped distributions, in alphabetical order (without `any` and `joint`, which are no families).

    >>> "poisson" in shipped()
    True
    """
    names = sorted(path.stem for path in (conf_directory() / "distribution").glob("*.yaml"))
    return tuple(name for name in names if name not in ("any", "joint"))


def read(name: str) -> dict[str, Any]:
    """The mapping in conf/distribution/<name>.yaml.

    Raises:
        LikelihoodError: an unknown name.

    >>> read("poisson")["parameters"]
    {'rate': 'predicted'}
    """
    if name not in shipped():
        raise LikelihoodError(f"unknown distribution {name!r}: {suggest(name, shipped())}")
    return _contents(f"distribution/{name}.yaml")


def defaults(file: str) -> dict[str, Any]:
    """The values of a shipped config, such as `optimizer/adamw`, without those that Hydra fills in.

    The command line and Python thus have the same defaults, which are written only in the YAML.

    >>> defaults("architecture/mlp")["depth"]
    2
    """
    plain: dict[str, Any] = _without_hydra(_contents(f"{file}.yaml"))
    return plain


def _contents(file: str) -> dict[str, Any]:
    mapping: dict[str, Any] = yaml.safe_load((conf_directory() / file).read_text(encoding="utf-8"))
    return mapping


def _without_hydra(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        key: _without_hydra(item)
        for key, item in value.items()
        if key not in ("defaults", "hydra") and not key.startswith("_") and not _is_filled_in(item)
    }


def _is_filled_in(value: Any) -> bool:
    return isinstance(value, str) and ("${" in value or value == "???")
