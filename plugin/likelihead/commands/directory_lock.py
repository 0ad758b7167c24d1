"""One run per directory: a lock that ends with its process, however that ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from likelihead.errors import LikelihoodError

LOCK = ".lock"
#: How often the directory is made again where a refused run removes it at the same moment.
ATTEMPTS = 20
#: The bytes that must be free for a run to start.
SPACE = 2**20


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Make the directory and keep all other runs out of it during the block.

    The operating system holds the lock, so that it is free again when the process is killed.

    Raises:
        LikelihoodError: another run holds the directory, or nothing can be written there.
    """
    lock = _acquire(directory)
    try:
        yield
    finally:
        # Removed while still held, so that nobody can acquire the removed file. Windows removes it on release.
        with suppress(OSError):
            (directory / LOCK).unlink()
        lock.release()


def _acquire(directory: Path) -> FileLock:
    for _ in range(ATTEMPTS):
        lock = FileLock(directory / LOCK)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
            _check_space(directory)
            return lock
        except FileNotFoundError:
            continue
        except Timeout as error:
            raise LikelihoodError(
                f"another run is writing to {str(directory)!r}: wait until it has ended, or choose another directory"
            ) from error
        except OSError as error:
            lock.release()
            raise LikelihoodError(f"a run cannot write to {str(directory)!r}: {error.strerror or error}") from error
    if not directory.parent.is_dir():
        raise LikelihoodError(f"a run cannot write to {str(directory)!r}: the directory cannot be made")
    raise LikelihoodError(f"{str(directory)!r} is removed as soon as it is made: choose another directory")


def _check_space(directory: Path) -> None:
    """Write some bytes and remove them again: a disk that is full, or read-only, is found before training."""
    probe = directory / f"{LOCK}.space"
    try:
        with probe.open("wb") as file:
            file.write(bytes(SPACE))
    finally:
        probe.unlink(missing_ok=True)
