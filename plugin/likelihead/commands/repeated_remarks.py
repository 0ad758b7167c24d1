"""Remarks about a table that is read in parts: each kind is printed once, and not for every part."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager


class _FirstOfEach(logging.Filter):
    """Lets the first of the records pass that differ in numbers of rows and in examples only."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[str, str]] = set()
        self.repeated = 0

    def filter(self, record: logging.LogRecord) -> bool:
        kind = (str(record.msg), re.sub(r"\d+ of \d+.*", "", record.getMessage()))
        is_new = kind not in self.seen
        self.seen.add(kind)
        self.repeated += not is_new
        return is_new


@contextmanager
def without_repetitions(name: str) -> Iterator[None]:
    """Print remarks of the same kind once, and at the end that there were more.

    Args:
        name: the logger of the remarks.
    """
    logger, first = logging.getLogger(name), _FirstOfEach()
    logger.addFilter(first)
    try:
        yield
    finally:
        logger.removeFilter(first)
        if first.repeated:
            logger.info("the same was found in later rows of the table, %d times", first.repeated)
