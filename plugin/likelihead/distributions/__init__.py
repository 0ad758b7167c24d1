"""Families that Pyro lacks or whose arithmetic fails in float32, and the law of every family: one file each.

A file holds a subclass of Pyro's class, if one is needed, and its law, which it registers. Every public class of
distributions in a file of this folder is exported from here by its name.

>>> from likelihead.distributions import Poisson
>>> Poisson.__module__
'likelihead.distributions.poisson'
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from pyro.distributions.torch_distribution import TorchDistributionMixin


def _public_classes() -> dict[str, type]:
    """The distribution classes that the files of this folder define, by name."""
    classes: dict[str, type] = {}
    for file in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{file.name}")
        for name, value in vars(module).items():
            is_own = isinstance(value, type) and value.__module__ == module.__name__ and not name.startswith("_")
            if is_own and issubclass(value, TorchDistributionMixin):
                classes[name] = value
    return classes


_CLASSES = _public_classes()
__all__ = sorted(_CLASSES)


def __getattr__(name: str) -> Any:
    try:
        return _CLASSES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
