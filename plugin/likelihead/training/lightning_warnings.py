"""Lightning's hints about loaders and directories, which are of no use to the user of a command or of `fit`."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

LOGGERS = ("pytorch_lightning", "lightning_fabric", "lightning", "pytorch_lightning.utilities.rank_zero")
HINTS = (
    r".*does not have many workers.*",
    r".*is smaller than the logging interval.*",
    r".*GPU available but not used.*",
    r".*Checkpoint directory .* exists and is not empty.*",
    r".*No .*_dataloader.* was passed.*",
    r".*Total length of `list` across ranks is zero.*",
    r".*defined a `validation_step` but.*",
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",
    r".*is not a subclass of `DataLoader`.*",
    r".*when logging on epoch level in distributed setting.*",
    r".*callbacks used to create the checkpoint need to be provided.*",
)


@contextmanager
def without_hints() -> Iterator[None]:
    """Let Lightning log only errors, and ignore its hints about loaders and directories."""
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        for hint in HINTS:
            warnings.filterwarnings("ignore", message=hint)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
