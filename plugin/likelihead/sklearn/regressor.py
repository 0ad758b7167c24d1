"""DistributionalRegressor: numbers, counts, angles, and vectors of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import column_or_1d

from likelihead import inference
from likelihead.errors import LikelihoodError, suggest
from likelihead.sklearn.base import DistributionalEstimator, joined
from likelihead.sklearn.tables import target_array, target_names

POINTS = {"mean": inference.mean, "mode": inference.mode, "median": inference.median}


class DistributionalRegressor(RegressorMixin, DistributionalEstimator):
    """A network that predicts a distribution over y, trained by maximum likelihood.

    Args:
        distribution: a shipped name, a mapping as in conf/distribution/*.yaml, or a distribution class.
        architecture: "mlp", "shallow" or "linear"; a module, whose weights are where training starts; or a function
            or class that makes a module from `in_features`. Modules say how many features they give: `out_features`.
        architecture_options: for a named or made architecture, such as {"width": 64}. An "mlp" has 2 hidden layers of
            128 units with dropout 0.1 unless they say otherwise.
        optimizer: "adamw", or "lbfgs": all rows at once until convergence, for linear models and other small ones.
        learning_rate, weight_decay: of AdamW, whose learning rate falls along a cosine over `max_epochs`.
        max_epochs: the longest run; AdamW stops early.
        batch_size: rows in a step of AdamW; "auto" is a sixteenth of the training rows, 16 to 512; None all rows.
        validation_fraction: share of the rows of `fit` by whose NLL training stops and the best weights are chosen.
            Equal rows stay together, so that a row of weight 2 and the same row twice give the same fit; where most
            inputs repeat, rows are held out one by one. L-BFGS trains on all rows.
        patience: stop after so many epochs without a better NLL.
        point: what `predict` gives: "mean", "mode" or "median".
        round_counts: whether a count family rounds targets that are not whole; elsewhere they are an error.
        data_options: `categorical` (columns whose numbers stand for categories), `unseen`, `boundary`, `angles`,
            `ranking`, as in the `data` config group.
        trainer_options: arguments of Lightning's Trainer, such as {"accelerator": "gpu"}; the default is one CPU.
        ensemble: the number of networks; several are trained side by side, each holding out other rows, and
            predicted as their mixture.
        random_state: determines the split, the first weights, the order of the rows and dropout.
        verbose: whether a progress bar is shown.

    Attributes:
        module_: the trained LikelihoodModule.
        encoder_: how the columns of X and y became tensors.
        metrics_: scores of the training and validation rows, as in metrics.json.
        n_iter_: epochs trained.
        n_features_in_, feature_names_in_: as in scikit-learn.

    >>> x = np.linspace(-1, 1, 200)[:, None]
    >>> model = DistributionalRegressor("poisson", architecture="linear", optimizer="lbfgs")
    >>> model = model.fit(x, np.round(np.exp(1 + x[:, 0])))
    >>> model.predict_dist(x[:1]).rate.shape
    torch.Size([1])
    >>> model.predict_quantile(x, [0.05, 0.95]).shape
    (200, 2)
    """

    def __init__(
        self,
        distribution: str | Mapping[str, Any] | type = "normal",
        *,
        architecture: Any = "mlp",
        architecture_options: Mapping[str, Any] | None = None,
        optimizer: str = "adamw",
        learning_rate: float = 1e-2,
        weight_decay: float = 1e-2,
        max_epochs: int = 120,
        batch_size: int | str | None = "auto",
        validation_fraction: float = 0.15,
        patience: int = 25,
        point: str = "mean",
        round_counts: bool = False,
        data_options: Mapping[str, Any] | None = None,
        trainer_options: Mapping[str, Any] | None = None,
        ensemble: int = 1,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.distribution = distribution
        self.architecture = architecture
        self.architecture_options = architecture_options
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.point = point
        self.round_counts = round_counts
        self.data_options = data_options
        self.trainer_options = trainer_options
        self.ensemble = ensemble
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # `score` is a log-likelihood, and scikit-learn's checks expect a coefficient of determination
        tags.regressor_tags.poor_score = True
        try:
            target_type = self._target_type()
        except LikelihoodError:
            return tags
        tags.target_tags.positive_only = getattr(target_type, "lower", -np.inf) >= 0
        tags.target_tags.single_output = not target_type.is_vector
        # the checks of several outputs pass negative targets to families of positive ones, which take several as well
        tags.target_tags.multi_output = not tags.target_tags.positive_only
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None, exposure: Any = None) -> DistributionalRegressor:
        """Train on rows X (n, p) and targets y, (n,) or (n, D) for a vector or D independent outputs.

        Args:
            X: a frame, whose text columns become categories and whose cells may be missing, or an array of numbers.
            sample_weight: how much each row counts (n,); only ratios matter.
            exposure: the time or area over which a row's events were counted (n,), for count families.

        Raises:
            TargetError: targets that the family cannot take; the message names families that can.
            LikelihoodError: an unknown parameter value, or inputs that cannot be encoded.
        """
        target_type = self._target_type()
        if target_type.has_labels and target_type.max_labels is None:
            raise LikelihoodError(f"{target_type.family} takes class labels: use DistributionalClassifier")
        self._point()
        values = target_array(self, y)
        if values.ndim == 2 and values.shape[1] == 1 and not target_type.is_vector:
            values = column_or_1d(values, warn=True)
        if self.round_counts and target_type.is_count:
            values = np.rint(values)
        targets = self._targets(values)
        targets.columns = target_names(y, targets.shape[1], map(str, getattr(X, "columns", ())))
        self._fit(X, targets, sample_weight, exposure)
        return self

    def _targets(self, values: NDArray[np.float64]) -> pd.DataFrame:
        return pd.DataFrame(values.reshape(len(values), -1))

    def _point(self) -> Any:
        if self.point not in POINTS:
            raise LikelihoodError(f"point is {self.point!r}: {suggest(str(self.point), POINTS)}")
        return POINTS[self.point]

    def predict(self, X: Any, exposure: Any = None) -> NDArray[np.float64]:
        """The mean, or the mode or median where `point` says so, of each row: (n,) or (n, D), float64."""
        point = self._point()
        return joined(point(dist).double() for dist in self._predicted(self._encoded(X, exposure)))

    def predict_quantile(self, X: Any, q: Any, exposure: Any = None) -> NDArray[np.float64]:
        """The quantiles of each row: (n,) for one level q, (n, Q) for several; and (n, D) or (n, Q, D) for D outputs.

        Raises:
            LikelihoodError: a level outside [0, 1], or a family without quantiles.
        """
        levels = torch.as_tensor(np.asarray(q, dtype=np.float64))
        parts = (inference.quantile(dist, levels) for dist in self._predicted(self._encoded(X, exposure)))
        return joined(part.movedim(0, 1) if levels.dim() else part for part in parts)

    def predict_interval(
        self, X: Any, mass: float = 0.9, kind: str = "central", exposure: Any = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The ends (lower, upper) of an interval that holds `mass`: each (n,) or (n, D).

        Args:
            kind: "central", or "highest" for the shortest interval.
        """
        ends = [inference.interval(dist, mass, kind) for dist in self._predicted(self._encoded(X, exposure))]
        return joined(lower for lower, _ in ends), joined(upper for _, upper in ends)

    def score(self, X: Any, y: Any, sample_weight: Any = None, exposure: Any = None) -> float:
        """The weighted mean of log p(y | x), in nats per row: higher is better; R² is `sklearn.metrics.r2_score`."""
        values = target_array(self, y)
        if self.round_counts and self._target_type().is_count:
            values = np.rint(values)
        return self._score(X, self._targets(values), sample_weight, exposure)
