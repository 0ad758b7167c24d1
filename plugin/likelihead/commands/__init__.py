"""The commands: likelihead train, evaluate, predict, compare. Nothing else knows Hydra."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from likelihead.commands.command_line import COMMANDS, USAGE


def main() -> None:
    """The console script: `likelihead <command> name=value …`."""
    word = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if word in COMMANDS:
        import_module(f"likelihead.commands.{word}").main()
    elif word in ("-sc", "--shell-completion"):
        _complete()
    elif word in ("--help", "-h", "help"):
        print(USAGE)
    elif word == "--version":
        from importlib.metadata import version

        print(version("likelihead"))
    else:
        from likelihead.commands.user_errors import fail
        from likelihead.errors import suggest

        fail(f"there is no command {word!r}: {suggest(word, COMMANDS)}")


def _complete() -> None:
    """Tab completion, after `eval "$(likelihead -sc install=bash)"`: first the command, then Hydra's choices."""
    program, *typed = os.environ.get("COMP_LINE", "likelihead train").split(" ")
    if typed and typed[0] in COMMANDS and (len(typed) > 1 or "COMP_LINE" not in os.environ):
        os.environ["COMP_LINE"] = " ".join([program, *typed[1:]])
        import_module(f"likelihead.commands.{typed[0]}").main()
    else:
        print(" ".join(name for name in COMMANDS if name.startswith(typed[0] if typed else "")))
