"""Checks of a checkpoint that may come from anywhere, before anything is built from it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from likelihead import architectures
from likelihead.errors import LikelihoodError

#: Whole numbers up to this are sizes that every file may claim; larger ones need as many weights.
SMALL = 10_000


def check_archive(file: Path) -> None:
    """Raise a LikelihoodError where the file would become larger when it is read."""
    try:
        if not zipfile.is_zipfile(file):
            return
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile as error:
        raise LikelihoodError(f"{str(file)!r} cannot be read as data: it is damaged") from error
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise LikelihoodError(f"{str(file)!r} is compressed, which no checkpoint of likelihead is")
    if sum(entry.file_size for entry in entries) > file.stat().st_size:
        raise LikelihoodError(f"{str(file)!r} claims more bytes than it has")


def check_contents(contents: Any, where: str) -> None:
    """Raise a LikelihoodError for what no checkpoint holds, and for tensors with more elements than are stored."""
    if not isinstance(contents, dict) or "likelihead" not in contents or "state_dict" not in contents:
        raise LikelihoodError(f"{where!r} is not a checkpoint of likelihead: name one that it wrote")
    state = contents["state_dict"]
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise LikelihoodError(f"{where!r} holds no weights: it is damaged, or was changed")
    for value in _values(contents):
        if not isinstance(value, Tensor):
            continue
        if value.layout != torch.strided or value.is_quantized or value.device.type != "cpu":
            raise LikelihoodError(f"{where!r} holds a tensor that is no plain array: take another file")
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise LikelihoodError(
                f"{where!r} holds a tensor of shape {tuple(value.shape)}, of which it stores a part only"
            )


def _values(value: Any) -> Iterator[Any]:
    yield value
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple | set) else ()
    for item in items:
        yield from _values(item)


def check_sizes(description: Any, state: Mapping[str, Any], where: str) -> None:
    """Raise a LikelihoodError where a description claims sizes that the weights do not have."""
    if not isinstance(description, Mapping) or not isinstance(description.get("head"), Mapping):
        raise LikelihoodError(f"{where!r} does not describe its network and head: it is damaged, or was changed")
    most = max(SMALL, sum(value.numel() for value in state.values() if isinstance(value, Tensor)))
    for value in _values([description.get("architecture"), description["head"]]):
        if isinstance(value, int) and abs(value) > most:
            raise LikelihoodError(f"{where!r} describes a network of size {value}, which its weights do not have")


def build_described(spec: Mapping[str, Any], state: Mapping[str, Any], where: str) -> nn.Module:
    """The shipped network that a description names; it is first built without memory, and compared with the weights.

    Raises:
        LikelihoodError: an unknown network or option, or weights of another shape.
    """
    with torch.device("meta"):
        empty = architectures.build(spec["name"], spec["in_features"], **spec["options"])
    stored = {
        name.removeprefix("architecture."): value for name, value in state.items() if name.startswith("architecture.")
    }
    for name, value in empty.state_dict().items():
        # The weights of an ensemble have the members as their first dimension.
        shape = tuple(stored[name].shape) if isinstance(stored.get(name), Tensor) else None
        if shape is None or tuple(value.shape) not in (shape, shape[1:]):
            raise LikelihoodError(f"{where!r} describes a network that its weights do not fit ({name})")
    return architectures.build(spec["name"], spec["in_features"], **spec["options"])
