"""Networks of items and of graphs as programs for torch.export: absent items and nodes are part of the program."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from likelihead import LikelihoodModule
from likelihead.export import export

GENERATOR = torch.Generator().manual_seed(0)
ITEMS = torch.randn(20, 5, 3, generator=GENERATOR)
ITEMS[::2, 4] = torch.nan
EDGES = torch.randint(0, 2, (20, 4, 4), generator=GENERATOR).float()
GRAPHS = torch.cat([torch.randn(20, 4, 2, generator=GENERATOR), EDGES], -1)
GRAPHS[::2, 3] = torch.nan
ORDERS = torch.arange(5).expand(20, 5).clone()
ORDERS[::2, 4] = -1


@pytest.mark.parametrize(
    ("name", "family", "x", "y", "parameter"),
    [
        ("set", "plackett_luce_partial", ITEMS, ORDERS, "logits"),
        ("graph", "poisson", GRAPHS, torch.arange(20.0), "rate"),
    ],
    ids=["set", "graph"],
)
def test_a_program_gives_the_parameters(
    name: str, family: str, x: Tensor, y: Tensor, parameter: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    module = LikelihoodModule.for_data((x, y), family, name, width=8).eval()
    export(module, tmp_path / "model.pt2", x=x[:3])
    (found,) = torch.export.load(tmp_path / "model.pt2").module()(x=x)
    torch.testing.assert_close(found, getattr(module(x), parameter), rtol=1e-5, atol=1e-5)
