"""A resolved family: the distribution class, and the role, link and shape of each parameter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions.constraints import Constraint

from likelihead.configs import read, shipped
from likelihead.distributions.mixture import MixtureSameFamily
from likelihead.distributions.stirling import wide
from likelihead.errors import LikelihoodError, suggest
from likelihead.families.links import Link
from likelihead.families.roles import MIXTURE, Role, features_of_parameters, links_of, roles_of
from likelihead.families.signature import Signature, path_of, resolve
from likelihead.families.wrappings import WRAPPINGS, Wrapping, added_constraints, wrappings_of

__all__ = ["Family", "read", "shipped"]

#: The size at which a family with a dimension of its own is probed.
PROBE_SIZE = 3
KEYS = ("family", "parameters", "links", "floors", "components", *WRAPPINGS, "options")


@dataclass(frozen=True)
class Family:
    """A distribution class with a role, a link and a shape for each parameter.

    Attributes:
        cls: the distribution class, of the components in the case of a mixture.
        roles: `predicted`, `learned` or a number, for each parameter.
        links: the link of each predicted or learned parameter.
        parameter_shapes: the shape of each parameter in one row: output_shape, components, then that of one value.
        event_size: K for a family that needs it (classes, items, components of a vector); otherwise None.
        output_shape: (D,) for D independent outputs, or ().
        components: the number of components of a mixture; None for no mixture.
        wrappings: what is made of the class, or of the components: limits, a spline, masses at 0 and 1; the innermost
            first.
        options: further constructor arguments.
        spec: the mapping that describes the family, as plain values.
        takes_validation: whether the constructor takes `validate_args`.
        features: the names of the inputs that a parameter may look at, where it is not all of them.

    >>> family = Family.of("normal")
    >>> family.roles
    {'loc': 'predicted', 'scale': 'predicted'}
    >>> family.build({"loc": torch.zeros(3), "scale": torch.ones(3)}).batch_shape
    torch.Size([3])
    """

    cls: type
    roles: dict[str, Role]
    links: dict[str, Link]
    parameter_shapes: dict[str, torch.Size]
    event_size: int | None
    output_shape: torch.Size
    components: int | None
    options: dict[str, Any]
    wrappings: tuple[Wrapping, ...]
    spec: dict[str, Any] = field(repr=False)
    takes_validation: bool = True
    features: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        spec: str | Mapping[str, Any] | type,
        event_size: int | None = None,
        output_shape: Sequence[int] = (),
        user_classes: Iterable[type] = (),
        trusted: bool = True,
    ) -> Family:
        """Resolve a family.

        Args:
            spec: a shipped name ("poisson"), a mapping as in conf/distribution/*.yaml, or a distribution class.
            event_size: K for a family that needs it (classes, items, components of a vector).
            output_shape: (D,) for D independent outputs.
            user_classes: classes that the mapping may name besides those of Pyro and likelihead.
            trusted: whether the mapping may name any importable class; false for one that came with a file.

        Raises:
            LikelihoodError: an unknown key, parameter, role, link or class, or a missing `event_size`.
        """
        mapping = read(spec) if isinstance(spec, str) else {"family": spec} if isinstance(spec, type) else dict(spec)
        for key in mapping:
            if key not in KEYS:
                raise LikelihoodError(f"unknown key {key!r} in a distribution: {suggest(key, KEYS)}")
        if mapping.get("family") is None:
            raise LikelihoodError("a distribution needs its family, such as family: pyro.distributions.Gumbel")
        target = mapping["family"]
        family = target if isinstance(target, type) else resolve(str(target), user_classes, trusted)
        return _assemble(family, mapping, event_size, torch.Size(output_shape))

    def build(self, values: Mapping[str, Tensor]) -> Any:
        """The distribution of parameter values (N, *parameter_shape): batch_shape (N,), event_shape that of y."""
        values = dict(values)
        logits = values.pop(MIXTURE, None)
        added = {name: values.pop(name) for wrapping in self.wrappings for name in wrapping.shapes}
        if self.wrappings:
            values = {name: wide(value) for name, value in values.items()}
        checks = {"validate_args": False} if self.takes_validation else {}
        built = self.cls(**values, **self.options, **checks)
        for wrapping in self.wrappings:
            built = wrapping.build(built, added)
        if logits is not None:
            weights = dist.Categorical(logits=logits, validate_args=False)
            built = MixtureSameFamily(weights, built, validate_args=False)
        return built.to_event(len(self.output_shape)) if self.output_shape else built

    def example(self, raw_output: float = 0.0) -> Any:
        """The distribution of one row, batch_shape (1,), at anchor 0 and one raw output, to read shapes and support."""
        values = {}
        for name, shape in self.parameter_shapes.items():
            role = self.roles[name]
            if isinstance(role, str):
                raw = torch.full((1, *self.links[name].raw_shape(shape)), raw_output)
                values[name] = self.links[name](raw, torch.zeros_like(raw))
            else:
                values[name] = self.number(name).expand(1, *shape)
        return self.build(values)

    def number(self, name: str) -> Tensor:
        """The value of a fixed parameter, expanded to the shape of the parameter.

        Raises:
            LikelihoodError: it does not broadcast to that shape.
        """
        value = torch.as_tensor(self.roles[name], dtype=torch.get_default_dtype())
        try:
            return value.expand(self.parameter_shapes[name]).clone()
        except RuntimeError as error:
            raise LikelihoodError(
                f"{self.cls.__name__}.{name} has shape {tuple(self.parameter_shapes[name])}; "
                f"{self.roles[name]} does not broadcast to it"
            ) from error

    @property
    def name(self) -> str:
        """The name of the class, with what is made of it: a mixture, extra zeros."""
        wrapped = self.cls.__name__
        for wrapping in self.wrappings:
            wrapped = wrapping.name.format(wrapped)
        return f"mixture of {self.components} {wrapped}" if self.components else wrapped

    @property
    def zeros(self) -> str | None:
        """`inflated` for extra zeros, `hurdle` for a mass at 0 beside the values above it; None for neither."""
        zeros: str | None = self.spec["zeros"]
        return zeros

    @property
    def event_shape(self) -> torch.Size:
        """The shape of y in one row."""
        return torch.Size(self.example().event_shape)

    @property
    def support(self) -> Constraint:
        """Where y may lie."""
        return self.example().support

    @property
    def is_discrete(self) -> bool:
        """Whether y is discrete."""
        return bool(self.support.is_discrete)


def _mapping(mapping: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = mapping.get(key) or {}
    if not isinstance(value, Mapping):
        raise LikelihoodError(f"{key} of a distribution is {value!r}; it must be a mapping of names to values")
    return dict(value)


def _assemble(cls: type, mapping: Mapping[str, Any], event_size: int | None, output_shape: torch.Size) -> Family:
    signature = Signature.of(cls)
    components = mapping.get("components")
    wrappings = wrappings_of(signature, mapping)
    inner = {name: shape for wrapping in wrappings for name, shape in wrapping.shapes.items()}
    added = [*([MIXTURE] if components else []), *inner]
    given = _mapping(mapping, "parameters")
    features = features_of_parameters(given)
    roles = roles_of(signature, given | dict.fromkeys(features, "predicted"), added)
    links, floors = _mapping(mapping, "links"), _mapping(mapping, "floors")
    _check_names_and_size(signature, roles, (*links, *floors), event_size)
    options = _mapping(mapping, "options")
    shapes = signature.event_shapes(event_size, options) | inner
    rows = (*output_shape, components) if components else output_shape
    full = {name: torch.Size((*rows, *shapes.get(name, ()))) for name in roles}
    constraints = signature.constraints | added_constraints(wrappings)
    resolved = links_of(cls.__name__, constraints, roles, links, floors)
    spec: dict[str, Any] = {
        "family": path_of(cls),
        "parameters": roles | {name: {"features": names} for name, names in features.items()},
        "links": links,
        "floors": floors,
        "components": components,
        **{key: mapping.get(key) for key in WRAPPINGS},
        "options": options,
    }
    family = Family(
        cls,
        roles,
        resolved,
        full,
        event_size,
        output_shape,
        components,
        options,
        tuple(wrappings),
        spec,
        signature.takes_validation,
        features,
    )
    _check_example(family)
    return family


def _check_names_and_size(
    signature: Signature, roles: Mapping[str, Role], linked: Sequence[str], event_size: int | None
) -> None:
    for name in linked:
        if name not in roles:
            raise LikelihoodError(f"{signature.cls.__name__} has no parameter {name!r} to link: {suggest(name, roles)}")
    if event_size is not None and not signature.is_sized:
        raise LikelihoodError(
            f"{signature.cls.__name__} has no dimension of its own: leave out event_size={event_size}; for independent "
            f"outputs give output_shape=({event_size},)"
        )


def _check_example(family: Family) -> None:
    """Build one row, so that a class that needs more than its parameters fails at once."""
    try:
        example = family.example()
        example.support, example.event_shape  # noqa: B018
        if example.batch_shape != (1,):
            raise ValueError("it returns one distribution for all rows")
    except (TypeError, ValueError, AssertionError, RuntimeError, AttributeError, NotImplementedError) as error:
        raise LikelihoodError(
            f"{family.cls.__name__} cannot be built from {', '.join(family.roles)} alone "
            f"({error or type(error).__name__}); "
            "give its other arguments as options: {...}, or choose another family"
        ) from error


def family_for(spec: str | Mapping[str, Any] | type, y: Tensor, classes: int | None = None) -> Family:
    """The family with the sizes of targets y (N,) or (N, K).

    For a family of vectors, K is the event size; any other family gets K independent outputs. The number of classes of
    class labels is `classes`, or by default max(y) + 1.

    Raises:
        LikelihoodError: a family of vectors, and y is not (N, K); or as `Family.of`.

    >>> family_for("categorical", torch.tensor([0, 2, 1])).event_size
    3
    >>> family_for("normal", torch.zeros(5, 2)).output_shape
    torch.Size([2])
    """
    mapping = read(spec) if isinstance(spec, str) else {"family": spec} if isinstance(spec, type) else dict(spec)
    target = mapping["family"]
    signature = Signature.of(target if isinstance(target, type) else resolve(str(target)))
    if not signature.is_sized:
        return Family.of(mapping, output_shape=tuple(y.shape[1:]))
    if len(Family.of(mapping, event_size=3).event_shape):
        if y.dim() != 2:
            raise LikelihoodError(
                f"{signature.cls.__name__} needs a vector in each row, y of shape (N, K); y has shape {tuple(y.shape)}"
            )
        return Family.of(mapping, event_size=int(y.shape[1]))
    size = classes if classes is not None else int(y.max()) + 1
    return Family.of(mapping, event_size=max(size, 2), output_shape=tuple(y.shape[1:]))


def probe_family(spec: str | Mapping[str, Any] | type, size: int | None = None) -> Family:
    """Resolve a family without data; if it needs an event size, with `size` or a small default."""
    mapping = read(spec) if isinstance(spec, str) else {"family": spec} if isinstance(spec, type) else dict(spec)
    target = mapping.get("family")
    if target is None:
        raise LikelihoodError("a distribution needs its family, such as family: pyro.distributions.Gumbel")
    signature = Signature.of(target if isinstance(target, type) else resolve(str(target)))
    return Family.of(mapping, event_size=(size or PROBE_SIZE) if signature.is_sized else None)
