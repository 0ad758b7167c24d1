"""The protocol of heads: what training, scoring and prediction need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from likelihead.heads.marginal_fit import MarginalFit
from likelihead.target_types.target_type import TargetType


@runtime_checkable
class Head(Protocol):
    """A module that maps features (N, …, in_features) to a distribution over y.

    `DistributionHead` implements it; any module with these members can be used in its place.

    >>> from likelihead import DistributionHead
    >>> isinstance(DistributionHead("normal", in_features=2), Head)
    True
    """

    in_features: int

    @property
    def name(self) -> str:
        """The family's name, for messages."""

    @property
    def is_discrete(self) -> bool:
        """Whether y is discrete, so that log_prob is that of a probability and not of a density."""

    @property
    def is_fitted(self) -> bool:
        """Whether training starts at a marginal fit."""

    @property
    def target_type(self) -> TargetType:
        """The target type of y."""

    def __call__(self, features: Tensor, exposure: Tensor | None = None) -> Any:
        """The distribution of features (N, …, in_features), with the exposure of counts if there is one."""

    def distribution(self, raw: Tensor, exposure: Tensor | None = None) -> Any:
        """The distribution of raw outputs (N, …), those of the head's last linear layer."""

    def marginal(self, shape: int | Sequence[int] = 1, exposure: Tensor | None = None) -> Any:
        """The marginal fit, expanded to batch_shape `shape`."""

    def fit_marginal(
        self,
        y: Tensor,
        weight: Tensor | None = None,
        exposure: Tensor | None = None,
        mask: Tensor | None = None,
        bounds: Tensor | None = None,
        truncation: Tensor | None = None,
    ) -> MarginalFit:
        """Fit the targets without x, and make training start there; see `DistributionHead.fit_marginal`."""

    def describe(self) -> dict[str, Any]:
        """The arguments of the head as plain values, for a checkpoint."""
