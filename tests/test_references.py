"""A linear architecture with LBFGS reaches the maximised log-likelihood of trusted software."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
import yaml
from reference_cases import SHARED, Problem, problem, references
from sklearn import datasets
from torch import Tensor, nn

from likelihead import DistributionHead, LikelihoodModule
from likelihead.configs import conf_directory, read
from likelihead.data import BatchLoader, Examples
from likelihead.data.batch import Batch

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
#: Models of another form than a linear head; tested below by themselves, or out of the family's reach.
OTHERS = {
    "periwinkles:vonmises_fisherlee": "its location is bent inside an arctangent: see test_a_bent_location",
    "salad:plackett_luce_features": "items share coefficients: see test_items_share_coefficients",
}
#: The optimum of absolute deviations is a vertex, where gradients stop at about 1e-4.
TOLERANCE = {"laplace": 1e-4}


def lbfgs(parameters: Any) -> torch.optim.Optimizer:
    """What optimizer=lbfgs makes; its tolerance by row is written out here."""
    options = yaml.safe_load((conf_directory() / "optimizer" / "lbfgs.yaml").read_text())["optimizer"]
    plain = {key: value for key, value in options.items() if not key.startswith("_") and key != "scheduler"}
    return torch.optim.LBFGS(parameters, **{**plain, "tolerance_grad": 1e-8})


def fit(module: LikelihoodModule, batch: Batch, folder: Path) -> float:
    """Train on all rows at once, as the shipped optimizer=lbfgs does, and return the log-likelihood."""
    trainer = pl.Trainer(
        max_epochs=1, precision="64-true", accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_checkpointing=False, enable_model_summary=False, default_root_dir=folder,
    )  # fmt: skip
    rows = Examples(batch.x, batch.y, batch.weight, batch.exposure)
    trainer.fit(module, BatchLoader(rows, None, shuffle=False, seed=0))
    return module.double().log_prob(batch).sum().item()


def linear_fit(case: Problem, folder: Path) -> float:
    columns = {
        name: {"features": [str(place) for place, is_own in enumerate(own) if is_own]}
        for name, own in case.columns.items()
    }
    mapping = {**read(case.name), **case.extra, "parameters": {**case.roles, **columns}, "floors": {}}
    head = DistributionHead(mapping, in_features=case.x.shape[1], event_size=case.event_size).double()
    head.restrict({str(place): [place] for place in range(case.x.shape[1])})
    head.fit_marginal(case.y, case.weight, case.exposure)
    module = LikelihoodModule(nn.Identity(), head, optimizer=lbfgs)
    return fit(module, Batch(case.x.double(), case.y, case.weight, case.exposure), folder)


@pytest.mark.parametrize("case", references(), ids=lambda case: case["id"])
def test_the_reference_is_reached(case: dict[str, Any], tmp_path: Path) -> None:
    if case["id"] in OTHERS:
        pytest.skip(OTHERS[case["id"]])
    reached = linear_fit(problem(case), tmp_path)
    gap = (case["loglik"] - reached) / abs(case["loglik"])
    assert gap <= TOLERANCE.get(case["family"], 1e-6)
    if (
        case["family"] in ("normal", "poisson", "exponential", "bernoulli", "categorical")
        and "hetero" not in case["id"]
    ):
        assert gap >= -1e-6


def sklearn_problem(name: str, spec: str, roles: dict[str, str], columns: list[int] | None, loglik: float) -> Problem:
    load = {"diabetes": lambda: datasets.load_diabetes(scaled=False), "wine": datasets.load_wine,
            "breast_cancer": datasets.load_breast_cancer, "linnerud": datasets.load_linnerud}[name]  # fmt: skip
    bunch = load()
    x = torch.from_numpy(bunch.data if columns is None else bunch.data[:, columns])
    y = torch.from_numpy(bunch.target)
    size = {"categorical": 3, "multivariate_normal": 3}.get(spec)
    return Problem(spec, roles, (x - x.mean(0)) / x.std(0), y if size == 3 and spec == "categorical" else y.double(),
                   loglik, event_size=size)  # fmt: skip


CONSTANT_SCALE = {"loc": "predicted", "scale": "learned"}
#: Maximised by statsmodels, scipy and hand-written Newton steps, each confirmed to 1e-9 by a second way.
BUNDLED = {
    "normal": ("diabetes", "normal", CONSTANT_SCALE, None, -2385.99286212),
    "laplace": ("diabetes", "laplace", CONSTANT_SCALE, None, -2411.24788766),
    "gamma": ("diabetes", "gamma", {"rate": "predicted", "concentration": "learned"}, None, -2369.947244),
    "exponential": ("diabetes", "exponential", {"rate": "predicted"}, None, -2632.55457674),
    "bernoulli": ("breast_cancer", "bernoulli", {"logits": "predicted"}, [0, 1, 4, 8], -89.8253894552),
    "categorical": ("wine", "categorical", {"logits": "predicted"}, [0, 1, 2], -90.4587754481),
    "multivariate_normal": ("linnerud", "multivariate_normal", {"loc": "predicted", "scale_tril": "learned"}, None,
                            -184.37104065),
}  # fmt: skip


@pytest.mark.parametrize("name", BUNDLED)
def test_the_fit_on_bundled_data_is_the_known_one(name: str, tmp_path: Path) -> None:
    case = sklearn_problem(*BUNDLED[name])
    gap = (case.loglik - linear_fit(case, tmp_path)) / abs(case.loglik)
    assert abs(gap) <= TOLERANCE.get(name, 1e-6)


class Bent(nn.Module):
    """distance -> 2 atan(beta * distance): the link of Fisher & Lee (1992)."""

    def __init__(self) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.tensor(-0.05))

    def forward(self, x: Tensor) -> Tensor:
        return 2.0 * torch.atan(self.beta * x)


def fixed_linear(head: DistributionHead, weight: Tensor, bias: bool) -> None:
    """Keep the weights of the head's linear layer at `weight`, and its bias at 0 unless it is trained."""
    with torch.no_grad():
        head.linear.weight.copy_(weight)
        head.linear.bias.zero_()
    head.linear.weight.requires_grad_(False)
    head.linear.bias.requires_grad_(bias)


