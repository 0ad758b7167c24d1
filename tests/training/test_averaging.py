"""Averaged weights never hold a short run back, and span a fixed number of updates in a long one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from likelihead import DistributionHead, LikelihoodModule, fit
from likelihead.training.callbacks.averaging import EVERY_STEP_UNTIL, MovingAverage, weight_of_update


def line(count: int = 300) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(count, 3, generator=generator)
    return x, 5.0 * x[:, 0] + 0.3 * torch.randn(count, generator=generator)


@pytest.mark.parametrize("epochs", [1, 2, 5, 20])
def test_a_short_run_loses_nothing_by_averaging(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def trained() -> float:
        torch.manual_seed(0)
        module = LikelihoodModule(nn.Identity(), DistributionHead("normal", in_features=3))
        outcome = fit(module, line(), max_epochs=epochs, batch_size=30)
        assert outcome is not None
        return outcome.metrics["train"]["nll"]

    averaged = trained()
    monkeypatch.setattr(
        MovingAverage, "should_update", lambda self, step_idx=None, epoch_idx=None: step_idx is not None
    )
    monkeypatch.setattr("likelihead.training.callbacks.averaging.weight_of_update", lambda *arguments: 1.0)
    raw = trained()
    assert averaged < raw + 0.02


def test_the_average_spans_a_tenth_of_the_run_and_then_a_fixed_time() -> None:
    """Unrolled: how old the weights are, on average, that the average is made of."""
    age, ages = 0.0, []
    for updates in range(600):
        taken = 4 if updates > EVERY_STEP_UNTIL else 1
        age = (1.0 - weight_of_update(updates, 0.96, every=4)) * (age + taken)
        steps = min(updates, EVERY_STEP_UNTIL) + 4 * max(0, updates - EVERY_STEP_UNTIL)
        ages.append((steps, age))
    assert all(old <= 0.1 * steps for steps, old in ages)
    assert ages[-1][1] == pytest.approx(96.0, abs=2.0)


def test_every_step_counts_at_first_and_every_nth_later() -> None:
    callback = MovingAverage(0.9, update_every_n_steps=4)
    assert all(callback.should_update(step_idx=step) for step in range(EVERY_STEP_UNTIL))
    later = [callback.should_update(step_idx=step) for step in range(EVERY_STEP_UNTIL, EVERY_STEP_UNTIL + 40)]
    assert sum(later) == 10
    assert not callback.should_update(epoch_idx=3)
