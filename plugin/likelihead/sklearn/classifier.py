"""DistributionalClassifier: one label of several, with or without an order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_y, check_is_fitted, column_or_1d

from likelihead.errors import LikelihoodError
from likelihead.sklearn.base import DistributionalEstimator, joined
from likelihead.target_types.cells import is_text
from likelihead.target_types.target_type import TargetType


class DistributionalClassifier(ClassifierMixin, DistributionalEstimator):
    """A network that predicts the probability of each class, trained by maximum likelihood.

    Args:
        distribution: "categorical"; "bernoulli" for two classes; "ordinal" for classes in order: numbers, or a pandas
            series of ordered categories. Or a mapping or class of such a distribution.

    The other arguments and the attributes are those of `DistributionalRegressor`; further ones:

    Attributes:
        classes_: the classes, sorted; of ordered categories in their order.

    >>> x = np.linspace(-1, 1, 100)[:, None]
    >>> model = DistributionalClassifier(architecture="linear", optimizer="lbfgs").fit(x, np.where(x[:, 0] > 0.1, "b", "a"))
    >>> model.predict(x[[0, -1]]), model.predict_proba(x).shape
    (array(['a', 'b'], dtype='<U1'), (100, 2))
    """  # noqa: E501

    def __init__(
        self,
        distribution: str | Mapping[str, Any] | type = "categorical",
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
        self.data_options = data_options
        self.trainer_options = trainer_options
        self.ensemble = ensemble
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        try:
            tags.classifier_tags.multi_class = self._target_type().max_labels is None
        except LikelihoodError:
            return tags
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> DistributionalClassifier:
        """Train on rows X (n, p) and labels y (n,).

        Args:
            X: a frame, whose text columns become categories and whose cells may be missing, or an array of numbers.
            y: labels of any sort: text, numbers, booleans, categories.
            sample_weight: how much each row counts (n,); only ratios matter.

        Raises:
            ValueError: targets that are no labels, a single class, or more than two of a binary family.
            LikelihoodError: an unknown parameter value, or inputs that cannot be encoded.
        """
        target_type = self._target_type()
        if not target_type.has_labels:
            raise LikelihoodError(
                f"{target_type.family} takes {target_type.support_text}: use DistributionalRegressor, or categorical, "
                "bernoulli or ordinal for class labels"
            )
        if y is None:
            raise LikelihoodError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None"
            )
        labels = _check_y(y, estimator=self)
        check_classification_targets(labels)
        self.classes_ = self._sorted_classes(y, labels, target_type)
        self._fit(X, self._codes(y), sample_weight, None, levels=list(range(max(2, len(self.classes_)))))
        return self

    def _sorted_classes(self, y: Any, labels: NDArray[Any], target_type: TargetType) -> NDArray[Any]:
        dtype = getattr(y, "dtype", None)
        if isinstance(dtype, pd.CategoricalDtype) and dtype.ordered:
            return np.asarray(dtype.categories)
        if target_type.has_order and is_text(pd.Series(labels)):
            raise LikelihoodError(
                f"y holds text, whose order {target_type.family} cannot know: pass numbers, or a pandas series of "
                "ordered categories"
            )
        classes: NDArray[Any] = np.unique(labels)
        return classes

    def _codes(self, y: Any) -> pd.DataFrame:
        """The position of each label in `classes_`."""
        codes = pd.Index(self.classes_).get_indexer(pd.Index(column_or_1d(y)))
        if (codes < 0).any():
            raise LikelihoodError(f"y holds labels that were not in fit; the classes are {self.classes_.tolist()}")
        return pd.DataFrame({"y (class)": codes.astype(np.float64)})

    def _check_targets(self, targets: pd.DataFrame) -> None:
        if targets.nunique().item() < 2:
            raise LikelihoodError("y holds 1 class in the rows that count: a classifier needs at least two")
        target_type = self._target_type()
        if target_type.max_labels is not None and len(self.classes_) > target_type.max_labels:
            raise LikelihoodError(
                f"Only binary classification is supported by {target_type.family}. The type of the target is "
                f"multiclass, with {len(self.classes_)} classes: take categorical"
            )

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """The logarithm of the probability of each class, (n, K)."""
        examples = self._encoded(X, None)
        codes = torch.arange(len(self.classes_), dtype=self._target_type().dtype)[:, None]
        return joined(dist.log_prob(codes.expand(-1, *dist.batch_shape)).T for dist in self._predicted(examples))

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probability of each class in the order of `classes_`, (n, K)."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each row, (n,)."""
        best = self.predict_log_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The weighted mean of log p(y | x), in nats per row: higher is better.

        The share of right labels is `sklearn.metrics.accuracy_score`.
        """
        check_is_fitted(self)
        return self._score(X, self._codes(y), sample_weight, None)
