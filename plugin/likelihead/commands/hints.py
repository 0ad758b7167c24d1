"""The command that predicts with a run, to be copied: printed at the end of training."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from likelihead.commands.build import plain
from likelihead.commands.quoting import text_assignment
from likelihead.families.signature import TRUSTED_MODULES
from likelihead.training.module import LikelihoodModule


def how_to_predict(config: DictConfig, module: LikelihoodModule, directory: Path, has_test_rows: bool) -> str:
    """A command that predicts with the run in a directory; for one without a table, a line of Python.

    The command predicts a new file where the run read one, and otherwise the test rows. It names the network and the
    distribution class again if they are the user's own.
    """
    network = plain(config.architecture)
    is_own_network = "_target_" in network
    families = [path for path in _families(module.head.describe()) if path.rpartition(".")[0] not in TRUSTED_MODULES]
    if "table" not in module.extra:
        own = [", architecture=network"] if is_own_network else []
        own += [f", families=[{', '.join(path.rpartition('.')[2] for path in families)}]"] if families else []
        return f"likelihead.load({str(directory)!r}{''.join(own)})(x) in Python"
    is_file = config.data.get("path") is not None
    words = [
        f"checkpoint={directory}",
        *([f"data.path=NEW{_ending(config)}"] if is_file or not has_test_rows else []),
        "output=predictions.csv",
        *(_words("architecture", network) if is_own_network else []),
        *([f"families=[{','.join(families)}]"] if families else []),
    ]
    return shlex.join(["likelihead", "predict", *words])


def _ending(config: DictConfig) -> str:
    """How the name of a new file ends: as that of the training rows, or as that of a folder; .csv for tables."""
    kind, path = config.data.get("kind"), config.data.get("path")
    return ".csv" if path is None or kind == "table" else Path(str(path)).suffix


def _families(head: Mapping[str, Any]) -> list[str]:
    """The classes that the description of a head names, one for each target of a joint one."""
    heads = head["joint"].values() if "joint" in head else [head]
    return list(dict.fromkeys(str(each["distribution"]["family"]) for each in heads))


def _words(name: str, value: Any) -> Iterator[str]:
    """The words that set a key, and all keys under it.

    >>> list(_words("net", {"_target_": "my.Net", "size": [3, 4], "title": "a b"}))
    ['net._target_=my.Net', 'net.size=[3,4]', 'net.title=a b']
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _words(f"{name}.{key}", item)
    elif not isinstance(value, str):
        yield f"{name}={json.dumps(value, separators=(',', ':'))}"
    else:
        yield text_assignment(name, value)
