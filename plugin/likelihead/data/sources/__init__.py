"""Data sources: each is one module, named by `data.kind`, with its `OPTIONS` and a function `load`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from likelihead.data.dataset import Data
from likelihead.data.options import complete


def source_options() -> dict[str, dict[str, Any]]:
    """The options that only one source has, with their defaults, by the name that `data.kind` takes.

    >>> sorted(source_options())
    ['bundled', 'synthetic', 'table']
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
