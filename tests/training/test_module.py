"""LikelihoodModule: the loss is the formula, on any number of devices, and nothing is broadcast."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from likelihead import DistributionHead, LikelihoodError, LikelihoodModule, TargetError, load
from likelihead import fit as fit_module
from likelihead.architectures import build
from likelihead.data.batch import Batch

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")


def trainer(folder: Path, **options: object) -> pl.Trainer:
    quiet = {
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
    }
    return pl.Trainer(accelerator="cpu", default_root_dir=folder, **quiet, **options)  # type: ignore[arg-type]


def rows(n: int = 96, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 3, generator=generator)
    return x, x.sum(1) + 0.3 * torch.randn(n, generator=generator)


def linear_module(seed: int = 0, **options: object) -> LikelihoodModule:
    torch.manual_seed(seed)
    return LikelihoodModule(nn.Identity(), DistributionHead("normal", in_features=3), **options)  # type: ignore[arg-type]


def test_the_loss_of_a_batch_is_the_sum() -> None:
    module, (x, y) = linear_module(), rows()
    expected = -module(x).log_prob(y).sum()
    torch.testing.assert_close(module.training_step((x, y), 0), expected)
    weight = torch.rand(96)
    weighted = -(weight * module(x).log_prob(y)).sum()
    torch.testing.assert_close(module.training_step(Batch(x, y, weight), 0), weighted)


@pytest.mark.parametrize("shape", [(96, 1), (97,), (), (1, 96)])
def test_shapes_are_compared_not_broadcast(shape: tuple[int, ...]) -> None:
    module, (x, _) = linear_module(), rows()
    with pytest.raises(TargetError, match=r"y has shape .* but the head predicts \(96,\)"):
        module.training_step((x, torch.zeros(shape)), 0)


def test_a_non_finite_loss_names_its_rows() -> None:
    module, (x, y) = linear_module(), rows()
    y[[5, 17]] = torch.inf
    with pytest.raises(
        LikelihoodError, match=r"train loss is not finite: rows \[5, 17\] of the batch, with targets \[inf"
    ):
        module.training_step((x, y), 0)


class RecordGradient(pl.Callback):
    def __init__(self) -> None:
        self.gradients: list[Tensor] = []

    def on_before_optimizer_step(self, trainer: pl.Trainer, module: pl.LightningModule, optimizer: object) -> None:
        self.gradients.append(torch.cat([p.grad.flatten().clone() for p in module.parameters() if p.grad is not None]))


def sgd(parameters: Iterator[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=1e-9)


@pytest.mark.parametrize("accumulate", [1, 3])
def test_the_gradient_is_that_of_the_sum_over_all_rows_of_a_step(accumulate: int, tmp_path: Path) -> None:
    x, y = rows()
    recorder = RecordGradient()
    loader = DataLoader(TensorDataset(x, y), batch_size=96 // accumulate)
    fit = trainer(tmp_path, max_epochs=1, accumulate_grad_batches=accumulate, callbacks=[recorder])
    fit.fit(linear_module(optimizer=sgd, marginal_fit=False), loader)
    reference = linear_module()
    (-reference(x).log_prob(y).sum()).backward()
    expected = torch.cat([p.grad.flatten() for p in reference.parameters() if p.grad is not None])
    torch.testing.assert_close(recorder.gradients[0], expected, rtol=1e-4, atol=1e-3)


def test_the_epochs_nll_is_the_mean_over_its_rows(tmp_path: Path) -> None:
    x, y = rows()
    fit = trainer(tmp_path, max_epochs=1)
    module = linear_module(optimizer=sgd, marginal_fit=False)
    expected = -module(x).log_prob(y).mean()
    fit.fit(module, DataLoader(TensorDataset(x, y), 40), DataLoader(TensorDataset(x, y), 25))
    for name in ("train/nll", "validation/nll"):
        torch.testing.assert_close(fit.callback_metrics[name], expected.detach(), rtol=1e-5, atol=1e-5)


def steps(y: Tensor, x: Tensor, count: int) -> list[float]:
    torch.manual_seed(4)
    network = build("mlp", 3, dropout=0.0)
    head = DistributionHead("normal", in_features=network.out_features)
    head.fit_marginal(y)
    module = LikelihoodModule(network, head)
    optimizer, losses = module.configure_optimizers(), []
    for step in range(count):
        batch = torch.arange(64 * step, 64 * (step + 1)) % len(y)
        optimizer.zero_grad()
        loss = module.training_step((x[batch], y[batch]), 0)
        loss.backward()
        optimizer.step()
        losses.append(loss.item() / 64)
    return losses


@pytest.mark.parametrize(("factor", "shift"), [(1000.0, 5.0), (1e-4, 0.0), (-1e6, 3e6)])
def test_training_takes_the_same_steps_on_any_scale_of_y(factor: float, shift: float) -> None:
    x, y = rows(256, seed=1)
    plain, scaled = steps(y, x, 50), steps(factor * y + shift, x, 50)
    for ours, theirs in zip(plain, scaled, strict=True):
        assert theirs - ours == pytest.approx(math.log(abs(factor)), abs=1e-4)
    assert plain[-1] < plain[0] - 0.5


def test_a_checkpoint_gives_the_module_back(tmp_path: Path) -> None:
    x, y = rows()
    network = build("mlp", 3, width=16)
    head = DistributionHead("student_t", in_features=16)
    head.fit_marginal(y)
    module = LikelihoodModule(network, head)
    module.extra = {"columns": ["a", "b", "c"]}
    fit = trainer(tmp_path, max_epochs=3)
    fit.fit(module, DataLoader(TensorDataset(x, y), 32))
    fit.save_checkpoint(tmp_path / "model.ckpt")
    again = load(tmp_path / "model.ckpt")
    assert not again.training and again.extra == module.extra
    module.eval()
    for name in ("df", "loc", "scale"):
        assert torch.equal(getattr(again(x), name), getattr(module(x), name))


def test_a_network_of_ones_own_is_given_at_loading(tmp_path: Path) -> None:
    x, y = rows()
    module = linear_module()
    fit = trainer(tmp_path, max_epochs=1)
    fit.fit(module, DataLoader(TensorDataset(x, y), 32))
    fit.save_checkpoint(tmp_path / "model.ckpt")
    with pytest.raises(LikelihoodError, match=r"load\(path, architecture=network\)"):
        load(tmp_path / "model.ckpt")
    assert torch.equal(load(tmp_path / "model.ckpt", architecture=nn.Identity())(x).loc, module(x).loc)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LikelihoodError, match="there is no checkpoint"):
        load(tmp_path / "nothing.ckpt")
    (tmp_path / "text.ckpt").write_text("hello")
    with pytest.raises(LikelihoodError, match="cannot be read as data"):
        load(tmp_path / "text.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
    with pytest.raises(LikelihoodError, match="is not a checkpoint of likelihead"):
        load(tmp_path / "other.ckpt")
    torch.save({"state_dict": {}, "likelihead": pytest.approx}, tmp_path / "code.ckpt")
    with pytest.raises(LikelihoodError, match="holds more than tensors and plain values"):
        load(tmp_path / "code.ckpt")


def test_a_family_from_elsewhere_must_be_handed_in(tmp_path: Path) -> None:
    described = {
        "format": 1,
        "architecture": {"name": "linear", "in_features": 3, "options": {}},
        "head": {
            "distribution": {"family": "os.path.Normal"},
            "in_features": 3,
            "event_size": None,
            "output_shape": [],
        },
        "extra": {},
    }
    torch.save({"state_dict": {}, "likelihead": described}, tmp_path / "model.ckpt")
    with pytest.raises(LikelihoodError, match=r"comes with the file and is not part of Pyro or likelihead"):
        load(tmp_path / "model.ckpt")


def test_training_starts_at_the_marginal_fit_in_any_trainer(tmp_path: Path) -> None:
    x, _ = rows()
    y = 1000.0 + 100.0 * x[:, 0]
    marginal = math.log(y.std(unbiased=False).item()) + 0.5 * math.log(2 * math.pi) + 0.5
    for given, expected in ((True, marginal), (False, 1e4)):
        module = linear_module(optimizer=sgd, marginal_fit=given)
        fit = trainer(tmp_path, max_epochs=1)
        fit.fit(module, DataLoader(TensorDataset(x, y), 96))
        first = fit.callback_metrics["train/nll"].item()
        assert first == pytest.approx(marginal, rel=1e-4) if given else first > expected
        assert module.head.is_fitted is given


def test_a_marginal_fit_is_not_made_again(tmp_path: Path) -> None:
    x, y = rows()
    module = linear_module()
    module.head.fit_marginal(y - 5.0)
    first = trainer(tmp_path, max_epochs=2)
    first.fit(module, DataLoader(TensorDataset(x, y), 32))
    anchor = module.head.parameter["loc"].anchor.clone()
    assert anchor.item() == pytest.approx((y - 5.0).mean().item(), rel=1e-4)
    weight = module.head.linear.weight.clone()
    second = trainer(tmp_path, max_epochs=1, limit_train_batches=0)
    second.fit(module, DataLoader(TensorDataset(x, y), 32))
    assert torch.equal(module.head.parameter["loc"].anchor, anchor)
    assert torch.equal(module.head.linear.weight, weight)


def sinking(optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
    return torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)


@pytest.mark.parametrize(("interval", "halvings"), [("step", 8), ("epoch", 2)])
def test_a_schedule_is_stepped_as_lightning_is_asked(interval: str, halvings: int, tmp_path: Path) -> None:
    x, y = rows()
    module = linear_module(optimizer=sgd, scheduler=lambda optimizer: {
        "scheduler": sinking(optimizer), "interval": interval
    })  # fmt: skip
    fit = trainer(tmp_path, max_epochs=2)
    fit.fit(module, DataLoader(TensorDataset(x, y), 24))
    start = sgd(module.parameters()).param_groups[0]["lr"]
    assert fit.num_training_batches == 4
    assert fit.optimizers[0].param_groups[0]["lr"] == pytest.approx(start * 0.5**halvings)


@pytest.mark.parametrize("monitor", ["validation/nll", "train/nll"])
def test_a_plateau_monitors_the_nll_by_itself(monitor: str, tmp_path: Path) -> None:
    """With a threshold that no improvement reaches, the learning rate falls after every epoch but the first."""
    x, y = rows()

    def plateau(optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.ReduceLROnPlateau:
        return torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.1, patience=0, threshold=1e9, threshold_mode="abs", eps=0.0
        )

    loaders = [DataLoader(TensorDataset(x, y), 32)] * (2 if monitor == "validation/nll" else 1)
    module = linear_module(optimizer=sgd, scheduler=plateau)
    fit = trainer(tmp_path, max_epochs=3)
    fit.fit(module, *loaders)
    assert fit.lr_scheduler_configs[0].monitor == monitor
    start = sgd(module.parameters()).param_groups[0]["lr"]
    assert fit.optimizers[0].param_groups[0]["lr"] == pytest.approx(start * 0.1**2)


def test_a_plateau_without_validation_rows_in_fit() -> None:
    x, y = rows()
    module = linear_module(optimizer=sgd, scheduler=torch.optim.lr_scheduler.ReduceLROnPlateau)
    assert fit_module(module, (x, y), max_epochs=2) is not None
