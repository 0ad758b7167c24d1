"""The conversion of a traced program to an ONNX graph."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from likelihead.loggers import only_errors


def onnx_graph(program: ExportedProgram, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """The ONNX graph of a program, with a method `save`.

    Args:
        program: the traced program.
        inputs, outputs: the names of its inputs and outputs, in order.
    """
    # The converter speaks of packages and operators that this program does not use.
    with only_errors("torch.onnx", "onnxscript", "onnx_ir"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = program.run_decompositions({torch.ops.aten.searchsorted.Tensor: _searchsorted})
        return torch.onnx.export(plain, dynamo=True, input_names=inputs, output_names=outputs, verbose=False)


def _searchsorted(edges: Tensor, x: Tensor, **options: Any) -> Tensor:
    """torch.searchsorted(edges, x, right=True) by comparisons, as ONNX has no such operator."""
    return (x.unsqueeze(-1) >= edges.unsqueeze(-2)).sum(-1)
