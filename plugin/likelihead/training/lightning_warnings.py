"""Lightning's hints about loaders and directories, which are of no use to the user of a command or of `fit`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from likelihead.loggers import only_errors

#: Each of these sets a level of its own. The package `lightning`, where it was imported too, takes over what Lightning
#: says of devices and processes, also for trainers of pytorch_lightning.
LOGGERS = (
    *("pytorch_lightning", "pytorch_lightning.utilities.rank_zero", "lightning_fabric"),
    *("lightning", "lightning.pytorch", "lightning.pytorch.utilities.rank_zero", "lightning.fabric"),
)
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
    with only_errors(*LOGGERS), warnings.catch_warnings():
        for hint in HINTS:
            warnings.filterwarnings("ignore", message=hint)
        yield
