"""The program that is exported: from the cells of a table, or x, to the parameters of the distribution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from likelihead.data.tables.encoder import TableEncoder
from likelihead.errors import LikelihoodError
from likelihead.export.preprocessing import Preprocessing
from likelihead.heads.distribution_head import DistributionHead
from likelihead.training.ensemble import Ensemble
from likelihead.training.module import LikelihoodModule


class ParameterProgram(nn.Module):
    """Maps cells (N, C) of a table to the parameters of each row; x takes their place where there is no table.

    Args:
        module: a trained module with a DistributionHead.
        encoder: how the table was encoded; None if x is the input.

    Raises:
        LikelihoodError: the head is not a DistributionHead.
    """

    def __init__(self, module: LikelihoodModule, encoder: TableEncoder | None) -> None:
        super().__init__()
        if not isinstance(module.head, DistributionHead):
            raise LikelihoodError(f"export takes a module with a DistributionHead, not {type(module.head).__name__}")
        self.preprocessing = nn.Identity() if encoder is None else Preprocessing(encoder)
        self.is_ensemble = isinstance(module, Ensemble)
        members = [module.member(k) for k in range(module.members)] if isinstance(module, Ensemble) else [module]
        self.architectures = nn.ModuleList([member.architecture for member in members])
        self.heads = nn.ModuleList([member.head for member in members])

    def forward(self, x: Tensor, exposure: Tensor | None = None) -> tuple[Tensor, ...]:
        """The parameters (N, *shape), of an ensemble (N, members, *shape), in the order of the card."""
        x = self.preprocessing(x)
        pairs = zip(self.architectures, self.heads, strict=True)
        each = [tuple(head.values(network(x), exposure).values()) for network, head in pairs]  # type: ignore[operator]
        return tuple(torch.stack(values, 1) for values in zip(*each, strict=True)) if self.is_ensemble else each[0]


def example_inputs(module: LikelihoodModule, encoder: TableEncoder | None, x: Tensor | None) -> dict[str, Tensor]:
    """Inputs of a few rows by name, from which the program is traced.

    Raises:
        LikelihoodError: a network of the user's own without a table or an example `x`.
    """
    if encoder is not None:
        inputs = {"x": torch.zeros(3, len(encoder.columns), dtype=torch.float64)}
        return inputs if encoder.exposure is None else {**inputs, "exposure": torch.ones(3)}
    spec: Any = getattr(module.architecture, "spec", None)
    if x is None and spec is None:
        raise LikelihoodError("a network of your own without a table needs an example of its inputs: export(…, x=x)")
    return {"x": torch.zeros(3, spec["in_features"]) if x is None else _three_rows(x)}


def _three_rows(x: Tensor) -> Tensor:
    """Three rows like those of x: with fewer, torch would take the number of rows for a constant."""
    return x[:1].expand(3, *x.shape[1:]).contiguous()


def traced(program: ParameterProgram, inputs: dict[str, Tensor]) -> torch.export.ExportedProgram:
    """The program as a graph for any number of rows.

    Raises:
        LikelihoodError: torch.export cannot trace the network.
    """
    rows = {name: {0: torch.export.Dim("rows", min=1)} for name in inputs}
    try:
        return torch.export.export(program, (), dict(inputs), dynamic_shapes=rows, strict=False)
    except Exception as error:  # torch documents no common class of what it raises here
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise LikelihoodError(f"torch.export cannot trace this network: {reason}") from error
