"""The head in code that is not ours: other LightningModules, torch.compile, torch.func, and several processes."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from cases import CASES
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.utils.data import DataLoader, TensorDataset

from likelihead import DistributionHead, LikelihoodError, LikelihoodModule, fit

QUIET: dict[str, Any] = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False,
                         "enable_progress_bar": False, "enable_model_summary": False}  # fmt: skip


def head_of(name: str) -> DistributionHead:
    torch.manual_seed(0)
    return DistributionHead(CASES[name].spec, in_features=3, event_size=CASES[name].event_size)


def targets_of(name: str) -> Tensor:
    inside = CASES[name].inside
    return inside.float() if inside.is_floating_point() else inside


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_single_rows_by_vmap_are_those_of_backward(name: str) -> None:
    head, y = head_of(name), targets_of(name)
    x = torch.randn(4, 3)
    weights = {key: value.detach() for key, value in head.named_parameters()}

    def loss(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return -functional_call(head, weights, (x[None],)).log_prob(y[None]).sum()

    by_row = vmap(grad(loss), in_dims=(None, 0, 0))(weights, x, y)
    for row in range(4):
        head.zero_grad()
        (-head(x[row : row + 1]).log_prob(y[row : row + 1]).sum()).backward()
        for key, parameter in head.named_parameters():
            torch.testing.assert_close(by_row[key][row], parameter.grad, rtol=1e-4, atol=1e-5)


def compiled_loss_is_that_of_eager(name: str) -> None:
    head, y, x = head_of(name), targets_of(name), torch.randn(4, 3)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        return -head(x).log_prob(y).sum()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, about what it traces
        compiled = torch.compile(loss, backend="aot_eager")
        found = compiled(x, y)
        gradients = torch.autograd.grad(found, list(head.parameters()))
    torch.testing.assert_close(found, loss(x, y))
    for ours, theirs in zip(gradients, torch.autograd.grad(loss(x, y), list(head.parameters())), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", ["normal", "poisson", "categorical"])
def test_a_compiled_loss_is_that_of_eager_code(name: str) -> None:
    compiled_loss_is_that_of_eager(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_compiled_loss_of_each_family_is_that_of_eager_code(name: str) -> None:
    compiled_loss_is_that_of_eager(name)


def test_only_the_head_of_a_frozen_backbone_learns() -> None:
    torch.manual_seed(0)
    x = torch.rand(200, 2)
    y = torch.poisson((3.0 * x[:, 0]).exp())
    backbone = nn.Sequential(nn.Linear(2, 16), nn.Tanh()).requires_grad_(False)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    module = LikelihoodModule(backbone, DistributionHead("poisson", in_features=16))
    outcome = fit(module, (x, y), max_epochs=30)
    assert outcome is not None
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())
    assert outcome.metrics["train"]["nll"] < outcome.metrics["marginal"]["nll"] - 0.3


class TwoHeads(pl.LightningModule):
    """Counts and amounts from the same features."""

    def __init__(self, counts: Tensor, amounts: Tensor) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(2, 16), nn.Tanh())
        self.counts, self.amounts = DistributionHead("poisson", 16), DistributionHead("gamma", 16)
        self.counts.fit_marginal(counts)
        self.amounts.fit_marginal(amounts)

    def nll(self, x: Tensor, counts: Tensor, amounts: Tensor) -> tuple[Tensor, Tensor]:
        features = self.backbone(x)
        return -self.counts(features).log_prob(counts).sum(), -self.amounts(features).log_prob(amounts).sum()

    def training_step(self, batch: list[Tensor], index: int) -> Tensor:
        return sum(self.nll(*batch), torch.zeros(()))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-2)


# 2026-11: pytorch-lightning 2.6.6 uses what torch 2.13 has deprecated in its trees.
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_two_heads_share_a_backbone() -> None:
    torch.manual_seed(0)
    x = torch.rand(200, 2)
    counts = torch.poisson((3.0 * x[:, 0]).exp())
    amounts = torch.distributions.Gamma(4.0, 4.0 * (-2.0 * x[:, 1]).exp()).sample()
    module = TwoHeads(counts, amounts)
    before = [nll.item() for nll in module.nll(x, counts, amounts)]
    loader = DataLoader(TensorDataset(x, counts, amounts), batch_size=20)
    pl.Trainer(max_epochs=15, **QUIET).fit(module, loader)
    after = [nll.item() for nll in module.nll(x, counts, amounts)]
    assert after[0] < before[0] - 60.0 and after[1] < before[1] - 30.0


PROCESSES = """
import sys, warnings
warnings.simplefilter("ignore")
import torch
import torch.distributed as distributed
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from likelihead import DistributionHead

