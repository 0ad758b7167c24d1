"""scikit-learn estimators that predict distributions: `from likelihead.sklearn import DistributionalRegressor`."""

from likelihead.sklearn.classifier import DistributionalClassifier
from likelihead.sklearn.regressor import DistributionalRegressor

__all__ = ["DistributionalClassifier", "DistributionalRegressor"]
