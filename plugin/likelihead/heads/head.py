"""What training, scoring and prediction ask of a head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from likelihead.heads.marginal_fit import MarginalFit
from likelihead.target_types.target_type import TargetType


@runtime_checkable
class Head(Protocol):
    """A module that maps features (N, …, in_features) to a distribution over y.

    `DistributionHead` is one; a module of your own that has these members can stand in its place.
    """

    in_features: int

    @property
    def name(self) -> str:
        """The family's name, for messages."""

    @property
    def is_discrete(self) -> bool:
        """Whether y takes separate values, so that its log_prob is a probability and not a density."""

    @property
    def target_type(self) -> TargetType:
        """What sort of answer y is."""

    def __call__(self, features: Tensor, exposure: Tensor | None = None) -> Any:
        """The distribution of features, and of the exposure of a count if there is one."""

    def marginal(self, shape: int | Sequence[int] = 1, exposure: Tensor | None = None) -> Any:
        """The marginal fit, once for each row, or row and site, of `shape`."""

    def fit_marginal(
        self, y: Tensor, weight: Tensor | None = None, exposure: Tensor | None = None, mask: Tensor | None = None
    ) -> MarginalFit:
        """Start at the distribution that fits the targets alone best."""

    def describe(self) -> dict[str, Any]:
        """What builds the head again, as plain values for a checkpoint."""
