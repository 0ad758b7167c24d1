"""The choices of the `data` config group, with their defaults."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from likelihead.errors import LikelihoodError

#: Options of every kind of data. `batch_size` is the loader's.
DEFAULTS: dict[str, Any] = {
    "target": None,
    "features": None,
    "categorical": None,
    "weight": None,
    "exposure": None,
    "test_fraction": 0.2,
    "validation_fraction": 0.15,
    "batch_size": None,
    "boundary": "error",
    "angles": "radians",
    "ranking": "orders",
    "levels": None,
    "missing_target": "error",
    "unseen": "error",
}
#: Options of one kind of data only.
OWN: dict[str, dict[str, Any]] = {
    "table": {"path": None, "test_path": None},
    "bundled": {"name": None},
    "synthetic": {"name": None, "rows": 6_000, "data_seed": 0},
}
#: The kind that an option belongs to.
FOREIGN: dict[str, str] = {key: kind for kind, own in OWN.items() for key in own}
CHOICES: dict[str, tuple[str, ...]] = {
    "boundary": ("error", "squeeze"),
    "angles": ("radians", "degrees"),
    "ranking": ("orders", "ranks"),
    "missing_target": ("error", "drop"),
    "unseen": ("error", "ignore"),
}


def complete(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with their defaults filled in.

    Raises:
        LikelihoodError: an unknown kind, key or choice, or a fraction outside [0, 1).

    >>> complete({"kind": "synthetic"})["rows"]
    6000
    """
    kind = options.get("kind", "table")
    if kind not in OWN:
        raise LikelihoodError(f"data.kind is {kind!r}; the choices are {', '.join(OWN)}")
    known = {**DEFAULTS, **OWN[kind]}
    options = {key: value for key, value in options.items() if not (value is None and key in FOREIGN)}
    for key in options:
        if key != "kind" and key not in known:
            if key in FOREIGN:
                raise LikelihoodError(f"data.{key} belongs to data={FOREIGN[key]}, and the data is data={kind}")
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean data.{close[0]}? " if close else ""
            raise LikelihoodError(
                f"data has no option {key!r}: {hint}the options of data={kind} are {', '.join(known)}"
            )
    full = {**known, **options, "kind": kind}
    for key, choices in CHOICES.items():
        if full[key] not in choices:
            raise LikelihoodError(f"data.{key} is {full[key]!r}; the choices are {', '.join(choices)}")
    for key in ("test_fraction", "validation_fraction"):
        if not _is_fraction(full[key]):
            raise LikelihoodError(f"data.{key} is {full[key]!r}, but must be a number from 0 up to, not including, 1")
    return full


def _is_fraction(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value < 1.0
