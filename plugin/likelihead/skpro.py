"""An adapter for skpro, a library of probabilistic regressors: `from likelihead.skpro import SkproRegressor`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from sklearn.base import clone
from skpro import distributions
from skpro.regression.base import BaseProbaRegressor

from likelihead.errors import LikelihoodError
from likelihead.sklearn.regressor import DistributionalRegressor

#: For each class of distributions that skpro has: its own class, and the arguments of that from one of ours.
DISTRIBUTIONS: dict[str, tuple[Any, Callable[[Any], dict[str, Any]]]] = {
    "Normal": (distributions.Normal, lambda dist: {"mu": dist.loc, "sigma": dist.scale}),
    "Laplace": (distributions.Laplace, lambda dist: {"mu": dist.loc, "scale": dist.scale}),
    "StudentT": (distributions.TDistribution, lambda dist: {"mu": dist.loc, "sigma": dist.scale, "df": dist.df}),
    "LogNormal": (distributions.LogNormal, lambda dist: {"mu": dist.loc, "sigma": dist.scale}),
    "Exponential": (distributions.Exponential, lambda dist: {"rate": dist.rate}),
    "Gamma": (distributions.Gamma, lambda dist: {"alpha": dist.concentration, "beta": dist.rate}),
    "Weibull": (distributions.Weibull, lambda dist: {"scale": dist.scale, "k": dist.concentration}),
    "Beta": (distributions.Beta, lambda dist: {"alpha": dist.concentration1, "beta": dist.concentration0}),
    "Poisson": (distributions.Poisson, lambda dist: {"mu": dist.rate}),
    "NegativeBinomial": (distributions.NegativeBinomial, lambda dist: {"mu": dist.mean, "alpha": dist.total_count}),
}


class SkproRegressor(BaseProbaRegressor):
    """A DistributionalRegressor with the interface of skpro, for one target column.

    Args:
        regressor: which family and network; it is cloned, not fitted itself.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from likelihead.skpro import SkproRegressor
    >>> from likelihead.sklearn import DistributionalRegressor
    >>> X = pd.DataFrame({"x": np.linspace(-1, 1, 100)})
    >>> y = pd.DataFrame({"visits": np.round(np.exp(1 + X["x"]))})
    >>> model = SkproRegressor(DistributionalRegressor("poisson", architecture="linear", optimizer="lbfgs"))
    >>> type(model.fit(X, y).predict_proba(X)).__name__
    'Poisson'
    """

    _tags = {  # noqa: RUF012 (skpro's own form)
        "capability:missing": True,
        "X_inner_mtype": "pd_DataFrame_Table",
        "y_inner_mtype": "pd_DataFrame_Table",
    }

    def __init__(self, regressor: DistributionalRegressor) -> None:
        self.regressor = regressor
        super().__init__()

    def _fit(self, X: pd.DataFrame, y: pd.DataFrame, C: Any = None) -> SkproRegressor:
        self.regressor_ = clone(self.regressor).fit(_with_text_names(X), y.iloc[:, 0])
        name = self.regressor_.module_.head.name
        if name not in DISTRIBUTIONS:
            raise LikelihoodError(f"skpro has no distribution for {name}; it has {', '.join(DISTRIBUTIONS)}")
        self.columns_ = y.columns
        return self

    def _predict_proba(self, X: pd.DataFrame) -> Any:
        dist = self.regressor_.predict_dist(_with_text_names(X))
        cls, parameters = DISTRIBUTIONS[type(dist).__name__]
        values = {name: value.expand(len(X)).numpy()[:, None] for name, value in parameters(dist).items()}
        return cls(**values, index=X.index, columns=self.columns_)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """The parameters with which skpro tests the class."""
        linear = {"architecture": "linear", "optimizer": "lbfgs"}
        return [
            {"regressor": DistributionalRegressor("normal", max_epochs=3, random_state=0)},
            {"regressor": DistributionalRegressor("laplace", **linear)},  # type: ignore[arg-type]
        ]


def _with_text_names(X: pd.DataFrame) -> pd.DataFrame:
    """scikit-learn takes no mixture of text and other column names."""
    return X.set_axis([str(name) for name in X.columns], axis=1)
