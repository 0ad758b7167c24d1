"""parameters: {scale: {features: [a]}}: a parameter that looks at some of the inputs only, as in a GAMLSS formula."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import optimize, stats

from likelihead import DistributionHead, LikelihoodError, LikelihoodModule, fit, load
from likelihead.configs import read, shipped
from likelihead.data import load_data, split_table
from likelihead.evaluation.coefficients import coefficients
from likelihead.training.ensemble import Ensemble

SPEC = {
    "family": "pyro.distributions.Normal",
    "parameters": {"loc": "predicted", "scale": {"features": ["size"]}},
}
LBFGS = partial(torch.optim.LBFGS, max_iter=500, line_search_fn="strong_wolfe", tolerance_grad=1e-9)


def table(rows: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(5.0, 2.0, rows), "age": rng.normal(size=rows)})
    frame["colour"] = rng.choice(["blue", "red"], rows)
    red = frame["colour"] == "red"
    frame["y"] = 1.0 + frame["age"] + red + np.exp(0.3 * frame["size"] - 1.5 + 0.4 * red) * rng.normal(size=rows)
    return frame


def fitted(frame: pd.DataFrame) -> tuple[LikelihoodModule, Any]:
    data = split_table(frame, "normal", "y", test_fraction=0.0, validation_fraction=0.0)
    module = LikelihoodModule.for_data(data, SPEC, "linear", LBFGS)
    outcome = fit(module, data, batch_size=None, max_epochs=3, precision="64-true")
    assert outcome is not None
    return outcome.module, data.train


def test_the_fit_is_that_of_scipy_with_the_same_formulas() -> None:
    """The negative log-likelihood of loc ~ size + age + colour, log scale ~ size, minimised by scipy."""
    frame = table()
    module, rows = fitted(frame)
    red = (frame["colour"] == "red").to_numpy(float)
    design = np.stack([np.ones(len(frame)), frame["size"], frame["age"], red], 1)

    def nll(weights: np.ndarray) -> float:
        return -stats.norm.logpdf(frame["y"], design @ weights[:4], np.exp(design[:, :2] @ weights[4:])).sum()

    best = optimize.minimize(nll, np.zeros(6), method="BFGS", options={"gtol": 1e-4})
    found = coefficients(module, rows)
    assert found["term"].tolist() == ["intercept", "size", "age", "colour=red", "intercept", "size"]
    np.testing.assert_allclose(found["estimate"], best.x, atol=2e-3)
    np.testing.assert_allclose(found["standard_error"], _errors(nll, best.x), rtol=0.02)


def _errors(nll: Callable[[np.ndarray], float], at: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """The standard errors by second differences of the negative log-likelihood."""
    unit = step * np.eye(len(at))
    hessian = [
        [(nll(at + a + b) - nll(at + a - b) - nll(at - a + b) + nll(at - a - b)) / (4 * step**2) for b in unit]
        for a in unit
    ]
    return np.sqrt(np.diagonal(np.linalg.inv(hessian)))


@pytest.mark.parametrize("architecture", ["linear", "additive"])
def test_other_inputs_do_not_move_the_parameter(architecture: str, tmp_path: Path) -> None:
    data = split_table(table(200), "normal", "y")
    module = LikelihoodModule.for_data(data, SPEC, architecture)
    outcome = fit(module, data, max_epochs=3, directory=tmp_path)
    assert outcome is not None
    for model in (outcome.module, load(tmp_path)):
        x = data.test.x
        changed = x.clone()
        changed[:, 1:] = changed[:, 1:].flip(0)
        assert torch.equal(model(changed).scale, model(x).scale)
        assert not torch.allclose(model(changed).loc, model(x).loc)
        changed[:, 0] += 1.0
        assert not torch.allclose(model(changed).scale, model(x).scale)


@pytest.mark.parametrize("name", shipped())
def test_each_parameter_of_each_family_can_be_restricted(name: str) -> None:
    data = load_data(name, {"kind": "synthetic", "rows": 80}, seed=0)
    assert data.encoder is not None
    spec, first = read(name), data.encoder.inputs[0]
    roles = LikelihoodModule.for_data(data, name).head.family.roles
    restricted = {key: {"features": [first]} for key, role in roles.items() if role == "predicted"}
    spec = {**spec, "parameters": {**(spec.get("parameters") or {}), **restricted}}
    torch.manual_seed(0)
    head = LikelihoodModule.for_data(data, spec, "linear").head
    x = torch.randn(5, head.in_features)
    changed = x.clone()
    changed[:, data.encoder.input_columns[0] :] += 1.0
    for parameter, value in head.values(x).items():
        assert torch.equal(value, head.values(changed)[parameter])


def test_an_ensemble_is_restricted_too() -> None:
    data = split_table(table(200), "normal", "y")
    ensemble = Ensemble.of(lambda: LikelihoodModule.for_data(data, SPEC, "linear"), 2, 0)
    outcome = fit(ensemble, data, max_epochs=2)
    assert outcome is not None
    changed = data.test.x.clone()
    changed[:, 1:] += 1.0
    one, other = (outcome.module(x).component_distribution for x in (data.test.x, changed))
    assert torch.equal(one.scale, other.scale) and not torch.allclose(one.loc, other.loc)


def test_columns_of_a_tensor_have_numbers_as_names() -> None:
    spec = {"family": "pyro.distributions.Poisson", "parameters": {"rate": {"features": ["x2"]}}}
    head = LikelihoodModule.for_data((torch.rand(20, 3), torch.ones(20)), spec, "linear").head
    assert head.linear.mask.tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize(
    ("scale", "architecture", "message"),
    [
        ({"features": ["size"]}, "mlp", "parameters.scale looks at some of the inputs only.*architecture=linear or"),
        ({"features": ["sise"]}, "linear", "parameters.scale names the input 'sise'.*size"),
        ({"features": []}, "linear", "parameters.scale is .*as learned"),
        ({"inputs": ["size"]}, "linear", "parameters.scale is .*{features: "),
        ({"features": "size"}, "linear", "parameters.scale is .*{features: "),
    ],
)
def test_mistakes_get_a_sentence(scale: Any, architecture: str, message: str) -> None:
    data = split_table(table(60), "normal", "y")
    spec = {**SPEC, "parameters": {"loc": "predicted", "scale": scale}}
    with pytest.raises(LikelihoodError, match=message):
        LikelihoodModule.for_data(data, spec, architecture)


def test_a_head_of_ones_own_says_that_it_needs_the_features() -> None:
    head = DistributionHead(SPEC, in_features=3)
    with pytest.raises(LikelihoodError, match=r"head\.restrict"):
        head(torch.zeros(2, 3))
    head.restrict({"size": [0]})
    assert head(torch.zeros(2, 3)).batch_shape == (2,)


def test_it_is_a_word_on_the_command_line(command: Callable[..., None], in_folder: Path) -> None:
    table(60).to_csv("rows.csv", index=False)
    words = ["distribution=normal", "distribution.parameters.scale={features: [size]}", "architecture=linear"]
    words += ["data=table", "data.path=rows.csv", "data.target=y", "trainer.max_epochs=1", "strategy=cpu"]
    command("train", *words, "hydra.run.dir=run")
    command("predict", "checkpoint=run", "data.path=rows.csv", "output=predictions.csv")
    predicted = pd.read_csv("predictions.csv")
    assert predicted["scale"].corr(table(60)["size"]) ** 2 > 0.9
