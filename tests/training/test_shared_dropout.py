"""Every layer of torch that drops units drops the same ones on two processes as on one."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from likelihead.data import BatchLoader, Examples
from likelihead.training.callbacks.shared_dropout import DROPOUT, SharedDropout

ROWS, SIZE = 22, 8
INPUTS = {
    nn.Dropout: (5,),
    nn.Dropout1d: (5, 3),
    nn.Dropout2d: (5, 3, 3),
    nn.Dropout3d: (5, 2, 2, 2),
    nn.AlphaDropout: (5,),
    nn.FeatureAlphaDropout: (5, 3),
}


def batches(layer: nn.Module, x: Tensor, rank: int, world_size: int) -> list[Tensor]:
    """What a layer makes of the batches of one process, all of them drawn from one seed."""
    loader = BatchLoader(Examples(x, torch.zeros(len(x))), SIZE // world_size, rank=rank, world_size=world_size)
    trainer: Any = SimpleNamespace(world_size=world_size, train_dataloader=loader, is_global_zero=rank == 0)
    module: Any = nn.Sequential(layer)
    callback = SharedDropout()
    callback.on_train_start(trainer, module)
    outputs = []
    for step, batch in enumerate(loader):
        callback.on_train_batch_start(trainer, module, batch, step)
        torch.manual_seed(step)
        outputs.append(module(batch.x))
    callback.on_train_end(trainer, module)
    assert "forward" not in vars(layer)
    return outputs


def test_every_dropout_of_torch_is_known() -> None:
    named = {
        value
        for name, value in vars(nn).items()
        if isinstance(value, type) and name.endswith(("Dropout", "Dropout1d", "Dropout2d", "Dropout3d"))
    }
    assert named == set(DROPOUT) == set(INPUTS)


@pytest.mark.parametrize("kind", DROPOUT, ids=lambda kind: kind.__name__)
def test_two_processes_drop_what_one_drops(kind: type[nn.Module]) -> None:
    x = torch.randn(ROWS, *INPUTS[kind], generator=torch.Generator().manual_seed(0))
    layer = kind(0.5)
    whole = batches(layer, x, 0, 1)
    parts = [batches(layer, x, rank, 2) for rank in (0, 1)]
    for step, together in enumerate(whole):
        torch.testing.assert_close(torch.cat([part[step] for part in parts]), together)
    assert not torch.equal(whole[0], x[:SIZE])


def test_evaluation_drops_nothing() -> None:
    x = torch.randn(ROWS, 5)
    layer = nn.Dropout(0.5).eval()
    torch.testing.assert_close(torch.cat(batches(layer, x, 0, 1)), x)


def test_dropout_inside_attention_is_named(caplog: pytest.LogCaptureFixture) -> None:
    trainer: Any = SimpleNamespace(world_size=2, is_global_zero=True)
    module: Any = nn.Sequential(nn.MultiheadAttention(4, 2, dropout=0.1), nn.LSTM(4, 4), nn.MultiheadAttention(4, 2))
    with caplog.at_level(logging.WARNING):
        SharedDropout().on_train_start(trainer, module)
    assert "MultiheadAttention: dropout inside these layers depends on the number of processes" in caplog.text
    assert "LSTM" not in caplog.text
