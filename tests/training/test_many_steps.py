"""Several steps in one call of Lightning's loop give the numbers of single ones and leave its counters alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from torch import Tensor, nn

from likelihead import Ensemble, LikelihoodModule, fit
from likelihead.architectures import build
from likelihead.training import many_steps


class Counts(Callback):
    """What a callback by epoch sees: the steps at once, those of an epoch and so far, and the learning rate."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int, int, float]] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        loader: Any = trainer.train_dataloader
        self.seen.append((loader.steps_at_once, int(trainer.num_training_batches), trainer.global_step, rate))


class ByStep(Callback):
    """Somebody else's callback, which takes part in each step."""

    def __init__(self) -> None:
        self.steps = 0

    def on_train_batch_end(self, *arguments: Any) -> None:
        self.steps += 1


class Stop(Callback):
    """Ends training after so many epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.should_stop = trainer.current_epoch + 1 == self.epochs


class OwnStep(LikelihoodModule):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return super().training_step(batch, batch_idx)


def rows(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 3, generator=generator)
    weight = torch.rand(count, generator=generator) + 0.5
    return x, torch.poisson((x[:, 0] + 0.5).exp(), generator=generator), weight


def network() -> nn.Module:
    torch.manual_seed(0)
    return build("mlp", 3, width=8, depth=2, dropout=0.2, bins=0)


def cosine(optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5)


def ensemble() -> Ensemble:
    """Three members, of 270 and 271 rows in batches of 32 and less."""
    return Ensemble.of(lambda: LikelihoodModule.for_data(rows(310, 0), "poisson", network(), scheduler=cosine), 3)


def trained(kind: type[LikelihoodModule] = LikelihoodModule, folder: Path | None = None, **options: Any) -> Any:
    module = ensemble() if kind is Ensemble else kind.for_data(rows(310, 0), "poisson", network(), scheduler=cosine)
    options = {"max_epochs": 4, "batch_size": 32, **options}
    outcome = fit(module, rows(310, 0), rows(90, 1), directory=folder, **options)
    assert outcome is not None
    return outcome


def weights(outcome: Any) -> dict[str, Tensor]:
    return dict(outcome.module.state_dict())


def assert_equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.parametrize("kind", [LikelihoodModule, Ensemble])
@pytest.mark.parametrize("most", [3, 100], ids=["chunks of an epoch", "whole epochs"])
def test_the_numbers_are_those_of_single_steps(
    most: int, kind: type[LikelihoodModule], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for steps in (1, most):
        monkeypatch.setattr(many_steps, "MOST", steps)
        counts = Counts()
        outcome = trained(kind, tmp_path / str(steps), callbacks=[counts], gradient_clip_val=20.0)
        found[steps] = weights(outcome), counts.seen, (tmp_path / str(steps) / "metrics.csv").read_text()
    assert_equal(found[1][0], found[most][0])
    assert [[seen[0] for seen in found[steps][1]] for steps in (1, most)] == [[1] * 4, [most] * 4]
    assert [seen[1:] for seen in found[1][1]] == [seen[1:] for seen in found[most][1]]
    assert found[1][2] == found[most][2]


@pytest.mark.parametrize("first, second", [(100, 100), (100, 1), (1, 100), (3, 100)])
def test_a_run_is_resumed_at_any_epoch_to_the_same_weights(
    first: int, second: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained()
    for epoch in (1, 3):
        monkeypatch.setattr(many_steps, "MOST", first)
        folder = tmp_path / f"{epoch}"
        trained(folder=folder, callbacks=[Stop(epoch)])
        monkeypatch.setattr(many_steps, "MOST", second)
        resumed = trained(folder=folder, resume=folder / "checkpoints/last.ckpt")
        assert_equal(weights(whole), weights(resumed))


def steps_at_once(kind: type[LikelihoodModule] = LikelihoodModule, **options: Any) -> int:
    counts = Counts()
    trained(kind, max_epochs=1, callbacks=[counts, *options.pop("callbacks", [])], **options)
    return counts.seen[0][0]


def test_whoever_takes_part_in_steps_is_called_in_each(tmp_path: Path) -> None:
    callback = ByStep()
    assert steps_at_once() == many_steps.MOST
    assert steps_at_once(callbacks=[callback]) == 1
    assert callback.steps == 10
    assert steps_at_once(OwnStep) == 1
    assert steps_at_once(Ensemble) == many_steps.MOST
    assert steps_at_once(accumulate_grad_batches=2) == 1
    assert steps_at_once(max_steps=40) == 1
    assert steps_at_once(gradient_clip_algorithm="value") == 1
    assert steps_at_once(callbacks=[ModelCheckpoint(tmp_path, every_n_train_steps=3)]) == 1


def test_clipping_is_that_of_torch() -> None:
    for largest in (0.1, 1.0, 100.0):
        generator = torch.Generator().manual_seed(0)
        parameters = [nn.Parameter(torch.zeros(3, 2)), nn.Parameter(torch.zeros(5))]
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        gradients = [parameter.grad.clone() for parameter in parameters if parameter.grad is not None]
        many_steps.clip(gradients, largest)
        nn.utils.clip_grad_norm_(parameters, largest)
        assert all(torch.equal(found, parameter.grad) for found, parameter in zip(gradients, parameters, strict=True))
