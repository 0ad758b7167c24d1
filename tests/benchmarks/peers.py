"""Other libraries' default fits of a table, each as a function from a split to the distribution of the test targets.

A peer is a row of PEERS: the distribution package it needs, and an adapter for each family that it has. Adapters return
a frozen distribution of scipy. Nothing is tuned, and numbers of iterations are the libraries' own, but for networks,
for which there is no default: 50 hidden units, 100 epochs. XGBoostLSS starts at the marginal fit, without which it
diverges on targets far from 0. scikit-learn's trees predict means only: their spread is that of cross-validated
residuals.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from .peer_tables import Split

Adapter = Callable[[Split], Any]
Array = NDArray[np.float64]


class Peer(NamedTuple):
    """A library's model: the module that has it, and its adapters by family."""

    module: str
    adapters: dict[str, Adapter]

    def is_installed(self) -> bool:
        """Whether the module can be imported: some packages do not name all that they need."""
        try:
            import_module(self.module)
        except ImportError:
            return False
        return True


def _gamma(mean: Array, shape: float | Array) -> Any:
    return stats.gamma(shape, scale=mean / shape)


def _gamma_shape(y: Array, mean: Array) -> float:
    """The maximum-likelihood shape of a gamma distribution whose means are known."""
    excess = float(np.mean(y / mean - np.log(y / mean))) - 1.0
    return float(optimize.brentq(lambda shape: np.log(shape) - special.digamma(shape) - excess, 1e-3, 1e6))


def bayesian_ridge(split: Split) -> Any:
    from sklearn.linear_model import BayesianRidge

    return stats.norm(*BayesianRidge().fit(split.train_x, split.train_y).predict(split.test_x, return_std=True))


def gaussian_process(split: Split) -> Any:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    kernel = ConstantKernel() * RBF(np.ones(split.train_x.shape[1])) + WhiteKernel()
    model = make_pipeline(StandardScaler(), GaussianProcessRegressor(kernel, normalize_y=True))
    return stats.norm(*model.fit(split.train_x, split.train_y).predict(split.test_x, return_std=True))


def _trees(loss: str) -> Adapter:
    def fit(split: Split) -> Any:
        from sklearn.ensemble import HistGradientBoostingRegressor
        from sklearn.model_selection import cross_val_predict

        model = HistGradientBoostingRegressor(loss=loss, random_state=0)
        mean = model.fit(split.train_x, split.train_y).predict(split.test_x)
        if loss == "poisson":
            return stats.poisson(mean)
        held_out = cross_val_predict(model, split.train_x, split.train_y)
        if loss == "gamma":
            return _gamma(mean, _gamma_shape(split.train_y, held_out))
        return stats.norm(mean, np.sqrt(np.mean((split.train_y - held_out) ** 2)))

    return fit


def _glm(family: str) -> Adapter:
    def fit(split: Split) -> Any:
        import statsmodels.api as sm

        families = sm.families
        chosen = {
            "normal": families.Gaussian(),
            "poisson": families.Poisson(),
            "gamma": families.Gamma(families.links.Log()),
        }
        design, new = (sm.add_constant(x, has_constant="add") for x in (split.train_x, split.test_x))
        result = sm.GLM(split.train_y, design, family=chosen[family]).fit()
        mean = result.predict(new)
        if family == "poisson":
            return stats.poisson(mean)
        if family == "gamma":
            return _gamma(mean, _gamma_shape(split.train_y, result.mu))
        return stats.norm(mean, np.sqrt(result.scale))

    return fit


def _ngboost(family: str) -> Adapter:
    def fit(split: Split) -> Any:
        from ngboost import NGBRegressor
        from ngboost.distns import Gamma, Normal, Poisson

        chosen = {"normal": Normal, "poisson": Poisson, "gamma": Gamma}[family]
        model = NGBRegressor(Dist=chosen, verbose=False, random_state=0).fit(split.train_x, split.train_y)
        params = model.pred_dist(split.test_x).params
        if family == "poisson":
            return stats.poisson(params["mu"])
        if family == "gamma":
            return stats.gamma(params["alpha"], scale=1.0 / params["beta"])
        return stats.norm(params["loc"], params["scale"])

    return fit


def _catboost(family: str) -> Adapter:
    def fit(split: Split) -> Any:
        from catboost import CatBoostRegressor

        loss = {"normal": "RMSEWithUncertainty", "poisson": "Poisson"}[family]
        model = CatBoostRegressor(
            loss_function=loss, random_seed=0, thread_count=1, silent=True, allow_writing_files=False
        )
        model.fit(split.train_x, split.train_y)
        if family == "poisson":
            return stats.poisson(model.predict(split.test_x, prediction_type="Exponent"))
        mean, variance = model.predict(split.test_x, prediction_type="RMSEWithUncertainty").T
        return stats.norm(mean, np.sqrt(variance))

    return fit  # fmt: skip


