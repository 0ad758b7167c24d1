"""architecture=additive: each parameter is a constant plus one function of each input, and these are found again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from likelihead import LikelihoodError, LikelihoodModule, fit, load
from likelihead.architectures import build, build_for
from likelihead.configs import shipped
from likelihead.data import Data, load_data, split_table
from likelihead.evaluation import evaluate
from likelihead.evaluation.additive import AdditiveEffects
from likelihead.training.ensemble import Ensemble

SMALL = {"width": 4, "bins": 4}


def module_of(name: str, rows: int = 60) -> tuple[LikelihoodModule, Data]:
    """A model of the family's own data set, away from the marginal fit."""
    data = load_data(name, {"kind": "synthetic", "rows": rows}, seed=0)
    torch.manual_seed(0)
    module = LikelihoodModule.for_data(data, name, "additive", **SMALL)
    module.head.fit_marginal(data.train.y, data.train.weight, data.train.exposure)
    for parameter in module.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return module.double().eval(), data


@pytest.mark.parametrize("name", shipped())
@torch.no_grad()
def test_the_constant_and_the_effects_make_each_parameter(name: str) -> None:
    module, data = module_of(name)
    x, head = data.train.x.double(), module.head
    effects = AdditiveEffects.of(module)
    columns = x.split(module.architecture.inputs, dim=1)
    values = head.values(module.architecture(x))
    predicted = {output.name for output in effects.outputs}
    assert predicted == {name for name, role in head.family.roles.items() if role == "predicted"}
    for output in effects.outputs:
        total = effects.constants[output.name] + sum(
            effects.of_input(place, block)[output.name] for place, block in enumerate(columns)
        )
        raw = (total - output.anchor).reshape(-1, *output.shape)
        expected = head.parameter[output.name].link(raw, output.anchor.reshape(output.shape))
        torch.testing.assert_close(values[output.name], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", shipped())
@torch.no_grad()
def test_mixed_second_differences_vanish(name: str) -> None:
    """f(a', b') - f(a', b) - f(a, b') + f(a, b) = 0 for any two inputs, as of a sum of effects."""
    module, data = module_of(name)
    x = data.train.x.double()
    near, far = x[:20], x[20:40]
    network = module.architecture
    starts = np.cumsum([0, *network.inputs])

    def raw(changed: list[int]) -> Tensor:
        mixed = near.clone()
        for place in changed:
            own = slice(starts[place], starts[place + 1])
            mixed[:, own] = far[:, own]
        return module.head.linear(network(mixed))

    for first in range(len(network.inputs)):
        for second in range(first):
            mixed = raw([first, second]) - raw([first]) - raw([second]) + raw([])
            assert mixed.abs().max() < 1e-10
    single = raw([0]) - raw([])
    assert single.abs().max() > 1e-4


def test_the_columns_of_one_input_belong_together() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(size=200), "colour": rng.choice(list("abc"), 200)})
    frame.loc[:9, "size"] = np.nan
    frame["y"] = rng.normal(size=200)
    data = split_table(frame, "normal", "y")
    module = LikelihoodModule.for_data(data, "normal", "additive")
    assert module.architecture.inputs == [2, 3]
    assert [network.embedded for network in module.architecture.networks] == [[0], []]


def simulated(rows: int = 3000) -> tuple[Tensor, Tensor, dict[str, list[Callable[[Tensor], Tensor]]]]:
    """Normal y whose location and log scale are known sums of functions of three inputs."""
    generator = torch.Generator().manual_seed(0)
    x = 4.0 * torch.rand(rows, 3, generator=generator) - 2.0
    truth = {
        "loc": [lambda v: 3.0 * torch.sin(1.5 * v), lambda v: v.square(), torch.zeros_like],
        "scale": [torch.zeros_like, lambda v: 0.5 * v, lambda v: 0.6 * torch.cos(1.5 * v)],
    }
    loc, scale = (sum(f(x[:, k]) for k, f in enumerate(truth[name])) for name in ("loc", "scale"))
    return x, loc + scale.exp() * torch.randn(rows, generator=generator), truth


