"""Errors that the user can correct end in one sentence and exit status 1; all others keep their traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from likelihead.errors import LikelihoodError


class Refusal(SystemExit):
    """The exit of a command that was refused because of an error the user can correct."""


def report(sentence: str) -> None:
    """Print the sentence on standard error."""
    sys.stdout.flush()
    print(f"error: {sentence}", file=sys.stderr)


def fail(sentence: str) -> NoReturn:
    """Print the sentence on standard error and exit with status 1."""
    report(sentence)
    raise Refusal(1)


def sentence_of(error: Exception) -> str | None:
    """The sentence to print for an error that the user can correct; None for any other error.

    >>> sentence_of(LikelihoodError("there is no file 'x.csv'"))
    "there is no file 'x.csv'"
    >>> sentence_of(ZeroDivisionError())
    """
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} is missing: add {error.full_key}=…"
    # Lightning's own class is matched by name, because importing it takes seconds.
    if isinstance(error, OmegaConfBaseException) or type(error).__name__ == "MisconfigurationException":
        return " ".join(str(error).split())
    return str(error) if isinstance(error, LikelihoodError) else None


class Interruption(SystemExit):
    """The exit of a command that Ctrl-C stopped."""


@contextmanager
def reports_interruption(advice: Callable[[], str]) -> Iterator[None]:
    """Exit with one sentence and status 130 where Ctrl-C stops the block; `advice` says what can be done then."""
    try:
        yield
    except Interruption:
        raise
    except (KeyboardInterrupt, SystemExit) as end:
        # Lightning turns the interruption of a training into an exit.
        if not isinstance(end, KeyboardInterrupt) and not isinstance(end.__context__, KeyboardInterrupt):
            raise
        sys.stdout.flush()
        print(f"interrupted: {advice()}", file=sys.stderr)
        raise Interruption(130) from None


@contextmanager
def reports_errors() -> Iterator[None]:
    """Exit with one sentence where the block raises an error that the user can correct."""
    try:
        yield
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        fail(sentence)
