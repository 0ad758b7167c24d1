"""Errors that the user can correct end in one sentence and exit status 1; all others keep their traceback."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from likelihead.commands.ranks import is_copy
from likelihead.errors import Interrupted, LikelihoodError, one_line, printable


class Refusal(SystemExit):
    """The exit of a command that was refused because of an error the user can correct."""


def report(sentence: str) -> None:
    """Print the sentence on standard error."""
    sys.stdout.flush()
    print(f"error: {printable(sentence)}", file=sys.stderr)


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
        return one_line(error)
    return str(error) if isinstance(error, LikelihoodError) else None


class Interruption(SystemExit):
    """The exit of a command that a signal stopped: 128 and the number of the signal, as a shell reports it."""


@contextmanager
def reports_interruption(advice: Callable[[], str]) -> Iterator[None]:
    """Exit with one sentence, and status 130 or 143, where Ctrl-C or SIGTERM stops the block.

    Args:
        advice: says what can be done then.
    """
    try:
        yield
    except Interruption:
        raise
    except (KeyboardInterrupt, SystemExit) as end:
        # Lightning turns a KeyboardInterrupt in the middle of a step into an exit.
        cause = end if isinstance(end, KeyboardInterrupt) else end.__context__
        if not isinstance(cause, KeyboardInterrupt):
            raise
        number = cause.number if isinstance(cause, Interrupted) else signal.SIGINT
        sys.stdout.flush()
        if not is_copy():
            print(f"{'interrupted' if number == signal.SIGINT else 'terminated'}: {advice()}", file=sys.stderr)
        raise Interruption(128 + number) from None


@contextmanager
def terminates_as_interrupted() -> Iterator[None]:
    """Raise `Interrupted` in the block on SIGTERM, as Python raises KeyboardInterrupt on Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def reports_errors() -> Iterator[None]:
    """Exit with one sentence where the block raises an error that the user can correct.

    Where the reader of its output has gone, as `head` does once it has its lines, it ends without one.
    """
    try:
        yield
    except BrokenPipeError:
        # Python writes what is left once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Refusal(128 + signal.SIGPIPE) from None
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        fail(sentence)
