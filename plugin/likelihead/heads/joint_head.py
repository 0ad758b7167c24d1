"""JointHead: several targets of different families from the features of one network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from likelihead.distributions.joint import Joint
from likelihead.errors import LikelihoodError, TargetError
from likelihead.families.family import Family
from likelihead.heads.distribution_head import DistributionHead, head_from
from likelihead.heads.marginal_fit import MarginalFit
from likelihead.target_types.joint import JointType


class JointHead(nn.Module):
    """Maps features (N, in_features) to independent targets of different families: a `Joint` of batch_shape (N,).

    y (N, D) has a column for each target in the order of `families`, NaN where a target is missing. Each target has a
    `DistributionHead` of its own on the shared features, so that the loss is the sum of their losses.

    Args:
        families: a family for each target: a shipped name, a mapping as in conf/distribution/*.yaml, or a `Family`.
        in_features: the number of features.

    Raises:
        LikelihoodError: an unknown family, or one of vectors.

    >>> head = JointHead({"visits": "poisson", "share": "beta"}, in_features=4)
    >>> sorted(head(torch.zeros(3, 4)).parts)
    ['share', 'visits']
    """

    def __init__(self, families: Mapping[str, Any], in_features: int) -> None:
        super().__init__()
        self.names = list(families)
        self.heads = nn.ModuleList(
            family if isinstance(family, DistributionHead) else DistributionHead(family, in_features)
            for family in families.values()
        )
        self.in_features = in_features
        self.target_type  # noqa: B018

    @property
    def parts(self) -> dict[str, DistributionHead]:
        """The head of each target by its name."""
        return dict(zip(self.names, self.heads, strict=True))  # type: ignore[arg-type]

    @property
    def name(self) -> str:
        """The families' names, for messages."""
        return f"joint of {', '.join(head.name for head in self.parts.values())}"

    @property
    def is_discrete(self) -> bool:
        """Whether every target is discrete."""
        return all(head.is_discrete for head in self.parts.values())

    @property
    def is_fitted(self) -> bool:
        """Whether training starts at a marginal fit."""
        return all(head.is_fitted for head in self.parts.values())

    @cached_property
    def target_type(self) -> JointType:
        """The target types of all targets."""
        return JointType.of({name: head.target_type for name, head in self.parts.items()})

    def describe(self) -> dict[str, Any]:
        """The arguments of the head as plain values, from which `joint_head_from` rebuilds it."""
        return {"joint": {name: head.describe() for name, head in self.parts.items()}, "in_features": self.in_features}

    def restrict(self, features: Mapping[str, Sequence[int]]) -> None:
        """As `DistributionHead.restrict`, for each target."""
        for head in self.parts.values():
            head.restrict(features)

    def _joint(self, dists: Sequence[Any]) -> Joint:
        labels = [not head.target_type.dtype.is_floating_point for head in self.parts.values()]
        return Joint(self.names, dists, labels, validate_args=False)

    def _exposures(self, exposure: Tensor | None) -> list[Tensor | None]:
        """The exposure of each target whose family takes one."""
        takes = [hasattr(head.family.cls, "exposure_parameter") for head in self.parts.values()]
        if exposure is not None and not any(takes):
            raise TargetError(f"no target of the {self.name} takes an exposure: leave it out")
        return [exposure if each else None for each in takes]

    def forward(self, features: Tensor, exposure: Tensor | None = None) -> Joint:
        """The distribution of features (N, in_features), batch_shape (N,)."""
        pairs = zip(self.heads, self._exposures(exposure), strict=True)
        return self._joint([head(features, exposed) for head, exposed in pairs])

    def distribution(self, raw: Tensor, exposure: Tensor | None = None) -> Joint:
        """The distribution of raw outputs (N, total): those of each target's linear layer, in order."""
        pieces = raw.split([sum(head.sizes) for head in self.parts.values()], dim=-1)
        parts = zip(self.parts.values(), pieces, self._exposures(exposure), strict=True)
        return self._joint([head.distribution(piece, exposed) for head, piece, exposed in parts])

    def marginal(self, shape: int | Sequence[int] = 1, exposure: Tensor | None = None) -> Joint:
        """The marginal fits, expanded to batch_shape `shape`."""
        pairs = zip(self.parts.values(), self._exposures(exposure), strict=True)
        return self._joint([head.marginal(shape, exposed) for head, exposed in pairs])

    @torch.no_grad()
    def fit_marginal(
        self,
        y: Tensor,
        weight: Tensor | None = None,
        exposure: Tensor | None = None,
        mask: Tensor | None = None,
        bounds: Tensor | None = None,
        truncation: Tensor | None = None,
    ) -> MarginalFit:
        """Fit each target to the rows where it is known; see `DistributionHead.fit_marginal`.

        Args:
            y: targets (N, D), NaN where one is missing.
            weight, exposure, mask: per row (N,), or None.
            bounds, truncation: None, as the targets of a joint distribution can be neither censored nor truncated.

        Returns:
            The anchors and units, with the target's name in front, and the mean NLL of a row.

        Raises:
            TargetError: targets of another shape or outside a support, or a target that is missing in all rows.
        """
        if bounds is not None or truncation is not None:
            raise TargetError("the targets of a joint distribution can be neither censored nor truncated")
        y = torch.as_tensor(y)
        if y.dim() != 2 or y.shape[1] != len(self.names):
            raise TargetError(f"y has shape {tuple(y.shape)}, but the {self.name} takes (N, {len(self.names)})")
        rows = torch.ones(len(y)) if weight is None else weight
        rows = rows if mask is None else rows * mask
        anchors: dict[str, Tensor] = {}
        units: dict[str, Tensor] = {}
        nll = 0.0
        for column, (name, head), exposed in zip(
            y.unbind(1), self.parts.items(), self._exposures(exposure), strict=True
        ):
            known = ~column.isnan() & (rows > 0)
            if not known.any():
                raise TargetError(f"target {name!r} is missing in every row: leave it out of the joint distribution")
            fit = head.fit_marginal(column[known], rows[known], None if exposed is None else exposed[known])
            anchors |= {f"{name}.{parameter}": anchor for parameter, anchor in fit.anchors.items()}
            units |= {f"{name}.{parameter}": unit for parameter, unit in fit.units.items()}
            nll += fit.nll * float(rows[known].sum() / rows.sum())
        return MarginalFit(anchors, units, nll)


def joint_head_from(description: Mapping[str, Any], user_classes: Iterable[type] = ()) -> JointHead:
    """Rebuild a head from its `describe()`.

    Raises:
        LikelihoodError: as `head_from`.
    """
    parts = {name: head_from(part, user_classes) for name, part in description["joint"].items()}
    return JointHead(parts, description["in_features"])


def any_head_from(description: Mapping[str, Any], user_classes: Iterable[type] = ()) -> DistributionHead | JointHead:
    """Rebuild a head of either kind from its `describe()`."""
    rebuild = joint_head_from if "joint" in description else head_from
    return rebuild(description, user_classes)


def head_of(
    families: Family | Mapping[str, Family], in_features: int, by_item: bool = False
) -> DistributionHead | JointHead:
    """The head of a family, or of one for each target.

    Raises:
        LikelihoodError: features by item for several targets, or as `DistributionHead`.
    """
    if isinstance(families, Family):
        return DistributionHead(families, in_features, by_item=by_item)
    if by_item:
        raise LikelihoodError("the network has features for each item of a row, which a joint distribution cannot take")
    return JointHead(families, in_features)
