"""DistributionHead: the output layer that maps features to a distribution over the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from likelihead.families.family import Family
from likelihead.heads.exposure import expose
from likelihead.heads.marginal_fit import MarginalFit, fit_marginal
from likelihead.heads.parameters import Anchored, Fixed, Learned, Parameter, Predicted
from likelihead.heads.pooled_targets import pooled
from likelihead.target_types.detect import target_type_of
from likelihead.target_types.target_type import TargetType


def _parameter(family: Family, name: str) -> Parameter:
    role, shape = family.roles[name], family.parameter_shapes[name]
    if role == "predicted":
        return Predicted(family.links[name], shape)
    if role == "learned":
        return Learned(family.links[name], shape)
    return Fixed(family.number(name))


class DistributionHead(nn.Module):
    """Maps features (N, in_features) to a Pyro distribution: batch_shape (N,), event_shape that of y.

    One `nn.Linear` holds the raw outputs of all predicted parameters, parameter after parameter in the order of the
    mapping; links carry them to their constraints, and learned and fixed parameters join.

    Args:
        distribution: a shipped name ("poisson"), a mapping as in conf/distribution/*.yaml, or a distribution class.
        in_features: the number of features.
        event_size: K where the family has a dimension of its own (classes, items, components of a vector).
        output_shape: (D,) for D independent outputs.

    Raises:
        LikelihoodError: the distribution is unknown, or a parameter, a role or a size does not fit it.

    >>> head = DistributionHead("poisson", in_features=64)
    >>> dist = head(torch.zeros(8, 64))
    >>> dist.batch_shape, dist.event_shape
    (torch.Size([8]), torch.Size([]))
    """

    def __init__(
        self,
        distribution: str | Mapping[str, Any] | type | Family,
        in_features: int,
        event_size: int | None = None,
        output_shape: Sequence[int] = (),
    ) -> None:
        super().__init__()
        if isinstance(distribution, Family):
            self.family = distribution
        else:
            self.family = Family.of(distribution, event_size, output_shape)
        self.in_features = in_features
        self.parameter = nn.ModuleDict({name: _parameter(self.family, name) for name in self.family.roles})
        self.sizes = [parameter.size for _, parameter in self._named()]
        self.linear = nn.Linear(in_features, sum(self.sizes)) if sum(self.sizes) else None

    def _named(self) -> Iterable[tuple[str, Parameter]]:
        return self.parameter.items()  # type: ignore[return-value]

    @property
    def name(self) -> str:
        """The family's name, for messages."""
        return self.family.name

    @property
    def is_discrete(self) -> bool:
        """Whether y takes separate values, so that its log_prob is a probability and not a density."""
        return self.family.is_discrete

    @cached_property
    def target_type(self) -> TargetType:
        """What sort of answer y is."""
        return target_type_of(self.family)

    def describe(self) -> dict[str, Any]:
        """What `head_from` needs to build the head again, as plain values."""
        return {
            "distribution": self.family.spec,
            "in_features": self.in_features,
            "event_size": self.family.event_size,
            "output_shape": list(self.family.output_shape),
        }

    def forward(self, features: Tensor, exposure: Tensor | None = None) -> Any:
        """Features (N, in_features), and the exposure (N,) of a count if there is one, to a distribution.

        Dimensions between the rows and the features (tokens, pixels) stay dimensions of the batch.
        """
        raw = features.new_empty(*features.shape[:-1], 0) if self.linear is None else self.linear(features)
        return self.distribution(raw, exposure)

    def distribution(self, raw: Tensor, exposure: Tensor | None = None) -> Any:
        """The distribution of raw outputs (N, total), those that `linear` gives."""
        pieces = raw.split(self.sizes, dim=-1)
        values = {
            name: parameter(piece) for (name, parameter), piece in zip(self.parameter.items(), pieces, strict=True)
        }
        return self.family.build(expose(self.family, values, exposure))

    def marginal(self, shape: int | Sequence[int] = 1, exposure: Tensor | None = None) -> Any:
        """The distribution where training starts, once for each row, or row and site, of `shape`.

        After `fit_marginal` it is the marginal fit, whatever was trained since.

        >>> DistributionHead("normal", in_features=2).marginal(3).scale
        tensor([1., 1., 1.])
        """
        batch_shape = torch.Size([shape] if isinstance(shape, int) else shape)
        values = {name: parameter.at_anchor(batch_shape) for name, parameter in self._named()}
        return self.family.build(expose(self.family, values, exposure))

    @torch.no_grad()
    def fit_marginal(
        self, y: Tensor, weight: Tensor | None = None, exposure: Tensor | None = None, mask: Tensor | None = None
    ) -> MarginalFit:
        """Anchor the links at the marginal fit of the targets, and start there.

        Every raw output becomes 0: the linear layer and the learned constants are set to zero, so call it before
        training.

        Args:
            y: targets (N, *sites, *event_shape); all sites of a head that tells them apart by their features alone
                (tokens, pixels) are fitted by one distribution.
            weight: how much each row (N,) or site counts.
            exposure: by row or site, scales the expected count.
            mask: False where a row or a site has no target.

        Raises:
            TargetError: targets of another shape, outside the support, or all equal.

        >>> head = DistributionHead("normal", in_features=2)
        >>> _ = head.fit_marginal(torch.tensor([1.0, 2.0, 3.0]))
        >>> head(torch.randn(1, 2)).mean.item()
        2.0
        """
        with torch.enable_grad():
            fit = fit_marginal(self.family, *pooled(self.family, y, weight, exposure, mask))
        for name, parameter in self._named():
            if isinstance(parameter, Anchored):
                parameter.set_anchor(fit.anchors[name], fit.units[name])
        if self.linear is not None:
            nn.init.zeros_(self.linear.weight)
            nn.init.zeros_(self.linear.bias)
        return fit


def head_from(description: Mapping[str, Any], own: Iterable[type] = ()) -> DistributionHead:
    """The head that `describe` describes. The description may name classes of Pyro, likelihead and `own` alone.

    Raises:
        LikelihoodError: it names another class, or describes no head.
    """
    family = Family.of(
        description["distribution"], description["event_size"], description["output_shape"], own=own, trusted=False
    )
    return DistributionHead(family, description["in_features"])
