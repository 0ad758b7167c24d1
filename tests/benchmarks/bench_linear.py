"""architecture=linear optimizer=lbfgs against statsmodels' GLM: 20,000 rows of 10 inputs, the fit alone.

Both stop by their own rules. `gap` is how far the deviance of our coefficients lies above that of statsmodels',
relative to it: below 1e-8 the two are the same fit.
"""

from __future__ import annotations

import time
import warnings
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
import statsmodels.api as sm
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from likelihead import LikelihoodModule, fit
from likelihead.configs import defaults, read
from likelihead.inference import mean

from .timing import Row, in_turns

ROWS, FEATURES = 20_000, 10


class Model(NamedTuple):
    """One model in both words: ours (a distribution) and statsmodels' (a family), and its targets."""

    distribution: dict[str, Any]
    family: Any
    y: Tensor


class FitClock(Callback):
    """The processor time of the one step in which L-BFGS converges, in `seconds`."""

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, index: int) -> None:
        self.start = time.process_time()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        self.seconds = time.process_time() - self.start


def models(x: Tensor) -> dict[str, Model]:
    """Targets drawn from a linear predictor, under the link that both take."""
    eta = 0.3 * x.sum(-1) / FEATURES**0.5 + 0.5
    families = sm.families
    normal = {**read("normal"), "parameters": {"loc": "predicted", "scale": "learned"}}
    gamma = {**read("gamma_mean"), "parameters": {"mean": "predicted", "concentration": "learned"}}
    amounts = eta.exp() * torch.distributions.Gamma(2.0, 2.0).sample(eta.shape)
    return {
        "poisson": Model(read("poisson"), families.Poisson(), torch.poisson(eta.exp())),
        "normal": Model(normal, families.Gaussian(), eta + torch.randn(len(x))),
        "gamma": Model(gamma, families.Gamma(families.links.Log()), amounts),
        "bernoulli": Model(read("bernoulli"), families.Binomial(), torch.bernoulli(eta.sigmoid())),
    }


def optimizer(parameters: Any) -> torch.optim.Optimizer:
    """What optimizer=lbfgs makes for this many rows."""
    options = defaults("optimizer/lbfgs")["optimizer"]
    given = {name: value for name, value in options.items() if name != "scheduler" and not name.startswith("_")}
    return torch.optim.LBFGS(parameters, **{**given, "tolerance_grad": 1e-8 * ROWS})


def compare(x: Tensor, model: Model, repeats: int) -> tuple[float, float]:
    """(our time over statsmodels', relative gap in deviance)."""
    predicted: dict[str, np.ndarray] = {}
    observed, design = model.y.double().numpy(), sm.add_constant(x.double().numpy())

    def ours() -> float:
        clock = FitClock()
        module = LikelihoodModule.for_data((x, model.y), model.distribution, "linear", optimizer)
        fit(
            module, (x, model.y), batch_size=None, max_epochs=1, precision="64-true", gradient_clip_val=0.0,
            callbacks=[clock],
        )  # fmt: skip
        with torch.no_grad():
            predicted["ours"] = mean(module.double()(x.double())).numpy()
        return clock.seconds

    def statsmodels() -> float:
        glm = sm.GLM(observed, design, family=model.family)
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = glm.fit()
        seconds = time.process_time() - start
        predicted["statsmodels"] = result.mu
        return seconds

    times = in_turns({"ours": ours, "statsmodels": statsmodels}, repeats)
    best, reached = (model.family.deviance(observed, predicted[name]) for name in ("statsmodels", "ours"))
    return times["ours"] / times["statsmodels"], max(0.0, reached / best - 1.0)


def run(quick: bool = False) -> list[Row]:
    """Time and gap of each model."""
    torch.manual_seed(0)
    x = torch.randn(500 if quick else ROWS, FEATURES)
    found = []
    for name, model in models(x).items():
        ratio, gap = compare(x, model, 1 if quick else 7)
        found.append(Row("linear", f"{name}, the fit", "statsmodels", ratio, 0.2))
        found.append(Row("linear", f"{name}, gap in units of 1e-8", "statsmodels", gap / 1e-8, 1.0))
    return found
