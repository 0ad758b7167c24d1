"""Checkpoints as data: what a module needs to be built again, in plain values, loaded with weights_only=True."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from likelihead import architectures
from likelihead.errors import LikelihoodError
from likelihead.families.family import Family
from likelihead.heads.distribution_head import DistributionHead
from likelihead.training.module import LikelihoodModule

FORMAT = 1


def describe(module: LikelihoodModule) -> dict[str, Any]:
    """What `load` needs beside the weights, as plain values."""
    head = module.head
    return {
        "format": FORMAT,
        "architecture": getattr(module.architecture, "spec", None),
        "head": {
            "distribution": head.family.spec,
            "in_features": head.in_features,
            "event_size": head.family.event_size,
            "output_shape": list(head.family.output_shape),
        },
        "extra": module.extra,
    }


def load(path: str | Path, architecture: nn.Module | None = None, families: Iterable[type] = ()) -> LikelihoodModule:
    """The module in a checkpoint file, on the CPU, ready to predict.

    The file is read as data: no code in it runs, and it names classes through a closed list.

    Args:
        path: the file, such as RUN/checkpoints/best.ckpt.
        architecture: the network, where it is one of your own; its weights come from the file.
        families: distribution classes of your own that the file may name.

    Raises:
        LikelihoodError: the file is missing, damaged, or no checkpoint of likelihead; or it needs a class of yours.
    """
    return restore(read(path), str(path), architecture, families)


def read(path: str | Path) -> dict[str, Any]:
    """The contents of a checkpoint file: tensors and plain values.

    Raises:
        LikelihoodError: the file is missing, damaged, or no checkpoint of likelihead.
    """
    if not Path(path).is_file():
        raise LikelihoodError(f"there is no checkpoint {str(path)!r}; name a file such as RUN/checkpoints/best.ckpt")
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as error:
        raise LikelihoodError(
            f"{str(path)!r} cannot be read as data: it is damaged, or holds more than tensors and plain values"
        ) from error
    if not isinstance(contents, dict) or "likelihead" not in contents or "state_dict" not in contents:
        raise LikelihoodError(f"{str(path)!r} is no checkpoint of likelihead")
    return contents


def restore(
    contents: dict[str, Any], where: str, architecture: nn.Module | None = None, families: Iterable[type] = ()
) -> LikelihoodModule:
    """The module that the contents of a checkpoint describe."""
    described, state = contents["likelihead"], contents["state_dict"]
    if described.get("format") != FORMAT:
        raise LikelihoodError(f"{where!r} has format {described.get('format')}; this version reads format {FORMAT}")
    if architecture is None:
        spec = described["architecture"]
        if spec is None:
            raise LikelihoodError(f"{where!r} was trained with a network of your own: load(path, architecture=network)")
        architecture = architectures.build(spec["name"], spec["in_features"], **spec["options"])
    told = described["head"]
    family = Family.of(told["distribution"], told["event_size"], told["output_shape"], own=families, trusted=False)
    module = LikelihoodModule(architecture, DistributionHead(family, told["in_features"]))
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise LikelihoodError(f"the weights in {where!r} do not fit the network: {error}") from error
    module.extra = described["extra"]
    return module.eval()
