"""Batches: each row once, in an order that (seed, epoch) decides, the same ones on any number of processes."""

from __future__ import annotations

from itertools import chain

import pytest
import pytorch_lightning as pl
import torch

from likelihead.data import BatchLoader, Examples
from likelihead.data.batch import Batch
from likelihead.errors import LikelihoodError


def split(count: int) -> Examples:
    rows = torch.arange(float(count))
    return Examples(x=rows[:, None] * torch.ones(2), y=rows, weight=rows + 1, exposure=None)


def rows(loader: BatchLoader) -> list[list[float]]:
    return [batch.y.tolist() for batch in loader]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(("count", "batch"), [(10, 3), (9, 3), (1, 4), (5, None), (0, 3), (0, None)])
def test_every_row_comes_once(count: int, batch: int | None, shuffle: bool) -> None:
    loader = BatchLoader(split(count), batch, shuffle, seed=1)
    seen = rows(loader)
    assert sorted(chain.from_iterable(seen)) == list(range(count))
    assert len(seen) == len(loader)
    assert all(len(part) == (batch or count) for part in seen[:-1])


def test_columns_stay_together() -> None:
    for batch in BatchLoader(split(11), 4, shuffle=True, seed=5):
        assert torch.equal(batch.x[:, 1], batch.y) and torch.equal(batch.weight, batch.y + 1) and batch.exposure is None  # type: ignore[arg-type]


def test_seed_and_epoch_decide_the_order() -> None:
    loader = BatchLoader(split(20), 4, shuffle=True, seed=0)
    first = rows(loader)
    assert rows(loader) == first
    loader.sampler.set_epoch(1)
    second = rows(loader)
    assert second != first
    loader.sampler.set_epoch(0)
    assert rows(loader) == first
    assert rows(BatchLoader(split(20), 4, shuffle=True, seed=1)) != first


# 2026-11: Lightning 2.6 calls what torch 2.13 deprecates (LeafSpec), and remarks on loaders without workers.
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_lightning_tells_the_loader_its_epoch() -> None:
    seen: list[list[float]] = []

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(2, 1)

        def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
            seen.append(batch.y.tolist())
            return self.linear(batch.x).sum()

        def validation_step(self, batch: Batch, batch_idx: int) -> None:
            assert isinstance(batch, Batch)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.0)

    trainer = pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Module(), BatchLoader(split(8), 3, shuffle=True, seed=0), BatchLoader(split(4), 3))
    loader = BatchLoader(split(8), 3, shuffle=True, seed=0)
    first = rows(loader)
    loader.sampler.set_epoch(1)
    assert seen == first + rows(loader)


def test_the_order_does_not_touch_the_global_random_state() -> None:
    state = torch.get_rng_state()
    rows(BatchLoader(split(20), 4, shuffle=True, seed=0))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("count", [24, 26, 25, 3, 1])
@pytest.mark.parametrize("world", [2, 3, 4])
def test_global_batches_do_not_depend_on_the_processes(count: int, world: int, shuffle: bool) -> None:
    alone = rows(BatchLoader(split(count), 12, shuffle, seed=2))
    shares = [
        rows(BatchLoader(split(count), 12 // world, shuffle, seed=2, rank=r, world_size=world)) for r in range(world)
    ]
    assert {len(share) for share in shares} == {len(alone)}
    assert [list(chain.from_iterable(parts)) for parts in zip(*shares, strict=True)] == alone


def test_all_rows_at_once_are_shared_too() -> None:
    shares = [rows(BatchLoader(split(5), None, rank=rank, world_size=2)) for rank in range(2)]
    assert shares == [[[0.0, 1.0]], [[2.0, 3.0, 4.0]]]


@pytest.mark.parametrize("arguments", [{"batch_size": 0}, {"batch_size": -1}, {"rank": 2, "world_size": 2}])
def test_bad_arguments_are_named(arguments: dict[str, int]) -> None:
    with pytest.raises(LikelihoodError, match="must"):
        BatchLoader(split(3), **arguments)  # type: ignore[arg-type]


def test_rows_without_targets_cannot_be_loaded() -> None:
    with pytest.raises(LikelihoodError, match="no targets"):
        BatchLoader(Examples(x=torch.zeros(3, 1), y=None))
