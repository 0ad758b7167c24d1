"""DistributionHead: the output layer that maps features to a distribution over y."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from likelihead.errors import LikelihoodError, suggest
from likelihead.families.family import Family
from likelihead.heads.exposure import expose
from likelihead.heads.fast.distribution import deferred
from likelihead.heads.fast.plan import Plan, plan_of
from likelihead.heads.items import check_by_item, logits_by_item
from likelihead.heads.marginal_fit import MarginalFit, fit_marginal, fit_uniform
from likelihead.heads.parameters import Anchored, Fixed, Learned, Parameter, Predicted
from likelihead.heads.pooled_targets import pooled
from likelihead.heads.restricted_linear import RestrictedLinear
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

    One `nn.Linear` gives the raw outputs of all predicted parameters, parameter by parameter in the order of the
    mapping. Links map them to the constraints; learned and fixed parameters are added.

    Args:
        distribution: a shipped name ("poisson"), a mapping as in conf/distribution/*.yaml, or a distribution class.
        in_features: the number of features; with 0 the parameters are constants, fitted without inputs.
        event_size: K for a family that needs it (classes, items, components of a vector).
        output_shape: (D,) for D independent outputs.
        by_item: whether the features are those of each of the K items that the family ranks or chooses from,
            (N, K, in_features): the linear layer, the same for all items, then gives one logit for each.

    Raises:
        LikelihoodError: an unknown distribution, or a parameter, role or size that does not fit it; with `by_item`, a
            family of anything but items.

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
        by_item: bool = False,
    ) -> None:
        super().__init__()
        if isinstance(distribution, Family):
            self.family = distribution
        else:
            self.family = Family.of(distribution, event_size, output_shape)
        if not isinstance(in_features, int) or isinstance(in_features, bool) or in_features < 0:
            raise LikelihoodError(f"in_features is {in_features!r}; it must be a whole number, 0 or more")
        if by_item:
            check_by_item(self.family)
        self.in_features, self.by_item = in_features, by_item
        self._is_fitted = False
        self.parameter = nn.ModuleDict({name: _parameter(self.family, name) for name in self.family.roles})
        self.sizes = [parameter.size for _, parameter in self._named()]
        layer = RestrictedLinear if self.family.features else nn.Linear
        self.linear = layer(in_features, sum(self.sizes)) if sum(self.sizes) else None
        if by_item:
            # A constant added to all logits changes nothing.
            self.linear = nn.Linear(in_features, 1, bias=False)
        example = self.family.example()
        self._result = torch.Size(example.event_shape), type(example)
        self._learned = [name for name, parameter in self._named() if isinstance(parameter, Learned)]
        self._plan: Plan | None = None
        self._has_formula = True

    def _named(self) -> Iterable[tuple[str, Parameter]]:
        return self.parameter.items()  # type: ignore[return-value]

    @property
    def name(self) -> str:
        """The family's name, for messages."""
        return self.family.name

    @property
    def is_discrete(self) -> bool:
        """Whether y is discrete, so that log_prob is that of a probability and not of a density."""
        return self.family.is_discrete

    @property
    def is_fitted(self) -> bool:
        """Whether the links are anchored at a marginal fit, or there is nothing to fit."""
        anchored = [parameter for parameter in self.parameter.values() if isinstance(parameter, Anchored)]
        if self._is_fitted or not anchored:
            return True
        return any(bool((p.anchor != 0).any() or (p.unit != 1).any()) for p in anchored)

    @cached_property
    def target_type(self) -> TargetType:
        """The target type of the family."""
        return target_type_of(self.family)

    def describe(self) -> dict[str, Any]:
        """The arguments of the head as plain values, from which `head_from` rebuilds it."""
        return {
            "distribution": self.family.spec,
            "in_features": self.in_features,
            "event_size": self.family.event_size,
            "output_shape": list(self.family.output_shape),
            "by_item": self.by_item,
            "is_fitted": self.is_fitted,
        }

    def forward(self, features: Tensor, exposure: Tensor | None = None) -> Any:
        """The distribution of features (N, in_features), batch_shape (N,).

        Args:
            features: (N, *sites, in_features); sites (tokens, pixels) become further batch dimensions. By item
                (N, *sites, K, in_features), -inf for an item that is absent.
            exposure: the exposure of counts, per row (N,) or per site; None for 1.

        Raises:
            TargetError: an exposure of the wrong shape, or for a family that takes none.
        """
        return self.distribution(self._raw(features), exposure)

    def restrict(self, features: Mapping[str, Sequence[int]]) -> None:
        """Let a parameter given as `{features: [a, b]}` look at the features of these inputs only.

        Args:
            features: the places of the features of each input, by its name.

        Raises:
            LikelihoodError: there is no input of that name.
        """
        if not isinstance(self.linear, RestrictedLinear):
            return
        allowed = torch.ones_like(self.linear.mask, dtype=torch.bool)
        start = 0
        for (name, _), size in zip(self._named(), self.sizes, strict=True):
            rows = slice(start, start + size)
            start += size
            if name not in self.family.features:
                continue
            allowed[rows] = False
            for each in self.family.features[name]:
                if each not in features:
                    raise LikelihoodError(f"parameters.{name} names the input {each!r}: {suggest(each, features)}")
                allowed[rows, list(features[each])] = True
        self.linear.restrict(allowed)

    def _raw(self, features: Tensor) -> Tensor:
        if self.linear is None:
            return features.new_empty(*features.shape[:-1], 0)
        return logits_by_item(self.linear, features, sum(self.sizes)) if self.by_item else self.linear(features)

    def values(self, features: Tensor, exposure: Tensor | None = None) -> dict[str, Tensor]:
        """The parameters by name, each (N, *sites, *parameter_shape); the arguments and errors are those of `forward`.

        >>> DistributionHead("normal", in_features=2).values(torch.zeros(3, 2))["scale"].shape
        torch.Size([3])
        """
        return self._values(self._raw(features), exposure)

    def distribution(self, raw: Tensor, exposure: Tensor | None = None) -> Any:
        """The distribution of raw outputs (N, total), the output of `linear`."""
        learned: list[Tensor] = [self.parameter[name].raw for name in self._learned]  # type: ignore[misc]
        plan = self._fast_plan(raw) if exposure is None else None
        if plan is not None:
            return deferred(self, plan, raw, learned, *self._result)
        return self.family.build(self._values(raw, exposure, learned))

    def distribution_of(self, raw: Tensor, learned: Sequence[Tensor], exposure: Tensor | None = None) -> Any:
        """The distribution of raw outputs (N, total) and of the raw values of the learned constants."""
        return self.family.build(self._values(raw, exposure, learned))

    def _values(
        self, raw: Tensor, exposure: Tensor | None, learned: Sequence[Tensor] | None = None
    ) -> dict[str, Tensor]:
        constants = iter([self.parameter[name].raw for name in self._learned] if learned is None else learned)
        values = {
            name: parameter.of_constant(next(constants), raw) if isinstance(parameter, Learned) else parameter(piece)  # type: ignore[arg-type]
            for (name, parameter), piece in zip(self._named(), raw.split(self.sizes, dim=-1), strict=True)
        }
        return expose(self.family, values, exposure)

    def _fast_plan(self, raw: Tensor) -> Plan | None:
        """How log_prob is taken from the raw outputs, where that is possible and worth it."""
        if torch.compiler.is_compiling():
            return None
        is_usual = raw.dim() == 2 and len(raw) and raw.device.type == "cpu" and self._has_formula
        if not is_usual or torch._C._are_functorch_transforms_active():
            return None
        if self._plan is None or not self._plan.is_current():
            self._plan = plan_of(self.family, dict(self._named()))
            self._has_formula = self._plan is not None
        plan = self._plan
        return plan if plan is not None and plan.is_usable and plan.dtype == raw.dtype else None

    def marginal(self, shape: int | Sequence[int] = 1, exposure: Tensor | None = None) -> Any:
        """The distribution at which training starts, expanded to batch_shape `shape`.

        After `fit_marginal` it is the marginal fit, even once the head has been trained.

        >>> DistributionHead("normal", in_features=2).marginal(3).scale
        tensor([1., 1., 1.])
        """
        batch_shape = torch.Size([shape] if isinstance(shape, int) else shape)
        values = {name: parameter.at_anchor(batch_shape) for name, parameter in self._named()}
        return self.family.build(expose(self.family, values, exposure))

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
        """Anchor the links at the marginal fit of the targets, so that training starts there.

        It sets the linear layer and the learned constants to 0, so call it before training.

        Args:
            y: targets (N, *sites, *event_shape); one distribution is fitted to all sites that are not outputs of the
                head (tokens, pixels).
            weight: the weight of each row (N,) or site.
            exposure: per row or site; it scales the expected count.
            mask: False for rows or sites without a target.
            bounds, truncation: of censored and truncated targets, as in `Batch`.

        Returns:
            The anchors, units and mean NLL of the fit.

        Raises:
            TargetError: targets of another shape, outside the support, all equal, or all censored on the same side.

        >>> head = DistributionHead("normal", in_features=2)
        >>> _ = head.fit_marginal(torch.tensor([1.0, 2.0, 3.0]))
        >>> head(torch.randn(1, 2)).mean.item()
        2.0
        """
        rows = pooled(self.family, y, weight, exposure, mask, bounds, truncation)
        with torch.enable_grad():
            fit = fit_uniform(self.family, rows) if self.by_item else fit_marginal(self.family, *rows)
        for name, parameter in self._named():
            if isinstance(parameter, Anchored):
                parameter.set_anchor(fit.anchors[name], fit.units[name])
        self._is_fitted = True
        if self.linear is not None:
            for weights in self.linear.parameters():
                nn.init.zeros_(weights)
        return fit


def head_from(description: Mapping[str, Any], user_classes: Iterable[type] = ()) -> DistributionHead:
    """Rebuild a head from its `describe()`, which may only name classes of Pyro, likelihead and `user_classes`.

    Raises:
        LikelihoodError: the description names another class, or does not describe a head.
    """
    family = Family.of(
        description["distribution"],
        description["event_size"],
        description["output_shape"],
        user_classes=user_classes,
        trusted=False,
    )
    # An earlier version knew no features by item.
    head = DistributionHead(family, description["in_features"], by_item=description.get("by_item", False))
    head._is_fitted = description.get("is_fitted", True)
    return head
