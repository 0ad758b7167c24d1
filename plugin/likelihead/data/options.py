"""The options of the `data` config group, with their defaults: those of conf/train.yaml and of the kind of data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from likelihead.configs import defaults
from likelihead.errors import LikelihoodError, suggest

CHOICES: dict[str, tuple[str, ...]] = {
    "boundary": ("error", "squeeze"),
    "angles": ("radians", "degrees"),
    "ranking": ("orders", "ranks"),
    "missing_target": ("error", "drop"),
    "unseen": ("error", "ignore"),
}


def table_defaults() -> dict[str, Any]:
    """The options of every kind of data: those of `data` in conf/train.yaml.

    >>> table_defaults()["test_fraction"]
    0.2
    """
    options: dict[str, Any] = defaults("train")["data"]
    return options


def complete(options: Mapping[str, Any], kinds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The options with their defaults filled in.

    Args:
        options: `kind`, and any others.
        kinds: the options that only one kind of data has, with their defaults, by kind.

    Raises:
        LikelihoodError: an unknown kind, key or choice, or a fraction outside [0, 1).

    >>> complete({"kind": "made"}, {"made": {"rows": 6000}})["rows"]
    6000
    """
    kind = options.get("kind", "table")
    if kind not in kinds:
        raise LikelihoodError(f"data.kind is {kind!r}; the choices are {', '.join(kinds)}")
    known = {**table_defaults(), **kinds[kind]}
    foreign = {key: other for other, own in kinds.items() for key in own if key not in known}
    given = {key: value for key, value in options.items() if key != "kind" and not (value is None and key in foreign)}
    for key in given:
        if key in foreign:
            raise LikelihoodError(f"data.{key} belongs to data={foreign[key]}, and the data is data={kind}")
        if key not in known:
            raise LikelihoodError(f"data has no option {key!r}: {suggest(str(key), known)}")
    full = {**known, **given, "kind": kind}
    check_options(full)
    return full


def check_options(options: Mapping[str, Any]) -> None:
    """Raise a LikelihoodError where an option is none of its choices, or a fraction lies outside [0, 1)."""
    for key, choices in CHOICES.items():
        if options[key] not in choices:
            raise LikelihoodError(f"data.{key} is {options[key]!r}; the choices are {', '.join(choices)}")
    for key in ("test_fraction", "validation_fraction"):
        if not _is_fraction(options[key]):
            raise LikelihoodError(
                f"data.{key} is {options[key]!r}, but must be a number from 0 up to, not including, 1"
            )


def _is_fraction(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value < 1.0
