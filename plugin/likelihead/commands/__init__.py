"""The commands: likelihead train, evaluate, predict, compare. The only place that knows Hydra."""

from __future__ import annotations

import sys
from importlib import import_module

from likelihead.commands.words import COMMANDS, USAGE


def main() -> None:
    """The console script: `likelihead <command> name=value …`."""
    word = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if word in COMMANDS:
        import_module(f"likelihead.commands.{word}").main()
    elif word in ("--help", "-h", "help"):
        print(USAGE)
    elif word == "--version":
        from importlib.metadata import version

        print(version("likelihead"))
    else:
        from likelihead.commands.overrides import suggest
        from likelihead.commands.telling import fail

        fail(f"there is no command {word!r}: {suggest(word, COMMANDS)}")
