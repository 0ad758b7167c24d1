"""The two packages of Lightning, `pytorch_lightning` and `lightning`, whose classes do not work together."""

from __future__ import annotations

from typing import Any

from likelihead.errors import LikelihoodError


def require_pytorch_lightning(**objects: Any) -> None:
    """Raise a LikelihoodError if one of the objects, or an item of a list, is of a class of the package `lightning`.

    It has the same classes as `pytorch_lightning`, from which LikelihoodModule is derived, but neither accepts those of
    the other.

    >>> require_pytorch_lightning(trainer=None, callbacks=[])
    """
    for name, value in objects.items():
        for item in value if isinstance(value, list | tuple) else [value]:
            for cls in type(item).__mro__:
                if cls.__module__.split(".")[0] == "lightning":
                    raise LikelihoodError(
                        f"{name} is a {cls.__module__}.{cls.__qualname__}, but likelihead is built on "
                        f"pytorch_lightning, which does not take it: import pytorch_lightning as pl, and use "
                        f"pl.{cls.__qualname__} or its like"
                    )
