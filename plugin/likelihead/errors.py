"""The errors of likelihead; a message is one sentence that says what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pickle import UnpicklingError
from zipfile import BadZipFile

#: What reading a file raises that was changed or cut off.
DAMAGED = (
    UnpicklingError,
    BadZipFile,
    RuntimeError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    OSError,
    OverflowError,
)


class LikelihoodError(ValueError):
    """An error that the user can correct; commands print its message and exit with status 1, without a traceback."""


class TargetError(LikelihoodError):
    """Targets that the family cannot take: missing, outside the support, or of the wrong shape."""


def suggest(name: str, choices: Iterable[str]) -> str:
    """The closest valid name and a list of the valid ones, for the end of an error message.

    >>> suggest("poison", ["poisson", "normal"])
    "did you mean 'poisson'? valid are normal, poisson"
    """
    choices = sorted(choices)
    close = difflib.get_close_matches(name, choices, n=1)
    listed = ", ".join(choices[:60]) + (", …" if len(choices) > 60 else "")
    return (f"did you mean {close[0]!r}? " if close else "") + f"valid are {listed}"


def printable(text: str) -> str:
    r"""A text without characters that control a terminal, which may come from a file; lines and tabs stay.

    >>> printable("a" + chr(27) + "[2Jb")
    'a\\x1b[2Jb'
    """
    return "".join(
        sign if sign.isprintable() or sign in "\n\t" else sign.encode("unicode_escape").decode() for sign in text
    )


def one_line(text: object, most: int | None = None) -> str:
    """A text, or what an error says, on one line of at most `most` characters.

    >>> one_line(ValueError("size mismatch:\\n    got 3"))
    'size mismatch: got 3'
    """
    return " ".join(str(text).split())[:most]


class Interrupted(KeyboardInterrupt):
    """A signal stopped training or a command, whose state is saved.

    Attributes:
        number: the number of the signal: SIGINT for Ctrl-C, or SIGTERM.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