def test_known_effects_are_found_again() -> None:
    x, y, truth = simulated()
    torch.manual_seed(0)
    module = LikelihoodModule.for_data((x, y), "normal", "additive", dropout=0.0, bins=0)
    outcome = fit(module, (x, y), max_epochs=40, batch_size=256)
    assert outcome is not None
    effects = AdditiveEffects.of(outcome.module)
    middle = (x.abs() < 1.8).all(1)
    for place in range(3):
        column = x[:, [place]]
        found = effects.centred(place, column, column)
        for name, functions in truth.items():
            exact = functions[place](x[:, place])
            error = (found[name][:, 0] - (exact - exact.mean()))[middle]
            assert error.square().mean().sqrt() < 0.15, (name, place)


def test_it_beats_the_linear_model_where_effects_are_curved() -> None:
    x, y, _ = simulated(1200)
    nll = {}
    for name in ("additive", "linear"):
        torch.manual_seed(0)
        outcome = fit(LikelihoodModule.for_data((x, y), "normal", name), (x, y), max_epochs=15)
        assert outcome is not None
        nll[name] = outcome.metrics["train"]["nll"]
    assert nll["additive"] < nll["linear"] - 0.3


def test_the_effects_of_a_checkpoint_are_those_of_the_model(tmp_path: Path) -> None:
    frame = load_data("poisson", {"kind": "synthetic", "rows": 200}, seed=0)
    module = LikelihoodModule.for_data(frame, "poisson", "additive", **SMALL)
    outcome = fit(module, frame, max_epochs=1, directory=tmp_path)
    assert outcome is not None
    again = load(tmp_path)
    assert again.architecture.inputs == module.architecture.inputs == [1, 1, 1, 4]
    x = frame.test.x
    assert torch.equal(again(x).rate, outcome.module(x).rate)
    one, other = AdditiveEffects.of(outcome.module), AdditiveEffects.of(again)
    for place, block in enumerate(x.split(again.architecture.inputs, dim=1)):
        torch.testing.assert_close(one.of_input(place, block), other.of_input(place, block))


def test_an_ensemble_of_additive_networks_is_trained_together(tmp_path: Path) -> None:
    data = load_data("normal", {"kind": "synthetic", "rows": 300}, seed=0)
    ensemble = Ensemble.of(lambda: LikelihoodModule.for_data(data, "normal", "additive", **SMALL), 2, 0)
    outcome = fit(ensemble, data, max_epochs=2, directory=tmp_path)
    assert outcome is not None
    x = data.test.x
    predicted = load(tmp_path)(x)
    for k in range(2):
        member = outcome.module.member(k).eval()
        torch.testing.assert_close(predicted.component_distribution.loc[:, k], member(x).loc, rtol=1e-5, atol=1e-4)
        effects = AdditiveEffects.of(member)
        columns = x.double().split(member.architecture.inputs, dim=1)
        total = effects.constants["loc"] + sum(effects.of_input(p, block)["loc"] for p, block in enumerate(columns))
        np.testing.assert_allclose(total[:, 0], member(x).loc.detach(), rtol=1e-4, atol=1e-3)


def test_a_joint_distribution_has_effects_on_every_target() -> None:
    spec = {"families": {"visits": "poisson", "share": "beta"}}
    data = load_data(spec, {"kind": "synthetic", "rows": 100}, seed=0)
    module = LikelihoodModule.for_data(data, spec, "additive", **SMALL)
    names = [output.name for output in AdditiveEffects.of(module).outputs]
    assert names[0] == "visits.rate" and all(name.startswith("share.") for name in names[1:])


def test_without_hidden_layers_it_is_the_linear_model() -> None:
    x, y, _ = simulated(200)
    module = LikelihoodModule.for_data((x, y), "normal", "additive", depth=0)
    assert torch.equal(module.architecture(x), x)
    assert np.isfinite(evaluate(module, [(x, y)]).nll or np.nan)


def test_only_additive_models_have_effects() -> None:
    module = LikelihoodModule.for_data((torch.rand(20, 2), torch.rand(20)), "normal", "mlp")
    with pytest.raises(LikelihoodError, match="architecture=additive"):
        AdditiveEffects.of(module)


def test_columns_must_add_up() -> None:
    with pytest.raises(LikelihoodError, match="2 columns in all and x has 3"):
        build("additive", 3, inputs=[1, 1])
    assert isinstance(build_for("additive", torch.rand(20, 3), inputs=[2, 1]), nn.Module)
