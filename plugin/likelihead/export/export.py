"""Writing an exported model in one of three formats, with its card beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from likelihead.data.tables.encoder import TableEncoder
from likelihead.errors import LikelihoodError, suggest
from likelihead.export.card import card
from likelihead.export.onnx_graph import onnx_graph
from likelihead.export.program import ParameterProgram, example_inputs, traced
from likelihead.files import write_json, write_whole
from likelihead.training.checkpoint import DESCRIPTION
from likelihead.training.module import LikelihoodModule

#: The formats, and how the names of their files end.
ENDINGS = {"onnx": ".onnx", "torch": ".pt2", "safetensors": ".safetensors"}


def export(
    module: LikelihoodModule, path: str | Path, format: str | None = None, x: Tensor | None = None
) -> dict[str, Any]:
    """Write a trained module to a file that other programs can read, and its card to a JSON file beside it.

    - `onnx`: an ONNX graph from the cells of a table (N, C), float64, to the parameters of each row's distribution.
      Standardising and encoding are part of it; only the codes of text are looked up in the card.
    - `torch`: the same graph for `torch.export.load`, which needs torch but not this package.
    - `safetensors`: the weights, with a description in the metadata from which `likelihead.load` rebuilds the module.

    Args:
        module: a trained module with a DistributionHead.
        path: the file, which ends in .onnx, .pt2 or .safetensors.
        format: onnx, torch or safetensors; None for the one that belongs to the ending.
        x: an example of the inputs (N, …), for a network of your own without a table.

    Returns:
        The card: see `likelihead.export.card.card`.

    Raises:
        LikelihoodError: an ending that does not belong to the format, a network that cannot be traced, or a package
            that is not installed.
    """
    path = Path(path)
    write = _WRITERS[_format_of(path, format)]
    state = module.extra.get("table")
    encoder = None if state is None else TableEncoder.from_state(state)
    whole = deepcopy(module).cpu().float().eval()
    described = card(whole, encoder)
    write(path, whole, encoder, x)
    write_json(path.with_suffix(".json"), described)
    return described


def _format_of(path: Path, format: str | None) -> str:
    if format is None:
        format = next((name for name, ending in ENDINGS.items() if path.name.endswith(ending)), None)
        if format is None:
            raise LikelihoodError(f"output={path}: the name must end in one of {', '.join(ENDINGS.values())}")
    if format not in ENDINGS:
        raise LikelihoodError(f"there is no format {format!r}: {suggest(format, ENDINGS)}")
    if not path.name.endswith(ENDINGS[format]):
        raise LikelihoodError(f"output={path}: the name of a file in the format {format} must end in {ENDINGS[format]}")
    return format


def _trace(
    module: LikelihoodModule, encoder: TableEncoder | None, x: Tensor | None
) -> tuple[ExportedProgram, list[str]]:
    inputs = example_inputs(module, encoder, x)
    return traced(ParameterProgram(module, encoder).eval(), inputs), list(inputs)


def _write_torch(path: Path, module: LikelihoodModule, encoder: TableEncoder | None, x: Tensor | None) -> None:
    program, _ = _trace(module, encoder, x)
    write_whole(path, lambda temporary: torch.export.save(program, temporary))


def _write_onnx(path: Path, module: LikelihoodModule, encoder: TableEncoder | None, x: Tensor | None) -> None:
    _require("onnxscript", "onnx")
    program, names = _trace(module, encoder, x)
    graph = onnx_graph(program, names, list(module.head.family.roles))
    write_whole(path, lambda temporary: graph.save(temporary, external_data=False))


def _write_safetensors(path: Path, module: LikelihoodModule, encoder: TableEncoder | None, x: Tensor | None) -> None:
    _require("safetensors", "safetensors")
    from safetensors.torch import save_file

    weights = {name: value.contiguous() for name, value in module.state_dict().items()}
    description = {DESCRIPTION: json.dumps(module.describe())}
    write_whole(path, lambda temporary: save_file(weights, temporary, description))


_WRITERS: dict[str, Callable[..., None]] = {
    "onnx": _write_onnx,
    "torch": _write_torch,
    "safetensors": _write_safetensors,
}


def _require(package: str, format: str) -> None:
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise LikelihoodError(f"format={format} needs the package {package}: pip install 'likelihead[export]'")