def _xgboostlss(family: str) -> Adapter:
    def fit(split: Split) -> Any:
        import xgboost
        from xgboostlss.distributions.Gamma import Gamma
        from xgboostlss.distributions.Gaussian import Gaussian
        from xgboostlss.distributions.Poisson import Poisson
        from xgboostlss.model import XGBoostLSS

        model = XGBoostLSS({"normal": Gaussian, "poisson": Poisson, "gamma": Gamma}[family](initialize=True))
        data = xgboost.DMatrix(split.train_x, label=split.train_y, nthread=1)
        model.train({"nthread": 1, "seed": 0}, data, verbose_eval=False)
        found = model.predict(xgboost.DMatrix(split.test_x, nthread=1), pred_type="parameters")
        if family == "poisson":
            return stats.poisson(found["rate"].to_numpy())
        if family == "gamma":
            return stats.gamma(found["concentration"].to_numpy(), scale=1.0 / found["rate"].to_numpy())
        return stats.norm(found["loc"].to_numpy(), found["scale"].to_numpy())

    return fit


def _standardised(fit: Callable[[Split], tuple[Array, Array]]) -> Adapter:
    """The normal distribution of a fit that wants inputs and targets in units of their standard deviations."""

    def on_scale(split: Split) -> Any:
        centre, unit = split.train_x.mean(0), np.where(split.train_x.std(0) > 0, split.train_x.std(0), 1.0)
        mean, deviation = split.train_y.mean(), split.train_y.std()
        x, new = ((values - centre) / unit for values in (split.train_x, split.test_x))
        loc, scale = fit(Split(x, (split.train_y - mean) / deviation, new, split.test_y))
        return stats.norm(mean + deviation * loc, deviation * scale)

    return on_scale


def torch_uncertainty(split: Split) -> tuple[Array, Array]:
    """Its regression routine on an MLP with a normal layer, in its trainer, for 100 epochs of 64 rows."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset
    from torch_uncertainty import TUTrainer
    from torch_uncertainty.losses import DistributionNLLLoss
    from torch_uncertainty.models import mlp
    from torch_uncertainty.routines import RegressionRoutine

    torch.manual_seed(0)
    x, y, new = (
        torch.as_tensor(values, dtype=torch.float32) for values in (split.train_x, split.train_y, split.test_x)
    )
    network = mlp(in_features=x.shape[1], num_outputs=1, hidden_dims=[50], dist_family="normal")
    routine = RegressionRoutine(
        output_dim=1, model=network, loss=DistributionNLLLoss(), dist_family="normal",
        optim_recipe=torch.optim.Adam(network.parameters(), lr=5e-3),
    )  # fmt: skip
    trainer = TUTrainer(
        accelerator="cpu", max_epochs=100, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(routine, DataLoader(TensorDataset(x, y[:, None]), batch_size=64, shuffle=True))
    with torch.no_grad():
        found = network.eval()(new)
    return found["loc"].squeeze(-1).double().numpy(), found["scale"].squeeze(-1).double().numpy()


def gluonts(split: Split) -> tuple[Array, Array]:
    """Its normal output on an MLP in a loop of Adam for 100 epochs of 64 rows: it has no fit for tables."""
    import torch
    from gluonts.torch.distributions import NormalOutput

    torch.manual_seed(0)
    x, y, new = (
        torch.as_tensor(values, dtype=torch.float32) for values in (split.train_x, split.train_y, split.test_x)
    )
    output = NormalOutput()
    network = torch.nn.Sequential(torch.nn.Linear(x.shape[1], 50), torch.nn.ReLU(), output.get_args_proj(50))
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(100):
        for rows in torch.randperm(len(x)).split(64):
            loss = -output.distribution(network(x[rows])).log_prob(y[rows]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        found = output.distribution(network(new))
        return found.mean.double().numpy(), found.stddev.double().numpy()


FAMILIES = ("normal", "poisson", "gamma")
PEERS = {
    "scikit-learn, trees": Peer(
        "sklearn",
        {"normal": _trees("squared_error"), "poisson": _trees("poisson"), "gamma": _trees("gamma")},
    ),
    "scikit-learn, Gaussian process": Peer("sklearn", {"normal": gaussian_process}),
    "scikit-learn, Bayesian ridge": Peer("sklearn", {"normal": bayesian_ridge}),
    "statsmodels, GLM": Peer("statsmodels", {family: _glm(family) for family in FAMILIES}),
    "NGBoost": Peer("ngboost", {family: _ngboost(family) for family in FAMILIES}),
    "CatBoost": Peer("catboost", {family: _catboost(family) for family in ("normal", "poisson")}),
    "XGBoostLSS": Peer("xgboostlss", {family: _xgboostlss(family) for family in FAMILIES}),
    "torch-uncertainty": Peer("torch_uncertainty", {"normal": _standardised(torch_uncertainty)}),
    "GluonTS": Peer("gluonts", {"normal": _standardised(gluonts)}),
}
