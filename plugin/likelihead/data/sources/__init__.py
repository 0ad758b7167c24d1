"""Where data come from: each kind of data is one module with its `OPTIONS` and a function `load`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from likelihead.data.dataset import Data
from likelihead.data.options import complete


def kinds() -> dict[str, dict[str, Any]]:
    """The kinds of data that `data.kind` names, each with the options that it alone has.

    >>> sorted(kinds())
    ['bundled', 'synthetic', 'table']
    """
    return {module.name: import_module(f"{__name__}.{module.name}").OPTIONS for module in iter_modules(__path__)}


def load_data(family: str | Mapping[str, Any] | type, options: Mapping[str, Any], seed: int) -> Data:
    """Read or make the data of a config, split their rows, check and encode them.

    Args:
        family: what the targets are for: a shipped name, a mapping as in conf/distribution/*.yaml, or a class.
        options: the `data` group of the configuration; see likelihead.data.options.
        seed: determines which rows train, validate and test.

    Raises:
        LikelihoodError: an unknown option, a missing file or column, inputs that cannot be encoded.
        TargetError: targets that the family cannot take.

    >>> data = load_data("poisson", {"kind": "synthetic", "rows": 100}, seed=0)
    >>> {name: len(part) for name, part in data.parts.items()}
    {'train': 68, 'validation': 12, 'test': 20}
    """
    full = complete(options, kinds())
    data: Data = import_module(f"{__name__}.{full['kind']}").load(family, full, seed)
    return data
