"""The conversion of a traced program to an ONNX graph."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram


def onnx_graph(program: ExportedProgram, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """The ONNX graph of a program, with a method `save`.

    Args:
        program: the traced program.
        inputs, outputs: the names of its inputs and outputs, in order.
    """
    with _without_notes():
        plain = program.run_decompositions({torch.ops.aten.searchsorted.Tensor: _searchsorted})
        return torch.onnx.export(plain, dynamo=True, input_names=inputs, output_names=outputs, verbose=False)


def _searchsorted(edges: Tensor, x: Tensor, **options: Any) -> Tensor:
    """torch.searchsorted(edges, x, right=True) by comparisons, as ONNX has no such operator."""
    return (x.unsqueeze(-1) >= edges.unsqueeze(-2)).sum(-1)


@contextmanager
def _without_notes(loggers: Sequence[str] = ("torch.onnx", "onnxscript", "onnx_ir")) -> Iterator[None]:
    """Leave out what the converter says about packages and operators that this program does not use."""
    levels = {name: logging.getLogger(name).level for name in loggers}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in loggers:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
