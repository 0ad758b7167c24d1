"""The options of the `data` config group and their defaults: those of conf/train.yaml and of the data source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from likelihead.configs import defaults
from likelihead.errors import LikelihoodError, suggest

CHOICES: dict[str, tuple[str, ...]] = {
    "boundary": ("error", "squeeze"),
    "angles": ("radians", "degrees"),
    "ranking": ("orders", "ranks"),
    "missing_target": ("error", "drop"),
    "split": ("random", "group", "time"),
    "unseen": ("error", "ignore"),
}
#: Whole numbers, with the smallest that each may be, and the options that may be null.
MINIMA = {"max_levels": 1, "max_words": 1, "max_length": 1, "min_level_count": 1, "seed": 0, "folds": 2, "fold": 0}
OPTIONAL = ("seed", "folds", "fold", "split")
#: Options that name one column; those that name one or several; and the list of classes.
COLUMN = ("weight", "exposure", "group", "time")
COLUMNS = (
    "target",
    "features",
    "ignore",
    "categorical",
    "items",
    "lower",
    "upper",
    "truncation_lower",
    "truncation_upper",
)
LEVELS = "levels"


def table_defaults() -> dict[str, Any]:
    """The options that all data sources share, with their defaults: `data` in conf/train.yaml.

    >>> table_defaults()["test_fraction"]
    0.2
    """
    options: dict[str, Any] = defaults("train")["data"]
    return options


def complete(options: Mapping[str, Any], sources: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The options with their defaults filled in.

    Args:
        options: `kind`, which names the source, and any others.
        sources: the options that only one source has, with their defaults, by source.

    Raises:
        LikelihoodError: an unknown source, option or choice, or a number outside its range.

    >>> complete({"kind": "simulated"}, {"simulated": {"rows": 6000}})["rows"]
    6000
    """
    kind = options.get("kind", "table")
    if kind not in sources:
        raise LikelihoodError(f"data.kind is {kind!r}; the choices are {', '.join(sources)}")
    known = {**table_defaults(), **sources[kind]}
    # Of several sources with an option, messages name the table.
    others = sorted(sources, key=lambda source: source == "table")
    elsewhere = {key: source for source in others for key in sources[source] if key not in known}
    given = {key: value for key, value in options.items() if key != "kind" and not (value is None and key in elsewhere)}
    for key in given:
        if key in elsewhere:
            raise LikelihoodError(f"data.{key} is an option of data={elsewhere[key]}, but the data is data={kind}")
        if key not in known:
            raise LikelihoodError(f"data has no option {key!r}: {suggest(str(key), known)}")
    full = {**known, **given, "kind": kind}
    check_options(full)
    return full


def check_options(options: Mapping[str, Any]) -> None:
    """Raise a LikelihoodError if an option is not one of its choices or a number lies outside its range."""
    for key, choices in CHOICES.items():
        if options[key] not in choices and not (key in OPTIONAL and options[key] is None):
            raise LikelihoodError(f"data.{key} is {options[key]!r}; the choices are {', '.join(choices)}")
    for key in ("test_fraction", "validation_fraction"):
        if not _is_fraction(options[key]):
            raise LikelihoodError(f"data.{key} is {options[key]!r}; it must be at least 0 and below 1")
    for key, minimum in MINIMA.items():
        if not _is_whole(options[key], minimum) and not (key in OPTIONAL and options[key] is None):
            raise LikelihoodError(f"data.{key} is {options[key]!r}; it must be a whole number of at least {minimum}")
    _check_names(options)
    folds, fold = options["folds"], options["fold"]
    if fold is not None and (folds is None or fold >= folds):
        limit = "data.folds=K" if folds is None else f"a fold below data.folds={folds}"
        raise LikelihoodError(f"data.fold is {fold}, which counts from 0: it needs {limit}")


def _check_names(options: Mapping[str, Any]) -> None:
    for key in COLUMN:
        if not isinstance(options[key], str | int | None):
            raise LikelihoodError(f"data.{key} is {options[key]!r}; it must be the name of a column")
    for key in COLUMNS:
        if not isinstance(options[key], str | float | int | None) and not _is_list(options[key]):
            raise LikelihoodError(
                f"data.{key} is {options[key]!r}; it must be the name of a column, or a list of names"
            )
    if not isinstance(options[LEVELS], str | None) and not _is_list(options[LEVELS]):
        raise LikelihoodError(f"data.{LEVELS} is {options[LEVELS]!r}; it must be a list")


def _is_list(value: object) -> bool:
    """Whether a value is a list of names or numbers."""
    is_list = isinstance(value, Iterable) and not isinstance(value, Mapping)
    return is_list and not any(item is None or isinstance(item, Mapping | list | tuple) for item in value)  # type: ignore[attr-defined]


def _is_fraction(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value < 1.0


def _is_whole(value: object, minimum: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= minimum
