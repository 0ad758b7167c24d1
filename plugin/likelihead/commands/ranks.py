"""Which process of a run on several devices this is, from what its launcher has set."""

from __future__ import annotations

import os


def is_copy() -> bool:
    """Whether this is a further process of a run on several devices: the first one does the writing."""
    return any(os.environ.get(rank, "0") != "0" for rank in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))


def is_launched_outside() -> bool:
    """Whether torchrun, srun or the like has started several processes of this command."""
    counts = (os.environ.get(count, "1") for count in ("WORLD_SIZE", "SLURM_NTASKS"))
    return any(count.isdigit() and int(count) > 1 for count in counts)
