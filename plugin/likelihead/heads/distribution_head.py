"""DistributionHead: the output layer that maps features to a distribution over the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from likelihead.families.family import Family
from likelihead.heads.marginal_fit import MarginalFit, expose, fit_marginal
from likelihead.heads.parameters import Anchored, Fixed, Learned, Parameter, Predicted


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
        self.sizes = [parameter.size for parameter in self._parameters_in_order()]
        self.linear = nn.Linear(in_features, sum(self.sizes)) if sum(self.sizes) else None

    def _parameters_in_order(self) -> Iterable[Parameter]:
        return self.parameter.values()  # type: ignore[return-value]

    def forward(self, features: Tensor, exposure: Tensor | None = None) -> Any:
        """Features (N, in_features), and the exposure (N,) of a count if there is one, to a distribution."""
        raw = features.new_empty(len(features), 0) if self.linear is None else self.linear(features)
        return self.distribution(raw, exposure)

    def distribution(self, raw: Tensor, exposure: Tensor | None = None) -> Any:
        """The distribution of raw outputs (N, total), those that `linear` gives."""
        pieces = raw.split(self.sizes, dim=-1)
        values = {
            name: parameter(piece) for (name, parameter), piece in zip(self.parameter.items(), pieces, strict=True)
        }
        return self.family.build(expose(self.family, values, exposure))

    def marginal(self, rows: int = 1, exposure: Tensor | None = None) -> Any:
        """The distribution at raw output 0, once for each of `rows`: after `fit_marginal`, the marginal fit."""
        raw = torch.zeros(rows, sum(self.sizes), **self._kind())
        return self.distribution(raw, exposure)

    def _kind(self) -> dict[str, Any]:
        tensor = next(iter([*self.parameters(), *self.buffers()]))
        return {"dtype": tensor.dtype, "device": tensor.device}

    def fit_marginal(self, y: Tensor, weight: Tensor | None = None, exposure: Tensor | None = None) -> MarginalFit:
        """Anchor the links at the marginal fit of targets y (N, *event_shape), and start there.

        Every raw output becomes 0: the linear layer and the learned constants are set to zero, so call it before
        training. `weight` (N,) counts rows; `exposure` (N,) scales the expected count.

        >>> head = DistributionHead("normal", in_features=2)
        >>> _ = head.fit_marginal(torch.tensor([1.0, 2.0, 3.0]))
        >>> head(torch.randn(1, 2)).mean.item()
        2.0
        """
        fit = fit_marginal(self.family, y, weight, exposure)
        for name, parameter in self.parameter.items():
            if isinstance(parameter, Anchored):
                parameter.set_anchor(fit.anchors[name], fit.units[name])
        if self.linear is not None:
            nn.init.zeros_(self.linear.weight)
            nn.init.zeros_(self.linear.bias)
        return fit