class Loss(nn.Module):
    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(nn.Linear(3, 8), nn.Tanh())
        self.head = DistributionHead("gamma", in_features=8)
    def forward(self, x, y):
        return -self.head(self.network(x)).log_prob(y).sum()

def gradients(wrap, rank=0, size=1):
    torch.manual_seed(0)
    module, x, y = Loss(), torch.randn(10, 3), torch.rand(10) + 0.1
    wrapped = wrap(module)
    (wrapped(x[rank::size], y[rank::size]) * size).backward()
    whole = lambda g: g.full_tensor() if hasattr(g, "full_tensor") else g
    return {name.removeprefix("module."): whole(value.grad) for name, value in wrapped.named_parameters()}

def work(rank, store):
    distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    alone, mesh = gradients(lambda module: module), init_device_mesh("cpu", (2,))
    for wrap in (nn.parallel.DistributedDataParallel, lambda module: fully_shard(module, mesh=mesh)):
        together = gradients(wrap, rank, 2)
        for name in alone:
            torch.testing.assert_close(together[name], alone[name])
        print("equal", len(alone))
    distributed.destroy_process_group()

if __name__ == "__main__":
    torch.multiprocessing.spawn(work, (sys.argv[1],), nprocs=2)
"""


@pytest.mark.slow
def test_two_processes_give_the_gradient_of_one(tmp_path: Path, environment: dict[str, str]) -> None:
    """With DDP and FSDP; the loss is a sum and both average, so each process multiplies it by their number."""
    (tmp_path / "work.py").write_text(PROCESSES, encoding="utf-8")
    command = [sys.executable, "work.py", str(tmp_path / "store")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("equal 4") == 4


class OtherPackage:
    """Objects of `lightning.pytorch`, whose classes look like those of `pytorch_lightning`, but are others."""

    def __init__(self) -> None:
        import lightning.pytorch as other

        self.trainer = other.Trainer(**QUIET)
        self.callbacks = [other.callbacks.LearningRateMonitor()]


@pytest.mark.filterwarnings("ignore::Warning")
def test_objects_of_the_other_lightning_package_are_named() -> None:
    pytest.importorskip("lightning.pytorch")
    other = OtherPackage()
    data = (torch.rand(20, 2), torch.rand(20))
    module = LikelihoodModule.for_data(data, "normal", "linear")
    sentence = (
        r"trainer is a lightning.pytorch.trainer.trainer.Trainer.*: import pytorch_lightning as pl, and use pl.Trainer"
    )
    with pytest.raises(LikelihoodError, match=sentence):
        fit(module, data, trainer=other.trainer)
    with pytest.raises(LikelihoodError, match=r"callbacks is a lightning.pytorch.callbacks"):
        fit(module, data, callbacks=other.callbacks)


BOTH = """
import torch
from likelihead import LikelihoodModule, fit
import lightning.pytorch
data = (torch.rand(20, 2), torch.rand(20))
fit(LikelihoodModule.for_data(data, "normal", "linear"), data, max_epochs=1)
"""


def test_the_other_lightning_package_says_nothing_of_devices(tmp_path: Path, environment: dict[str, str]) -> None:
    """Imported after pytorch_lightning, it logs in its place."""
    pytest.importorskip("lightning.pytorch")
    command = [sys.executable, "-W", "ignore", "-c", BOTH]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
