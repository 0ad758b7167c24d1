"""The shipped choices: the YAML files of conf/distribution, read as plain data."""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from likelihead.errors import LikelihoodError


def conf_directory() -> Path:
    """The folder of the configs: beside the package where it was installed, else at the top of the checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "conf"
    return installed if installed.is_dir() else package.parents[1] / "conf"


@cache
def shipped() -> tuple[str, ...]:
    """The names that `distribution=` takes, in alphabetical order (without `any`, which names no family).

    >>> "poisson" in shipped()
    True
    """
    names = sorted(path.stem for path in (conf_directory() / "distribution").glob("*.yaml"))
    return tuple(name for name in names if name != "any")


def read(name: str) -> dict[str, Any]:
    """The mapping in conf/distribution/<name>.yaml.

    Raises:
        LikelihoodError: there is no such file.

    >>> read("poisson")["parameters"]
    {'rate': 'predicted'}
    """
    if name not in shipped():
        close = difflib.get_close_matches(name, shipped(), n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise LikelihoodError(f"unknown distribution {name!r}: {hint}the distributions are {', '.join(shipped())}")
    text = (conf_directory() / "distribution" / f"{name}.yaml").read_text(encoding="utf-8")
    mapping: dict[str, Any] = yaml.safe_load(text)
    return mapping
