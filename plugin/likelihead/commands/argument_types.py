"""The types of the arguments that a config gives to classes of Lightning and torch, which fail late on other types."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from likelihead.errors import LikelihoodError

#: What a value of a type is called in messages.
NAMES: dict[Any, str] = {int: "a number", float: "a number", bool: "true or false", str: "text"}


def check_types(where: str, settings: Mapping[str, Any], function: Callable[..., Any]) -> None:
    """Raise a LikelihoodError for a value of another type than its argument is declared with, or its default has.

    Args:
        where: the key of the settings in the config.
        settings: values by the names of arguments; others are left to the function to refuse.
        function: the class or function that they are given to.

    >>> def schedule(epochs: int, name: str | None = None, factor=0.5): ...
    >>> check_types("scheduler", {"epochs": 3, "name": None, "factor": 1}, schedule)
    >>> check_types("scheduler", {"epochs": "three"}, schedule)
    Traceback (most recent call last):
        ...
    likelihead.errors.LikelihoodError: scheduler.epochs is 'three'; it must be a number
    """
    arguments = _arguments(function)
    for name, value in settings.items():
        types = _types(arguments[name]) if name in arguments else ()
        if value is not None and types and not isinstance(value, types):
            names = dict.fromkeys(NAMES[kind] for kind in types if kind in NAMES)
            raise LikelihoodError(f"{where}.{name} is {value!r}; it must be {' or '.join(names)}")


def _arguments(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function, eval_str=True).parameters
    except NameError:
        # A class of the user's own may import what it is annotated with for type checkers only.
        return inspect.signature(function).parameters


def _types(argument: inspect.Parameter) -> tuple[type, ...]:
    """The types of values that an argument takes; none where they are unknown, or not only numbers and text."""
    declared: Any = argument.annotation
    if declared is inspect.Parameter.empty:
        declared = type(argument.default)
    kinds = get_args(declared) if get_origin(declared) in (Union, UnionType) else (declared,)
    if not any(kind in NAMES for kind in kinds) or not all(
        isinstance(kind, type) and kind not in (list, dict) for kind in kinds
    ):
        return ()
    # 1e3 is a float, and 1 is a number as good as 1.0.
    return (*kinds, int, float) if int in kinds or float in kinds else kinds
