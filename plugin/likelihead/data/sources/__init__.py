"""Data sources: each is one module, named by `data.kind`, with its `OPTIONS` and a function `load`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pandas as pd

from likelihead.data.dataset import Data
from likelihead.data.options import complete
from likelihead.data.tables.encoder import TableEncoder
from likelihead.data.tables.files import read_table
from likelihead.errors import LikelihoodError


def source_options() -> dict[str, dict[str, Any]]:
    """The options that only one source has, with their defaults, by the name that `data.kind` takes.

    >>> sorted(source_options())
    ['arrays', 'bundled', 'images', 'synthetic', 'table', 'text']
    """
    return {module.name: import_module(f"{__name__}.{module.name}").OPTIONS for module in iter_modules(__path__)}


def load_data(family: str | Mapping[str, Any] | type, options: Mapping[str, Any], seed: int) -> Data:
    """Read or simulate the data set of a config, split it, and check and encode its rows.

    Args:
        family: the distribution of the target: a shipped name ("poisson"), a mapping as in conf/distribution/*.yaml,
            or a distribution class.
        options: the `data` group of the config; those left out take their defaults.
        seed: determines the split if `options["seed"]` is None or left out.

    Returns:
        The three parts, with x (n, p) float32 and y (n,) or (n, D), and the encoder of the table.

    Raises:
        LikelihoodError: an unknown option, a missing file or column, or inputs that cannot be encoded.
        TargetError: targets that the family cannot take.

    >>> data = load_data("poisson", {"kind": "synthetic", "rows": 100}, seed=0)
    >>> {name: len(part) for name, part in data.parts.items()}
    {'train': 68, 'validation': 12, 'test': 20}
    """
    full = complete(options, source_options())
    seed = seed if full["seed"] is None else full["seed"]
    data: Data = import_module(f"{__name__}.{full['kind']}").load(family, full, seed)
    return data


def read_again(encoder: TableEncoder, path: str | Path, encoding: str | None = None) -> pd.DataFrame:
    """New rows, read as those that the encoder was fitted to: a table, or images, texts or arrays.

    Args:
        encoder: the fitted encoder.
        path: the file or folder.
        encoding: the encoding of text files; None for that in training.

    Raises:
        LikelihoodError: a missing or damaged file.
    """
    source = encoder.source
    if not source:
        return read_table(path, encoding, encoder.text)
    kind = source.get("kind")
    if kind not in source_options() or not hasattr(import_module(f"{__name__}.{kind}"), "read"):
        raise LikelihoodError(f"rows of {kind!r} cannot be read from a file")
    given = source if encoding is None else {**source, "encoding": encoding}
    frame: pd.DataFrame = import_module(f"{__name__}.{kind}").read(path, given)
    return frame
