"""The parameters of a distribution class, with their constraints and shapes, as the class itself declares them."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from pyro.distributions.torch_distribution import TorchDistributionMixin
from torch.distributions.constraints import Constraint

from likelihead.errors import LikelihoodError
from likelihead.families.links import is_discrete

#: The modules whose classes a loaded file may name: a file is data, so nothing else is imported for it.
TRUSTED_MODULES = ("likelihead.distributions", "pyro.distributions")
#: Of alternative parametrisations, the one whose name ends like this is the default.
PREFERRED = ("logits", "scale_tril")


def path_of(cls: type) -> str:
    """The dotted path from which `resolve` gets `cls`."""
    for module in TRUSTED_MODULES:
        if getattr(importlib.import_module(module), cls.__name__, None) is cls:
            return f"{module}.{cls.__name__}"
    return f"{cls.__module__}.{cls.__qualname__}"


def resolve(path: str, user_classes: Iterable[type] = (), trusted: bool = True) -> type:
    """The distribution class at a dotted path.

    Args:
        path: such as `pyro.distributions.Gumbel`.
        user_classes: classes that are allowed even if the path is not trusted.
        trusted: whether any module may be imported; false for a path that came with a file, which may only name
            classes of likelihead.distributions and pyro.distributions, and `user_classes`.

    Raises:
        LikelihoodError: there is no such class, it is not a Pyro distribution, or it is not allowed.

    >>> resolve("pyro.distributions.Gumbel").__name__
    'Gumbel'
    """
    for cls in user_classes:
        if path_of(cls) == path:
            return cls
    module, _, name = path.rpartition(".")
    if not trusted and module not in TRUSTED_MODULES:
        raise LikelihoodError(
            f"the family {path!r} comes with the file and is not part of Pyro or likelihead; "
            f"pass its class where you load the file: load(path, families=[{name}]), or families=[{path}] on the "
            "command line"
        )
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise LikelihoodError(
            f"there is no distribution {path!r}; name one with its module, such as pyro.distributions.Gumbel"
        ) from error
    if not (isinstance(cls, type) and issubclass(cls, TorchDistributionMixin)):
        raise LikelihoodError(f"{path!r} is not a Pyro distribution class; name one such as pyro.distributions.Gumbel")
    return cls


def _is_static(constraint: Constraint) -> bool:
    try:
        return constraint.event_dim >= 0
    except NotImplementedError:
        return False


@dataclass(frozen=True)
class Signature:
    """The parameters of a distribution class, in the order of its constructor.

    Attributes:
        cls: the distribution class.
        constraints: the constraint of each parameter.
        optional: the parameters whose default is None, such as alternative parametrisations.
        takes_validation: whether the constructor takes `validate_args`.
    """

    cls: type
    constraints: dict[str, Constraint]
    optional: frozenset[str]
    takes_validation: bool

    @classmethod
    def of(cls, family: type) -> Signature:
        """Read the signature of a distribution class.

        Raises:
            LikelihoodError: the constraints depend on the instance, as those of wrappers do.
        """
        declared = inspect.getattr_static(family, "arg_constraints", None)
        declared = declared if isinstance(declared, Mapping) else None
        arguments = inspect.signature(family.__init__).parameters  # type: ignore[misc]
        names = [name for name in arguments if declared is not None and name in declared]
        if declared is None or not names or not all(_is_static(declared[name]) for name in names):
            raise LikelihoodError(
                f"{family.__name__} does not say which parameters it takes (it wraps another distribution, or its "
                "constraints depend on the instance); name the family that it wraps"
            )
        optional = frozenset(name for name in names if arguments[name].default is None)
        return cls(family, {name: declared[name] for name in names}, optional, "validate_args" in arguments)

    def is_trainable(self, name: str) -> bool:
        """Whether the parameter has a gradient; discrete ones (counts, flags) must be given as numbers."""
        return not is_discrete(self.constraints[name])

    def default_parameters(self, mentioned: Iterable[str]) -> list[str]:
        """The parameters that are predicted by default, given those that the mapping mentions.

        These are all others without a default of None and, of alternatives (`probs` or `logits`), the preferred one.
        """
        mentioned = set(mentioned)
        arguments = inspect.signature(self.cls.__init__).parameters  # type: ignore[misc]
        needed = [name for name in self.constraints if name not in self.optional and name not in mentioned]
        chosen = [
            name for name in needed if self.is_trainable(name) or arguments[name].default is inspect.Parameter.empty
        ]
        alternatives = [name for name in self.constraints if name in self.optional]
        has_required = any(name not in self.optional for name in self.constraints)
        if alternatives and not mentioned & set(alternatives):
            preferred = [name for name in alternatives if name.endswith(PREFERRED)]
            chosen += preferred or ([] if has_required else alternatives[:1])
        return chosen

    def event_shapes(self, event_size: int | None, options: Mapping[str, Any] | None = None) -> dict[str, torch.Size]:
        """The shape of one value of each parameter; `event_size` is the length of y or its number of classes.

        `options` are the further arguments of the constructor, on which the shapes may depend.

        Raises:
            LikelihoodError: the family needs an `event_size`, which is None.
        """
        declared = self._declared_shapes(event_size, options or {})
        shapes: dict[str, torch.Size] = {}
        for name, constraint in self.constraints.items():
            if name in declared:
                shapes[name] = torch.Size(declared[name])
                continue
            if constraint.event_dim and event_size is None:
                raise LikelihoodError(
                    f"{self.cls.__name__} has a dimension of its own (classes, items or components of a vector); "
                    "give its size: event_size=K"
                )
            shapes[name] = torch.Size((event_size,) * constraint.event_dim)  # type: ignore[arg-type]
        return shapes

    def _declared_shapes(self, event_size: int | None, options: Mapping[str, Any]) -> dict[str, Any]:
        """The shapes that the class itself declares by `parameter_shapes`."""
        hook = getattr(self.cls, "parameter_shapes", None)
        if hook is None:
            return {}
        if event_size is None and hook(3) != hook(4):
            raise LikelihoodError(
                f"{self.cls.__name__} has a dimension of its own (levels or classes); give its size: event_size=K"
            )
        known = inspect.signature(hook).parameters
        shapes: dict[str, Any] = hook(event_size, **{name: value for name, value in options.items() if name in known})
        return shapes

    @property
    def is_sized(self) -> bool:
        """Whether the family needs an `event_size`."""
        try:
            self.event_shapes(None)
        except LikelihoodError:
            return True
        return False
