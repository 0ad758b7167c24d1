"""Atomic writes: a file is written completely or not at all."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from likelihead.errors import LikelihoodError

#: A scheme and a slash; one letter is a drive of Windows.
URL = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


def refuse_url(path: str | Path, name: str) -> None:
    """Raise a LikelihoodError for an address instead of a file: nothing is downloaded, or written elsewhere.

    Args:
        path: what the user gave.
        name: what it is, for the message.

    >>> refuse_url("runs/1", "checkpoint")
    >>> refuse_url("https://example.org/best.ckpt", "checkpoint")
    Traceback (most recent call last):
        ...
    likelihead.errors.LikelihoodError: checkpoint=https://example.org/best.ckpt is an address: give the path of a file
    """
    if URL.match(str(path)):
        raise LikelihoodError(f"{name}={path} is an address: give the path of a file")


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file by `write(temporary)` in the same directory, then move it to `path` in one step.

    Raises:
        LikelihoodError: the file cannot be written, as where the disk is full; the one that was there is kept.
    """
    try:
        _write_whole(path, write)
    except OSError as error:
        raise LikelihoodError(f"{str(path)!r} cannot be written: {error.strerror or error}") from error


def _write_whole(path: Path, write: Callable[[Path], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    try:
        write(Path(name))
        with open(name, "rb") as file:
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
        _sync_directory(path.parent)
    finally:
        Path(name).unlink(missing_ok=True)


def remove_unfinished(path: Path) -> None:
    """Remove what a killed `write_whole` of this path left behind; nobody else may be writing it."""
    for leftover in path.parent.glob(f".{path.name}.*"):
        leftover.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    """Make the move survive a power failure, where the system can sync a directory."""
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write a text file completely or not at all."""
    write_whole(path, lambda temporary: _write_utf8(temporary, text))


def _write_utf8(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file completely or not at all; numbers that are not finite become null."""
    write_text(path, json.dumps(_plain(values), indent=2, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not (float("-inf") < value < float("inf")):
        return None
    return value
