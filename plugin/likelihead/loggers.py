"""Loggers that say less for a while."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def only_errors(*names: str) -> Iterator[None]:
    """Let the loggers of these names log only errors within the block.

    >>> with only_errors("likelihead.data"):
    ...     logging.getLogger("likelihead.data").warning("this is not said")
    """
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
