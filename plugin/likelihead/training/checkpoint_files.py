"""Checkpoint files that are written completely or not at all, and that notice when they were changed."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from torch import Tensor

from likelihead.errors import LikelihoodError, one_line
from likelihead.files import remove_unfinished, write_whole

#: Under this key of what a checkpoint says about the module stands the checksum of its weights.
CHECKSUM = "checksum"
#: The libraries whose versions a checkpoint names.
LIBRARIES = ("likelihead", "torch", "pytorch-lightning", "pyro-ppl", "numpy")


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place and moves it there in one step, on any file system.

    Lightning's own goes through the system's temporary folder, and a run that is killed while a file is moved from
    there to another file system loses the old checkpoint and the new one.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write `checkpoint` to `path`, with a checksum of its weights.

        Raises:
            LikelihoodError: the file cannot be written; the checkpoint that was there is still whole.
        """
        place = Path(path)
        description = checkpoint.get("likelihead")
        if isinstance(description, dict):
            description[CHECKSUM] = checksum(checkpoint["state_dict"])
            description["versions"] = versions()
        try:
            remove_unfinished(place)
            write_whole(place, lambda temporary: torch.save(checkpoint, temporary))
        except (LikelihoodError, OSError, RuntimeError) as error:
            cause = error.__cause__ or error
            reason = one_line(getattr(cause, "strerror", None) or cause, 200)
            raise LikelihoodError(
                f"the checkpoint {str(place)!r} cannot be written: {reason}; the one before it is kept"
            ) from error


@cache
def versions() -> dict[str, str]:
    """The versions of the libraries that write a checkpoint.

    >>> sorted(versions())
    ['likelihead', 'numpy', 'pyro-ppl', 'python', 'pytorch-lightning', 'torch']
    """
    return {"python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"


def checksum(state: Mapping[str, Any]) -> str:
    """A hash of all weights, with their names, shapes and dtypes.

    >>> checksum({"weight": torch.zeros(2)}) == checksum({"weight": torch.zeros(2)})
    True
    >>> checksum({"weight": torch.zeros(2)}) == checksum({"weight": torch.tensor([0.0, 1e-30])})
    False
    """
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        if isinstance(value, Tensor):
            whole = value.detach().cpu().contiguous()
            digest.update(f"{name} {whole.dtype} {tuple(whole.shape)}".encode())
            digest.update(whole.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def check_checksum(contents: Mapping[str, Any], where: str) -> None:
    """Raise a LikelihoodError where the weights are not those that were written, or are not finite."""
    description = contents["likelihead"]
    stored = description.get(CHECKSUM) if isinstance(description, dict) else None
    if stored is not None and stored != checksum(contents["state_dict"]):
        raise LikelihoodError(f"{where!r} is damaged: its weights are not those that were written; take another one")
    for name, value in contents["state_dict"].items():
        if isinstance(value, Tensor) and value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise LikelihoodError(f"{where!r} holds weights that are not finite ({name}): take another checkpoint")