def find(name: str) -> dict[str, Any]:
    for case in references():
        if case["id"] == name:
            return case
    pytest.skip("the reference fits are not here")


def test_a_bent_location(tmp_path: Path) -> None:
    case = find("periwinkles:vonmises_fisherlee")
    told = problem({**case, "id": "periwinkles:vonmises_vector"})
    distance = pd.read_csv(SHARED / case["data"])[["distance"]].to_numpy(float)
    spec = {
        "family": "likelihead.distributions.VonMises",
        "parameters": {"loc": "predicted", "concentration": "learned"},
    }
    head = DistributionHead(spec, in_features=1).double()
    fixed_linear(head, torch.ones(1, 1), bias=True)
    nn.init.constant_(head.linear.bias, 2.5)
    module = LikelihoodModule(Bent(), head, optimizer=lbfgs, marginal_fit=False)  # starts at the angle set above
    reached = fit(module, Batch(torch.from_numpy(distance), told.y), tmp_path)
    assert (case["loglik"] - reached) / abs(case["loglik"]) <= 1e-6


class Coefficients(nn.Module):
    """The same trained numbers for every row: features (N, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.values.expand(len(x), 2)


def test_items_share_coefficients(tmp_path: Path) -> None:
    case = find("salad:plackett_luce_features")
    told = problem({**case, "id": "salad:plackett_luce"})
    head = DistributionHead("plackett_luce", in_features=2, event_size=4).double()
    fixed_linear(head, torch.tensor([[0.5, 0.0], [0.5, 10.0], [1.0, 0.0], [0.0, 10.0]]), bias=False)
    reached = fit(LikelihoodModule(Coefficients(), head, optimizer=lbfgs), Batch(told.x, told.y), tmp_path)
    assert (case["loglik"] - reached) / abs(case["loglik"]) <= 1e-6
