"""Where the quantiles of scores and predictions come from: the distribution itself, or a calibration of it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from likelihead.inference.functions import interval, median, quantile


class Quantiles:
    """The quantiles of the predicted distribution, as they are.

    >>> import torch
    >>> from pyro.distributions import Exponential
    >>> Quantiles().quantile(Exponential(torch.tensor(1.0)), 0.9)
    tensor(2.3026, dtype=torch.float64)
    """

    def quantile(self, dist: Any, q: float) -> Tensor:
        """The quantile of level q, batch_shape + event_shape."""
        return quantile(dist, q)

    def interval(self, dist: Any, mass: float) -> tuple[Tensor, Tensor]:
        """The ends of the central interval, each of shape batch_shape + event_shape."""
        return interval(dist, mass)

    def median(self, dist: Any) -> Tensor:
        """The median, batch_shape + event_shape."""
        return median(dist)


#: The quantiles of a model that is not calibrated.
UNCALIBRATED = Quantiles()
