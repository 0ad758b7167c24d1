"""Training steps through torch.compile: one graph for every family, and the numbers of steps that are not compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from cases import CASES
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn
from torch._dynamo.utils import counters

from likelihead import DistributionHead, LikelihoodError, LikelihoodModule, TargetError, fit, load
from likelihead.data.batch import Batch
from likelihead.families.family import Family
from likelihead.training import compiled
from likelihead.training.checkpoint import read
from likelihead.training.compiled import CompiledLogProb
from likelihead.training.ensemble import Ensemble

#: Of torch's own tracing, seen in torch 2.13.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*autograd.function.Function:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def traced(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """Graphs run as they are traced, without the C++ compiler, except where a test asks for it."""
    if "compiler" not in request.fixturenames:
        monkeypatch.setattr(compiled, "BACKEND", "eager")
    validates = torch.distributions.Distribution._validate_args
    torch.compiler.reset()
    counters.clear()
    yield
    # Compilation switches validate_args off for the whole process.
    torch.distributions.Distribution.set_default_validate_args(validates)


@pytest.fixture
def compiler() -> None:
    """Asks for graphs that are compiled."""


def module_of(name: str = "poisson", dropout: float = 0.0, **options: Any) -> LikelihoodModule:
    torch.manual_seed(0)
    head = DistributionHead(CASES[name].spec, 8, CASES[name].event_size)
    network = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Dropout(dropout))
    return LikelihoodModule(network, head, **options)


def counts(rows: int = 300) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(rows, 2, generator=generator)
    return x, torch.poisson((2.0 * x[:, 0]).exp(), generator=generator)


def gradients(module: LikelihoodModule, each: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(each.sum(), [p for p in module.parameters() if p.requires_grad]))


def graphs() -> int:
    return counters["stats"]["unique_graphs"]


SPECS = {name: Family.of(case.spec, case.event_size).spec for name, case in CASES.items()}
LIMITED = [name for name, spec in SPECS.items() if spec["limits"] or spec["spline"]]


@pytest.mark.parametrize("name", LIMITED)
def test_a_family_with_limits_or_a_spline_gets_a_sentence(name: str) -> None:
    with pytest.raises(LikelihoodError, match="does not take families with limits or a spline: leave out compile"):
        CompiledLogProb(module_of(name), "default")(Batch(torch.randn(3, 2), CASES[name].inside[:3]))


@pytest.mark.parametrize("name", [name for name in CASES if name not in LIMITED])
def test_every_family_is_one_graph_for_any_number_of_rows(name: str) -> None:
    module, y = module_of(name), CASES[name].inside
    y = y.float() if y.is_floating_point() else y
    log_prob = CompiledLogProb(module, "default")
    for rows in (12, 20):
        batch = Batch(torch.randn(rows, 2), y.repeat(5, *[1] * (y.dim() - 1))[:rows])
        found, expected = log_prob(batch), module.log_prob(batch)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        for one, other in zip(gradients(module, found), gradients(module, expected), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
    assert graphs() == 1


def test_weights_and_exposures_are_in_the_graph() -> None:
    x, y = counts(20)
    batch, module = Batch(x, y, weight=torch.rand(20), exposure=torch.rand(20) + 0.5), module_of("poisson")
    torch.testing.assert_close(CompiledLogProb(module, "default")(batch), module.log_prob(batch))


@pytest.mark.parametrize("by_site", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_masked_sites_count_nothing(by_site: bool, weighted: bool) -> None:
    torch.manual_seed(0)
    module = LikelihoodModule(nn.Linear(2, 8), DistributionHead("normal", 8, output_shape=(3,)))
    y, mask = torch.randn(6, 3), torch.rand(6, 3) < 0.6 if by_site else torch.arange(6) % 2 == 0
    y = y.masked_fill(~mask if by_site else ~mask[:, None], torch.nan)
    batch = Batch(torch.randn(6, 2), y, weight=torch.rand(6) if weighted else None, mask=mask)
    log_prob = CompiledLogProb(module, "default")
    torch.testing.assert_close(log_prob(batch), module.log_prob(batch))
    torch.testing.assert_close(log_prob(batch._replace(mask=torch.zeros_like(mask))), torch.zeros(6))
    assert graphs() == 1


def run(directory: Path, compile: bool, epochs: int = 4, dropout: float = 0.0, **options: Any) -> LikelihoodModule:
    x, y = counts()
    module = module_of(dropout=dropout, compile=compile)
    validation = (x[:60], y[:60])
    outcome = fit(module, (x, y), validation, directory=directory, batch_size=64, max_epochs=epochs, **options)
    assert outcome is not None
    return outcome.module


def check_fit(tmp_path: Path) -> None:
    expected, found = run(tmp_path / "a", False), run(tmp_path / "b", True)
    assert graphs() >= 1
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], value, rtol=1e-4, atol=1e-5)
    assert list(read(tmp_path / "a")["state_dict"]) == list(read(tmp_path / "b")["state_dict"])
    x = torch.rand(5, 2)
    network = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Dropout())
    torch.testing.assert_close(load(tmp_path / "b", network)(x).mean, found(x).mean)


class StopAfterTwo(Callback):
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = trainer.current_epoch == 1


def check_resumed(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", True, dropout=0.5)
    run(tmp_path / "part", True, dropout=0.5, callbacks=[StopAfterTwo()])
    resumed = run(tmp_path / "part", True, dropout=0.5, resume=tmp_path / "part" / "checkpoints" / "last.ckpt")
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value)


@pytest.mark.parametrize("check", [check_fit, check_resumed])
def test_a_compiled_run_is_a_run_as_any_other(check: Callable[[Path], None], tmp_path: Path) -> None:
    check(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("check", [check_fit, check_resumed])
def test_compiled_by_the_compiler_too(check: Callable[[Path], None], tmp_path: Path) -> None:
    check(tmp_path)


def test_another_rate_of_dropout_needs_no_other_graph() -> None:
    torch.manual_seed(0)
    head = DistributionHead(
        {"family": "pyro.distributions.Normal", "parameters": {"loc": "predicted", "scale": 1.0}}, 1
    )
    nn.init.ones_(head.linear.weight)  # type: ignore[union-attr]
    nn.init.zeros_(head.linear.bias)  # type: ignore[union-attr]
    layer = nn.Dropout(0.5)
    module, x = LikelihoodModule(layer, head), torch.full((20_000, 1), 3.0)
    log_prob, batch = CompiledLogProb(module, "default"), Batch(x, torch.zeros(20_000))
    for rate in (0.5, 0.2, 0.0):
        layer.p = rate
        loc = (-2.0 * (log_prob(batch).detach() + 0.9189385)).clamp(min=0.0).sqrt()
        assert float((loc < 0.1).float().mean()) == pytest.approx(rate, abs=0.02)
        assert float(loc.amax()) == pytest.approx(3.0 / (1.0 - rate), abs=1e-3)
    assert graphs() == 1
    torch.testing.assert_close(log_prob(batch), module.eval().log_prob(batch))
    log_prob.end()
    assert "forward" not in vars(layer)


class Branches(nn.Module):
    """A network that asks for a value in the middle."""

    def forward(self, x: Tensor) -> Tensor:
        return x if float(x.sum()) > 0 else -x


def test_what_cannot_be_compiled_is_refused_in_a_sentence(tmp_path: Path) -> None:
    x, y = counts(20)
    module = LikelihoodModule(Branches(), DistributionHead("poisson", 2), compile=True)
    with pytest.raises(LikelihoodError, match=r"^compile=true needs a network .*; leave out compile$"):
        fit(module, (x, y), max_epochs=1)
    with pytest.raises(LikelihoodError, match="it must be true, false or a mode: default, reduce-overhead"):
        module_of(compile="fast")
    with pytest.raises(LikelihoodError, match="leave out compile, or choose ensemble=1"):
        Ensemble([module])
    with pytest.raises(LikelihoodError, match="does not take censored or truncated targets: leave out compile"):
        CompiledLogProb(module_of(), "default")(Batch(x, y, bounds=torch.stack([y, y], -1)))
    with pytest.raises(TargetError, match="y has shape"):
        CompiledLogProb(module_of(), "default")(Batch(x, y[:, None]))


@pytest.mark.usefixtures("compiler")
def test_a_missing_compiler_gets_a_sentence() -> None:
    module, batch = module_of(), Batch(*counts(20))
    settings = {"cpp.cxx": (None, "/nonexistent/g++"), "fx_graph_cache": False}
    with torch._inductor.config.patch(settings), pytest.raises(LikelihoodError, match=r"needs a C\+\+ compiler"):
        CompiledLogProb(module, "default")(batch)
