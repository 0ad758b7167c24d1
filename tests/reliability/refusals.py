"""A command that is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Command = Callable[..., None]


def refused(command: Command, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command says that ends in one sentence and status 1."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        command(*words)
    assert end.value.code == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ") and "\n" not in error
    return error
